"""Checkpoints that other programs have rounded: opened as what they stand for, or refused with what to do."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from kvlsp.catalogue.entry import look
from kvlsp.errors import ModelBroken, UnsupportedModel
from kvlsp.model import int4
from kvlsp.model import rounded as rounded_model
from kvlsp.model.contents import contents
from kvlsp.model.formats import rounded_as
from kvlsp.model.grids import Grid, Rounded, unpack
from kvlsp.model.int4 import Int4Weight, int4_linear
from kvlsp.model.loading import load
from kvlsp.model.rows import EVERY, RowBatch
from kvlsp.model.tensor_files import TensorFiles
from tests.support.reference import ids_of
from tests.support.rounded_checkpoints import KINDS, checkpoint, words

needs_four = pytest.mark.skipif(not int4.available(), reason="this PyTorch has no products with four-bit weights")


def logits(folder: Path, dtype: str = "float32") -> torch.Tensor:
    decoder = load(folder, "cpu", dtype).decoder
    ids, places = ids_of(30), torch.arange(30)
    return decoder.forward(decoder.allocate(30), RowBatch(ids, places, places, EVERY))


def apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def change(folder: Path, **tensors: torch.Tensor | None) -> None:
    """Put other tensors in a checkpoint, or take them out."""
    path = folder / "model.safetensors"
    kept = {name: one for name, one in {**load_file(path), **tensors}.items() if one is not None}
    save_file(kept, path, metadata={"format": "pt"})


def describe(folder: Path, **said: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **said}))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_rounded_is_opened_as_what_it_stands_for(tmp_path: Path, kind: str, tied: bool) -> None:
    folder = checkpoint(tmp_path, kind, tie_word_embeddings=tied)
    loaded = load(folder, "cpu", "float32")
    assert re.search(r"lean.*, restored from \w+", loaded.description)
    assert apart(logits(folder), logits(tmp_path / "plain")) < 1e-5


@pytest.mark.parametrize("dtype", ["bfloat16", "int8", pytest.param("int4", marks=needs_four)])
@pytest.mark.parametrize("kind", KINDS)
def test_it_may_be_held_in_any_precision(tmp_path: Path, kind: str, dtype: str) -> None:
    folder = checkpoint(tmp_path, kind)
    allowed = {"bfloat16": 0.06, "int8": 0.15, "int4": 0.5}[dtype]
    assert apart(logits(folder, dtype), logits(tmp_path / "plain")) < allowed


@needs_four
@pytest.mark.parametrize("kind", ["gptq", "awq", "packed", "packed with zeros", "mlx"])
def test_four_bits_stay_the_four_bits_that_they_were(tmp_path: Path, kind: str) -> None:
    folder = checkpoint(tmp_path, kind)
    expected = logits(tmp_path / "plain")
    again = apart(logits(tmp_path / "plain", "int4"), expected)
    assert apart(logits(folder, "int4"), expected) < min(0.06, again)


@needs_four
@given(outputs=st.sampled_from([64, 128]), each=st.sampled_from([64, 128, 256]), seed=st.integers(0, 9))
def test_codes_of_four_bits_are_multiplied_as_they_are(outputs: int, each: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 16, (outputs, 256), generator=generator).to(torch.uint8)
    scales = torch.rand(outputs, 256 // each, generator=generator) + 0.1
    grid = Grid(codes, scales, scales * -7, each)
    held = Int4Weight.of_grids([grid, grid])
    assert held is not None
    matrix = int4_linear(torch.eye(256).bfloat16(), held).t().float()
    expected = torch.cat([grid.restored(torch.float32)] * 2)
    assert apart(matrix, expected) < 0.01


@pytest.mark.parametrize(
    "grid",
    [
        Grid(torch.zeros(64, 64, dtype=torch.int8), torch.ones(64, 1), torch.ones(64, 1), 64),
        Grid(torch.full((64, 64), 200, dtype=torch.uint8), torch.ones(64, 1), torch.ones(64, 1), 64),
        Grid(torch.zeros(64, 64, dtype=torch.uint8), torch.ones(64, 2), torch.ones(64, 2), 32),
        Grid(torch.zeros(64, 64, dtype=torch.uint8), torch.ones(64, 1), torch.ones(64, 1), 64, torch.zeros(64).long()),
        Grid(torch.zeros(48, 64, dtype=torch.uint8), torch.ones(48, 1), torch.ones(48, 1), 64),
        None,
    ],
)
def test_other_codes_are_rounded_anew(grid: Grid | None) -> None:
    assert Int4Weight.of_grids([grid]) is None


@given(bits=st.sampled_from([2, 4, 8]), rows=st.integers(1, 5), columns=st.integers(1, 4), seed=st.integers(0, 99))
def test_words_are_unpacked(bits: int, rows: int, columns: int, seed: int) -> None:
    shape = rows, columns * 32 // bits
    codes = torch.randint(0, 2**bits, shape, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(unpack(words(codes, bits), bits).long(), codes)


@given(
    rows=st.integers(1, 700), columns=st.integers(1, 40), width=st.integers(1, 50), one=st.booleans(),
    named=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_a_grid_is_restored(rows: int, columns: int, width: int, one: bool, named: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    count = -(-columns // width)
    codes = torch.randint(-128, 128, (rows, columns), generator=generator).to(torch.int8)
    scales, offsets = (torch.randn(1 if one else rows, count, generator=generator) for _ in range(2))
    groups = torch.randint(0, count, (columns,), generator=generator) if named else torch.arange(columns) // width
    expected = codes.float() * scales[:, groups] + offsets[:, groups]
    assert torch.equal(Grid(codes, scales, offsets, width, groups if named else None).restored(torch.float32), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_numbers_as_it_stands_for(tmp_path: Path, kind: str) -> None:
    folder = checkpoint(tmp_path, kind)
    found = contents(folder, rounded_as(json.loads((folder / "config.json").read_text()), folder))
    plain = contents(tmp_path / "plain")
    assert (found.parameters, found.tables, found.largest_layer) == (
        plain.parameters,
        plain.tables,
        plain.largest_layer,
    )
    assert not found.rounded
    entry = look(folder, "it", "here")
    assert (entry.problem, entry.parameters) == ("", plain.parameters)


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "gptq")
    change(folder, **{"model.layers.1.mlp.up_proj.qzeros": None})
    for dtype in ("float32", "int8"):
        with pytest.raises(ModelBroken, match=r"up_proj\.weight cannot be restored .*'qzeros' is missing"):
            load(folder, "cpu", dtype)


def test_parts_that_do_not_fit_each_other(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "gptq")
    change(folder, **{"model.layers.1.mlp.up_proj.g_idx": torch.full((128,), 7, dtype=torch.int32)})
    with pytest.raises(ModelBroken, match="groups that are not there"):
        load(folder, "cpu", "float32")


def test_groups_of_which_none_is_named_are_in_order(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "packed")
    change(folder, **{"model.layers.1.mlp.up_proj.weight_g_idx": torch.full((128,), -1, dtype=torch.int32)})
    assert apart(logits(folder), logits(tmp_path / "plain")) < 1e-5
    change(folder, **{"model.layers.1.mlp.up_proj.weight_g_idx": torch.full((128,), 7, dtype=torch.int32)})
    with pytest.raises(ModelBroken, match="groups that are not there"):
        load(folder, "cpu", "float32")


def test_more_scales_than_the_description_speaks_of(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "packed")
    groups = {"group_0": {"weights": {"num_bits": 4, "group_size": 128}}}
    said = {"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": groups}
    describe(folder, quantization_config=said)
    with pytest.raises(ModelBroken, match="3 groups of 128 are not 192 codes"):
        load(folder, "cpu", "float32")
    groups["group_1"] = {"weights": {"num_bits": 4, "group_size": 64}}
    describe(folder, quantization_config=said)
    with pytest.raises(UnsupportedModel, match="several kinds"):
        load(folder, "cpu", "float32")


@pytest.mark.parametrize(("part", "why"), [("weight", "whole already"), ("weight_scale", "scales of")])
def test_scales_that_are_not_of_these_codes(tmp_path: Path, part: str, why: str) -> None:
    folder = checkpoint(tmp_path, "octets")
    others = {"weight": torch.randn(192, 128).bfloat16(), "weight_scale": torch.ones(3, 1)}
    change(folder, **{f"model.layers.1.mlp.up_proj.{part}": others[part]})
    with pytest.raises(ModelBroken, match=why):
        load(folder, "cpu", "float32")


def test_a_whole_matrix_that_is_missing(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "awq")
    change(folder, **{f"model.layers.1.mlp.up_proj.{part}": None for part in ("qweight", "qzeros", "scales")})
    for dtype in ("float32", "int8"):
        with pytest.raises(ModelBroken, match=r"1 weights are missing.*layers\.1\.mlp\.up_proj"):
            load(folder, "cpu", dtype)


def test_what_nothing_explains_is_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "packed")
    change(folder, **{"model.layers.0.mlp.up_proj.input_scale": torch.ones(1)})  # of activations, says nothing
    load(folder, "cpu", "float32")
    change(folder, **{"model.layers.0.mlp.up_proj.weight_global_scale": torch.ones(1)})
    with pytest.raises(UnsupportedModel, match=r"up_proj\.weight_global_scale, which neither"):
        load(folder, "cpu", "float32")


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_activations_that_are_scaled_are_refused_with_what_helps(tmp_path: Path, dtype: str) -> None:
    folder = checkpoint(tmp_path, "awq")
    change(folder, **{"model.layers.0.mlp.act_fn.scales": torch.ones(192)})  # AutoAWQ's ScaledActivation
    with pytest.raises(UnsupportedModel, match=r"act_fn\.scales, which neither AWQ.*Name the checkpoint that"):
        load(folder, "cpu", dtype)


def test_codes_without_scales_are_no_numbers(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "octets")
    change(folder, **{"model.layers.0.mlp.up_proj.weight_scale": None})
    with pytest.raises(UnsupportedModel, match="stored as I8"):
        load(folder, "cpu", "float32")


@pytest.mark.parametrize(
    ("kind", "said", "says"),
    [
        ("gptq", {"quant_method": "gptq", "bits": 3}, "GPTQ to 3 bits"),
        ("gptq", {"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"}, "GPTQ laid out for marlin"),
        ("gptq", {"quant_method": "gptq", "bits": 4, "dynamic": {"a": {}}}, "settings of its own for some layers"),
        ("awq", {"quant_method": "awq", "bits": 4, "version": "gemv"}, "AutoAWQ's version gemm is read"),
        ("packed", {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized", "config_groups": {
            "group_0": {"weights": {"num_bits": 4, "type": "float"}}}}, "as nvfp4-pack-quantized"),
        ("packed", {"quant_method": "compressed-tensors", "config_groups": 3}, "several kinds"),
        ("packed", {"quant_method": "auto-round", "bits": 4}, "auto_gptq and auto_awq, which are read"),
        ("packed", {"quant_method": "gptq", "bits": 4, "group_size": "x"}, "does not say how"),
    ],
)  # fmt: skip
def test_other_layouts_are_refused(tmp_path: Path, kind: str, said: dict[str, object], says: str) -> None:
    folder = checkpoint(tmp_path, kind)
    describe(folder, quantization_config=said)
    with pytest.raises((UnsupportedModel, ModelBroken), match=says):
        load(folder, "cpu", "float32")


def test_mlx_s_other_modes_are_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "mlx")
    for said, says in (
        ({"group_size": 32, "bits": 4, "mode": "mxfp4"}, "for MLX as mxfp4"),
        ({"group_size": 64, "bits": 3}, "for MLX to 3 bits"),
        ({"group_size": 64, "bits": 4, "model.embed_tokens": {"group_size": 64, "bits": 8}}, "settings of its own"),
    ):
        describe(folder, quantization=said)
        with pytest.raises(UnsupportedModel, match=says):
            load(folder, "cpu", "float32")


@pytest.mark.parametrize("dtype", ["int8", pytest.param("int4", marks=needs_four)])
@pytest.mark.parametrize("kind", ["awq", "octets"])
def test_a_matrix_is_read_once_to_be_rounded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, dtype: str
) -> None:
    folder = checkpoint(tmp_path, kind)
    reads, found = Counter[str](), Counter[str]()
    real, made = TensorFiles.rounded, rounded_model.take_over

    def counted(self: TensorFiles, name: str) -> Rounded | None:
        reads[name] += 1
        return real(self, name)

    def decoder(*given: Any) -> Any:
        reads.clear()
        lean = made(*given)
        found.update(reads)
        return lean

    monkeypatch.setattr(TensorFiles, "rounded", counted)
    monkeypatch.setattr(rounded_model, "take_over", decoder)
    load(folder, "cpu", dtype)
    assert len(found) == 18
    assert set(found.values()) == {1}
