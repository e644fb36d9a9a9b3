"""Loading: a folder becomes a decoder, or a plain sentence."""

from __future__ import annotations

import json
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from kvlsp.errors import ConfigurationError, ModelBroken, OutOfMemory, UnsupportedModel
from kvlsp.model import memory
from kvlsp.model.int8 import Int8Weight, integer_linear
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.loading import load
from kvlsp.model.memory import Size, plan
from kvlsp.model.rows import EVERY, RowBatch
from kvlsp.model.transformers_decoder import TransformersDecoder
from tests.support.architectures import SUPPORTED, build
from tests.support.decoders import tiny_llama
from tests.support.reference import exact_angles, full_logits, ids_of


@pytest.fixture
def folder(tmp_path):
    tiny_llama(2, dtype=torch.float32).save_pretrained(tmp_path)
    return tmp_path


def test_a_folder_becomes_a_decoder(folder):
    told = []
    loaded = load(folder, "cpu", "float32", progress=lambda share, doing: told.append((share, doing)))
    assert isinstance(loaded.decoder, LeanDecoder)
    assert (loaded.folder, loaded.checkpoint.name) == (folder, folder.name)
    assert loaded.decoder.context_length == 4096
    assert loaded.description.endswith("float32 on cpu, lean")
    shares = [share for share, _ in told if share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    ids, rows = ids_of(30), torch.arange(30)
    found = loaded.decoder.forward(loaded.decoder.allocate(30), RowBatch(ids, rows, rows, EVERY))
    expected = full_logits(exact_angles(tiny_llama(2)), ids)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


def test_the_generic_forward_can_be_asked_for(folder):
    assert isinstance(load(folder, "cpu", "float32", lean=False).decoder, TransformersDecoder)


def test_weights_do_not_need_gradients(folder):
    model = load(folder, "cpu", "float32", lean=False).decoder.model
    assert not any(one.requires_grad for one in model.parameters())


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"model_type": "none-such"}, UnsupportedModel, "does not know the architecture none-such"),
        ({"hidden_size": 48}, ModelBroken, "other shapes"),
        ({"model_type": "qwen3_next"}, UnsupportedModel, "linear_attention"),
    ],
)
def test_configurations_that_do_not_fit(folder, change, kind, says):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(kind, match=says):
        load(folder, "cpu", "float32")


def test_missing_weights_are_not_made_up(folder):
    path = folder / "model.safetensors"
    weights = load_file(path)
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ModelBroken, match=r"1 weights are missing.*layers\.1\.mlp\.up_proj"):
        load(folder, "cpu", "float32")


def test_unknown_precision_and_device(folder):
    with pytest.raises(ConfigurationError, match=r"held as int3; choose one of .*int8, int4"):
        load(folder, "cpu", "int3")
    for dtype in ("int8", "int4"):
        with pytest.raises(ConfigurationError, match=f"{dtype} weights run on the CPU only"):
            load(folder, "cuda", dtype)
    with pytest.raises(ConfigurationError, match="no device"):
        load(folder, "cuda" if not torch.cuda.is_available() else "mps", "float32")


def test_a_model_that_does_not_fit(folder, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 1 << 20)
    with pytest.raises(OutOfMemory, match=r"needs \d+ MiB on cpu, \d+ MiB more than is free"):
        load(folder, "cpu", "float32")


def test_the_plan_halves_the_precision_before_it_refuses(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 3 << 30)
    monkeypatch.setattr(memory, "precision_for", lambda device: torch.float32)
    assert plan(Size(500_000_000, 1000), "cpu").dtype == torch.float32
    assert plan(Size(1_300_000_000, 1000), "cpu").dtype == torch.bfloat16
    with pytest.raises(OutOfMemory):
        plan(Size(1_300_000_000, 1000), "cpu", "float32")
    with pytest.raises(OutOfMemory):
        plan(Size(7_000_000_000, 1000), "cpu")


def test_what_is_lacking_is_said_where_the_sizes_look_the_same(monkeypatch):
    needed = memory.needed(Size(3_000_000_000, 1000), torch.bfloat16)
    monkeypatch.setattr(memory, "free_memory", lambda device: needed - (40 << 20))
    with pytest.raises(OutOfMemory, match=r"5\.7 GiB on cpu, 40 MiB more than is free\. With dtype int8 it would"):
        plan(Size(3_000_000_000, 1000), "cpu", "bfloat16")


def test_rounded_weights_are_planned_where_bfloat16_does_not_fit(monkeypatch):
    size = Size(3_000_000_000, 1000, tables=300_000_000, layer=90_000_000)
    monkeypatch.setattr(memory, "free_memory", lambda device: 4 << 30)
    with pytest.raises(OutOfMemory, match="With dtype int8 it would need"):
        plan(size, "cpu", "bfloat16")
    assert plan(size, "cpu", "int8").weights == 3_000_000_000
    assert plan(size, "cpu", "int4").weights == int(2_700_000_000 * 0.5625) + 300_000_000
    assert plan(size, "cpu", "int8").dtype == torch.bfloat16
    monkeypatch.setattr(memory, "free_memory", lambda device: 5 << 29)
    with pytest.raises(OutOfMemory, match=r"as int8\. With dtype int4 it would need"):
        plan(size, "cpu", "int8")
    monkeypatch.setattr(memory, "free_memory", lambda device: 1 << 29)
    with pytest.raises(OutOfMemory, match=r"as int4\. Choose a smaller"):
        plan(size, "cpu", "int4")


