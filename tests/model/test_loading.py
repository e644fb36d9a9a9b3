"""Loading: a folder becomes a decoder, or a plain sentence."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from kvlsp.errors import ConfigurationError, ModelBroken, OutOfMemory, UnsupportedModel
from kvlsp.model import memory
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.loading import load
from kvlsp.model.memory import plan
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
    assert (loaded.folder, loaded.name) == (folder, folder.name)
    assert loaded.config["model_type"] == "llama"
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
        ({"hidden_size": 48}, ModelBroken, "cannot be loaded"),
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
    with pytest.raises(ConfigurationError, match="int4"):
        load(folder, "cpu", "int4")
    with pytest.raises(ConfigurationError, match="int8 weights run on the CPU only"):
        load(folder, "cuda", "int8")
    with pytest.raises(ConfigurationError, match="no device"):
        load(folder, "cuda" if not torch.cuda.is_available() else "mps", "float32")


def test_a_model_that_does_not_fit(folder, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 1 << 20)
    with pytest.raises(OutOfMemory, match=r"needs \d+ MiB on cpu, \d+ MiB more than is free"):
        load(folder, "cpu", "float32")


def test_the_plan_halves_the_precision_before_it_refuses(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 3 << 30)
    monkeypatch.setattr(memory, "precision_for", lambda device: torch.float32)
    assert plan(500_000_000, 1000, "cpu").dtype == torch.float32
    assert plan(1_300_000_000, 1000, "cpu").dtype == torch.bfloat16
    with pytest.raises(OutOfMemory):
        plan(1_300_000_000, 1000, "cpu", "float32")
    with pytest.raises(OutOfMemory):
        plan(7_000_000_000, 1000, "cpu")


def test_what_is_lacking_is_said_where_the_sizes_look_the_same(monkeypatch):
    needed = memory.needed(3_000_000_000, 1000, torch.bfloat16)
    monkeypatch.setattr(memory, "free_memory", lambda device: needed - (40 << 20))
    with pytest.raises(OutOfMemory, match=r"5\.7 GiB on cpu, 40 MiB more than is free\. With dtype int8 it would"):
        plan(3_000_000_000, 1000, "cpu", "bfloat16", mapped=True)


def test_int8_is_planned_where_bfloat16_does_not_fit(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 4 << 30)
    with pytest.raises(OutOfMemory):
        plan(3_000_000_000, 1000, "cpu", "bfloat16", mapped=True)
    assert plan(3_000_000_000, 1000, "cpu", "int8", mapped=True).weights == 3_000_000_000
    # read as float32 all of it is in memory as bfloat16 before it is rounded, and no more than that
    with pytest.raises(OutOfMemory, match=r"as int8"):
        plan(3_000_000_000, 1000, "cpu", "int8")
    assert plan(1_500_000_000, 1000, "cpu", "int8").dtype == torch.bfloat16


def test_memory_of_this_machine_is_known():
    assert memory.free_memory(torch.device("cpu")) > 1 << 28
    assert memory.precision_for(torch.device("cpu")) in (torch.float32, torch.bfloat16)


@pytest.mark.parametrize("rows", [1, 8, 9, 30])
def test_int8_weights_stay_near_the_checkpoint(folder, rows):
    ids, places = ids_of(30), torch.arange(30)
    logits = {}
    for dtype in ("float32", "int8"):
        loaded = load(folder, "cpu", dtype)
        decoder = loaded.decoder
        document = decoder.allocate(30)
        logits[dtype] = torch.cat([
            decoder.forward(document, RowBatch(*(it[a : a + rows] for it in (ids, places, places)), EVERY))
            for a in range(0, 30, rows)
        ])
    assert loaded.description.endswith("int8 weights on cpu, lean")
    difference = float((logits["int8"] - logits["float32"]).abs().max() / logits["float32"].abs().max())
    assert 1e-4 < difference < 0.15


def test_int8_needs_a_lean_model(tmp_path):
    build(SUPPORTED["starcoder2"](1), torch.float32).save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModel, match="cannot run with int8 weights: its norm"):
        load(tmp_path, "cpu", "int8")


def test_a_hub_model_keeps_its_name(folder, monkeypatch):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **others: str(folder))
    loaded = load("owner/model", "cpu", "float32")
    assert (loaded.name, loaded.decoder.name) == ("owner/model", "owner/model")
