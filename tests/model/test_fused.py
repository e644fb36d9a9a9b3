"""The Triton kernels against the plain step: on a GPU, or with TRITON_INTERPRET=1 in Triton's interpreter.

Triton is no dependency; without it these are skipped, and what is tested is that nothing asks for it.
"""

from __future__ import annotations

import importlib.util
import os

import pytest
import torch

from kvlsp.model.fused import fused_layers, fused_move, suits
from kvlsp.model.graphed import GraphedForward
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.rows import EVERY, NONE, Branch, RowBatch
from kvlsp.model.transformers_decoder import TransformersDecoder
from tests.support.architectures import SUPPORTED, build
from tests.support.reference import ids_of, permuted

GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None or not (GPU or os.environ.get("TRITON_INTERPRET") == "1"),
    reason="needs Triton (no dependency), and a GPU or TRITON_INTERPRET=1",
)

FAMILIES = ["deepseek-coder (linear scaling)", "qwen2.5-coder", "qwen3", "granite", "mistral (sliding window)"]
WIDE = {"hidden_size": 64, "head_dim": 16}


def lean_of(family: str, dtype: torch.dtype = torch.float32) -> LeanDecoder:
    config = SUPPORTED[family](2, **(WIDE if family != "qwen3" else {}))
    return LeanDecoder(TransformersDecoder(build(config, dtype).to(DEVICE), family, 4096))


def near(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 2e-5) -> None:
    apart = float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-9))
    assert apart <= tolerance, f"{apart:.1e} apart"


@needs_triton
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rows", [1, 3, 13])
def test_a_fused_step_is_the_plain_step(family, rows):
    lean = lean_of(family)
    assert suits(lean)
    plain, fused = GraphedForward(lean), GraphedForward(lean, run_layers=fused_layers, move_keys=fused_move)
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
    narrow = LeanDecoder(TransformersDecoder(build(SUPPORTED["llama"](1), torch.float32), "narrow", 4096))
    assert narrow.width == 8
    assert not suits(narrow)


def test_without_triton_there_are_no_kernels(monkeypatch):
    lean = lean_of("qwen2.5-coder")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not suits(lean)