def test_what_is_merged_before_it_is_rounded_is_planned_as_a_whole(monkeypatch):
    size = Size(3_000_000_000, 1000, tables=300_000_000, layer=90_000_000, whole=True)
    monkeypatch.setattr(memory, "free_memory", lambda device: 4 << 30)
    with pytest.raises(OutOfMemory, match=r"as int8\. Choose a smaller"):
        plan(size, "cpu", "int8")
    monkeypatch.setattr(memory, "free_memory", lambda device: 7 << 30)
    assert plan(size, "cpu", "int8").weights == 3_000_000_000


def test_what_was_measured_decides_between_precisions(monkeypatch):
    monkeypatch.setattr(memory, "precision_for", lambda device: torch.bfloat16)
    size = Size(1_000_000, 1000)
    assert plan(size, "cpu", quickest=lambda: torch.float32).dtype == torch.float32
    assert plan(size, "cpu", quickest=lambda: None).dtype == torch.bfloat16
    assert plan(size, "cpu", "bfloat16", quickest=lambda: torch.float32).dtype == torch.bfloat16


def test_memory_of_this_machine_is_known():
    assert memory.free_memory(torch.device("cpu")) > 1 << 28
    assert memory.precision_for(torch.device("cpu")) in (torch.float32, torch.bfloat16)


def logits_of(decoder, rows):
    ids, places = ids_of(30), torch.arange(30)
    document = decoder.allocate(30)
    return torch.cat([
        decoder.forward(document, RowBatch(*(it[a : a + rows] for it in (ids, places, places)), EVERY))
        for a in range(0, 30, rows)
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "says", "apart"),
    [("int8", "int8 weights( and activations)?", 0.15), ("int4", "int4 weights in groups of 64", 0.5)],
)
@pytest.mark.parametrize("rows", [1, 30])
@pytest.mark.parametrize("stored", [torch.float32, torch.float16, torch.bfloat16])
def test_rounded_weights_stay_near_the_checkpoint(tmp_path, dtype, says, apart, rows, stored):
    tiny_llama(2, dtype=stored, hidden_size=128, intermediate_size=128, initializer_range=0.1).save_pretrained(tmp_path)
    expected = logits_of(load(tmp_path, "cpu", "float32").decoder, rows)
    loaded = load(tmp_path, "cpu", dtype)
    found = logits_of(loaded.decoder, rows)
    assert re.search(rf"{says}.* on cpu, lean$", loaded.description)
    difference = float((found - expected).abs().max() / expected.abs().max())
    assert 1e-4 < difference < apart


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_layers_are_rounded_from_their_files_as_from_memory(folder, dtype, monkeypatch):
    small = tiny_llama(2, dtype=torch.bfloat16, hidden_size=128, intermediate_size=128, initializer_range=0.1)
    small.save_pretrained(folder)
    streamed = load(folder, "cpu", dtype)
    monkeypatch.setattr("kvlsp.model.loading.stored_layers", lambda model, files: None)
    whole = load(folder, "cpu", dtype)
    if streamed.decoder.product is whole.decoder.product:  # else another one was the quicker
        assert torch.equal(logits_of(streamed.decoder, 8), logits_of(whole.decoder, 8))


@pytest.mark.parametrize("tied", [True, False])
def test_nothing_but_rounded_weights_is_kept(tmp_path, tied):
    model = tiny_llama(2, dtype=torch.bfloat16, tie_word_embeddings=tied)
    model.save_pretrained(tmp_path)
    decoder = load(tmp_path, "cpu", "int8").decoder
    assert decoder.exact.model is None
    held = {id(one): one for one in kept(decoder)}.values()
    numbers = sum(one.numel() for one in model.parameters())
    assert sum(one.nbytes for one in held) < 1.2 * numbers


def kept(decoder):
    held = [getattr(layer, name) for layer in decoder.weights for name in layer.__slots__]
    for one in [*decoder.output_layer, decoder.table, *held]:
        if isinstance(one, Int8Weight):
            yield from (one.codes, one.scales)
        elif isinstance(one, torch.Tensor):
            yield one


def test_activations_stay_as_they_are_where_eight_bits_are_too_few(folder, monkeypatch):
    wrong = lambda rows, weight, bias=None: -integer_linear(rows, weight, bias)  # noqa: E731
    monkeypatch.setattr("kvlsp.model.rounding.integer_linear", wrong)
    monkeypatch.setattr("kvlsp.model.rounded.integer_linear", wrong)
    monkeypatch.setattr("kvlsp.model.rounding.quicker_in_integers", lambda width: True)
    loaded = load(folder, "cpu", "int8")
    assert "int8 weights on cpu" in loaded.description


def test_weights_that_eight_bits_cannot_hold_are_refused(folder, monkeypatch):
    monkeypatch.setattr("kvlsp.model.rounded.difference", lambda found, expected: 0.9)
    with pytest.raises(UnsupportedModel, match=r"to int8 changes its logits by 0\.90 .* Choose dtype bfloat16"):
        load(folder, "cpu", "int8")
    with pytest.raises(UnsupportedModel, match="Choose dtype int8 or bfloat16"):
        load(folder, "cpu", "int4")


def test_a_pytorch_without_four_bits_says_so(folder, monkeypatch):
    monkeypatch.setattr("kvlsp.model.int4.available", lambda: False)
    with pytest.raises(UnsupportedModel, match="cannot multiply with four-bit weights"):
        load(folder, "cpu", "int4")


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_rounding_needs_a_lean_model(tmp_path, dtype):
    build(SUPPORTED["starcoder2"](1), torch.float32).save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModel, match=f"cannot run with {dtype} weights: its output layer has a bias"):
        load(tmp_path, "cpu", dtype)


def test_a_hub_model_keeps_its_name(folder, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **others: str(folder))
    loaded = load("owner/model", "cpu", "float32")
    assert (loaded.checkpoint.name, loaded.decoder.name) == ("owner/model", "owner/model")
