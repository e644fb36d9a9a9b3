"""The Triton kernels against the plain step: on a GPU, or with TRITON_INTERPRET=1 in Triton's interpreter.

Triton is no dependency; without it these are skipped, and what is tested is that nothing asks for it.
"""

from __future__ import annotations

import importlib.util
import os

import pytest
import torch

from kvlsp.model.attention import attend
from kvlsp.model.fused import FusedVisibility, attend_many, fused_layers, fused_move, suits
from kvlsp.model.graphed import GraphedForward
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_layers import take_over
from kvlsp.model.rows import EVERY, NONE, Branch, RowBatch
from kvlsp.model.single_row import SingleRow, Tile, Tiles, logits_of_one, suits_one_row
from kvlsp.model.transformers_decoder import TransformersDecoder
from tests.support.architectures import SUPPORTED, build
from tests.support.reference import ids_of, permuted

GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None or not (GPU or os.environ.get("TRITON_INTERPRET") == "1"),
    reason="needs Triton (no dependency), and a GPU or TRITON_INTERPRET=1",
)

FUSED = {"run_layers": fused_layers, "move_keys": fused_move, "see": FusedVisibility}
FAMILIES = ["deepseek-coder (linear scaling)", "qwen2.5-coder", "qwen3", "granite", "mistral (sliding window)"]
WIDE = {"hidden_size": 64, "head_dim": 16}


def lean_of(family: str, dtype: torch.dtype = torch.float32) -> LeanDecoder:
    config = SUPPORTED[family](2, **(WIDE if family != "qwen3" else {}))
    return take_over(TransformersDecoder(build(config, dtype).to(DEVICE), family, 4096))


def near(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 2e-5) -> None:
    apart = float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-9))
    assert apart <= tolerance, f"{apart:.1e} apart"


@needs_triton
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rows", [1, 3, 13])
def test_a_fused_step_is_the_plain_step(family, rows):
    lean = lean_of(family)
    assert suits(lean)
    plain, fused = GraphedForward(lean), GraphedForward(lean, **FUSED)
    count, slots = 150, permuted(420)
    documents = [decoder.allocate(420) for decoder in (plain, fused)]
    branches = [Branch(1, slots[row : row + 4]) for row in range(rows)]
    for decoder, document in zip((plain, fused), documents, strict=True):
        decoder.forward(document, RowBatch(ids_of(count), torch.arange(count), slots[:count], NONE))
        decoder.move(document, slots[40:count], torch.arange(40, count) + 7)
    near(documents[1].whole, documents[0].whole)
    places = torch.arange(200, 200 + rows)
    batch = RowBatch(ids_of(rows, seed=4), places, slots[count : count + rows], EVERY, branches)
    expected, found = (
        decoder.forward(document, batch) for decoder, document in zip((plain, fused), documents, strict=True)
    )
    near(found, expected)
    near(documents[1].whole, documents[0].whole)
    assert torch.equal(documents[0].position, documents[1].position)


ROW_FAMILIES = [family for family in FAMILIES if family != "qwen3"]
SMALL = Tiles(heads=Tile(2, 32, 1), output=Tile(4, 16, 1), gate=Tile(8, 32, 1), down=Tile(4, 64, 1), early=False)


@needs_triton
@pytest.mark.parametrize("family", ROW_FAMILIES)
@pytest.mark.parametrize("tiles", [Tiles(early=False), SMALL])
def test_a_step_of_one_row_is_the_plain_step(family, tiles):
    lean = lean_of(family)
    assert suits_one_row(lean)
    one_row = {**FUSED, "run_layers": SingleRow(tiles), "logits_of_one": logits_of_one}
    plain, single = GraphedForward(lean), GraphedForward(lean, **one_row)
    slots, documents = permuted(420), [decoder.allocate(420) for decoder in (plain, single)]
    for decoder, document in zip((plain, single), documents, strict=True):
        decoder.forward(document, RowBatch(ids_of(150), torch.arange(150), slots[:150], NONE))
    for row in (150, 151):
        one = slots[row : row + 1]
        batch = RowBatch(ids_of(1, seed=row), torch.tensor([row]), one, EVERY, [Branch(1, slots[3:7])])
        expected, found = (
            decoder.forward(document, batch) for decoder, document in zip((plain, single), documents, strict=True)
        )
        near(found, expected)
        near(documents[1].whole, documents[0].whole)
    several = RowBatch(ids_of(3), torch.arange(152, 155), slots[152:155], EVERY, Branch(1))
    near(single.forward(documents[1], several), plain.forward(documents[0], several))


@needs_triton
def test_attention_of_many_rows_is_that_of_torch():
    generator = torch.Generator(DEVICE).manual_seed(1)
    storage = torch.randn(3 * 2, 90, 16, generator=generator, device=DEVICE)
    queries = torch.randn(6, 9, 16, generator=generator, device=DEVICE)
    mask = torch.zeros(9, 70, device=DEVICE)
    mask[torch.rand(9, 70, generator=generator, device=DEVICE) < 0.4] = torch.finfo(torch.float32).min / 2
    keys, values = storage[:2, :70], storage[4:, :70]
    near(attend_many(queries, keys, values, mask, 0.3), attend(queries, keys, values, mask, 0.3))


def test_norms_of_queries_and_keys_are_left_to_the_other_kernels():
    assert not suits_one_row(lean_of("qwen3"))


@needs_triton
def test_a_fused_step_in_sixteen_bits_stays_near():
    """bfloat16 on a GPU only: the interpreter multiplies its bits as if they were integers."""
    lean = lean_of("qwen2.5-coder", torch.bfloat16 if GPU else torch.float16)
    slots, found = permuted(200), []
    for decoder in (GraphedForward(lean), GraphedForward(lean, run_layers=fused_layers, move_keys=fused_move)):
        document = decoder.allocate(200)
        decoder.forward(document, RowBatch(ids_of(90), torch.arange(90), slots[:90], NONE))
        found.append(decoder.forward(document, RowBatch(ids_of(4), torch.arange(90, 94), slots[90:94], EVERY)))
    near(found[1], found[0], 0.05)


def test_what_the_kernels_cannot_run_is_left_to_torch():
    double = lean_of("qwen2.5-coder", torch.float64)
    assert not suits(double)
    narrow = take_over(TransformersDecoder(build(SUPPORTED["llama"](1), torch.float32), "narrow", 4096))
    assert narrow.width == 8
    assert not suits(narrow)


def test_without_triton_there_are_no_kernels(monkeypatch):
    lean = lean_of("qwen2.5-coder")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not suits(lean)
