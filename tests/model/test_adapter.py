"""A LoRA adapter is merged when it is loaded: what comes out is what its model computes with the merged weights."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from kvlsp.config import Settings
from kvlsp.errors import ModelBroken, ModelError, ModelNotFound, UnsupportedModel
from kvlsp.model.adapter import read_adapter
from kvlsp.model.loading import load
from kvlsp.model.memory import plan
from kvlsp.model.rows import EVERY, RowBatch
from kvlsp.opening.model import open_model
from tests.support.byte_tokenizer import byte_tokenizer_json
from tests.support.decoders import tiny_llama

RANK, ALPHA = 4, 6
TARGETS = ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    tiny_llama(2, dtype=torch.float32, tie_word_embeddings=False).save_pretrained(folder)
    (folder / "tokenizer.json").write_text(byte_tokenizer_json(), encoding="utf-8")
    return folder


def write_adapter(base: Path, *, more: dict[str, torch.Tensor] | None = None, **config: Any) -> Path:
    """An adapter as peft writes it, of random numbers, beside its model."""
    folder = base.with_name("adapter")
    folder.mkdir(exist_ok=True)
    weights, random = load_file(base / "model.safetensors"), torch.Generator().manual_seed(1)
    tensors = dict(more or {})
    for module in TARGETS:
        wide, narrow = weights[f"{module}.weight"].shape
        for letter, shape in (("A", (RANK, narrow)), ("B", (wide, RANK))):
            tensors[f"base_model.model.{module}.lora_{letter}.weight"] = torch.randn(shape, generator=random) / 4
    save_file(tensors, folder / "adapter_model.safetensors")
    described = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "base_model_name_or_path": str(base),
                 "bias": "none", "use_dora": False, "use_rslora": False, "fan_in_fan_out": False, **config}
    (folder / "adapter_config.json").write_text(json.dumps(described), encoding="utf-8")
    return folder


def merged(base: Path, adapter: Path, scale: float, **others: float) -> Path:
    """The same by hand."""
    weights, tensors = load_file(base / "model.safetensors"), load_file(adapter / "adapter_model.safetensors")
    for module in TARGETS:
        thin, wide = (tensors[f"base_model.model.{module}.lora_{letter}.weight"] for letter in "AB")
        weights[f"{module}.weight"] += others.get(module.rpartition(".")[2], scale) * (wide @ thin)
    folder = base.with_name("merged")
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_bytes((base / name).read_bytes())
    return folder


def logits(place: Path, dtype: str = "float32") -> torch.Tensor:
    """Of some rows in the vocabulary, after the whole way from the files to a forward."""
    decoder = load(place, "cpu", dtype).decoder
    rows = torch.arange(40)
    return decoder.forward(decoder.allocate(40), RowBatch(rows + 20, rows, rows, EVERY)).float()


@pytest.mark.parametrize(("config", "scale", "others"), [
    ({}, ALPHA / RANK, {}),
    ({"use_rslora": True}, ALPHA / math.sqrt(RANK), {}),
    ({"fan_in_fan_out": True}, ALPHA / RANK, {}),  # of other layers than these, as peft has it
    ({"alpha_pattern": {"mlp.down_proj": 2, "q": 9}}, ALPHA / RANK, {"down_proj": 2 / RANK}),
    ({"rank_pattern": {"down_proj": RANK}}, ALPHA / RANK, {}),
    ({"init_lora_weights": "gaussian"}, ALPHA / RANK, {}),
])
def test_what_was_trained_is_added_to_the_weights(base, config, scale, others):
    adapter = write_adapter(base, **config)
    there = logits(adapter)
    torch.testing.assert_close(there, logits(merged(base, adapter, scale, **others)), atol=1e-5, rtol=1e-5)
    assert (there - logits(base)).abs().max() > 0.01


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_in_other_precisions(base, dtype):
    adapter = write_adapter(base)
    same = merged(base, adapter, ALPHA / RANK)
    there = logits(adapter, dtype)
    assert (there - logits(same, dtype)).abs().mean() < (there - logits(base, dtype)).abs().mean() / 20


def test_modules_that_were_trained_whole_take_the_place_of_the_model_s(base):
    head = torch.randn(load_file(base / "model.safetensors")["lm_head.weight"].shape) / 10
    adapter = write_adapter(base, more={"base_model.model.lm_head.weight": head}, modules_to_save=["lm_head"])
    same = merged(base, adapter, ALPHA / RANK)
    weights = {**load_file(same / "model.safetensors"), "lm_head.weight": head}
    save_file(weights, same / "model.safetensors", metadata={"format": "pt"})
    torch.testing.assert_close(logits(adapter), logits(same), atol=1e-5, rtol=1e-5)


def test_a_table_of_tokens_that_was_trained(base):
    weights = load_file(base / "model.safetensors")
    count, width = weights["model.embed_tokens.weight"].shape
    thin, wide = torch.randn(RANK, count) / 4, torch.randn(width, RANK) / 4
    name = "base_model.model.model.embed_tokens.lora_embedding_"
    adapter = write_adapter(base, more={f"{name}A": thin, f"{name}B": wide})
    same = merged(base, adapter, ALPHA / RANK)
    weights = load_file(same / "model.safetensors")
    weights["model.embed_tokens.weight"] += ALPHA / RANK * (wide @ thin).T
    save_file(weights, same / "model.safetensors", metadata={"format": "pt"})
    torch.testing.assert_close(logits(adapter), logits(same), atol=1e-5, rtol=1e-5)


def test_it_says_so_and_its_rows_are_not_those_of_its_model(base):
    adapter = write_adapter(base)
    with_it, without = (open_model(Settings(model=str(place), device="cpu")) for place in (adapter, base))
    assert f"a LoRA adapter merged into {base}" in with_it.description
    assert with_it.identity
    assert without.identity
    assert with_it.identity != without.identity


def test_its_model_may_be_named_from_where_it_lies(base):
    adapter = write_adapter(base, base_model_name_or_path="../base")
    assert read_adapter(adapter).base == str(base)


@pytest.mark.parametrize("named", ["./other", "../other", "~nobody-here/other"])
def test_its_model_is_never_looked_for_in_the_current_folder(base, tmp_path, monkeypatch, named):
    current = tmp_path / "somewhere" / "else"
    (current / named).mkdir(parents=True)
    monkeypatch.chdir(current)
    adapter = write_adapter(base, base_model_name_or_path=named)
    assert not (adapter / named).exists()
    with pytest.raises(ModelNotFound, match="There is no model at"):
        load(adapter, "cpu")


def test_without_a_scale_it_is_peft_s(base):
    adapter = write_adapter(base)
    described = json.loads((adapter / "adapter_config.json").read_text())
    del described["lora_alpha"]
    (adapter / "adapter_config.json").write_text(json.dumps(described))
    torch.testing.assert_close(logits(adapter), logits(merged(base, adapter, 8 / RANK)), atol=1e-5, rtol=1e-5)


def test_eight_bits_of_a_model_with_an_adapter_are_planned_with_the_whole_model(base, monkeypatch):
    sizes = []

    def planned(size: Any, *more: Any, **others: Any) -> Any:
        sizes.append(size)
        return plan(size, *more, **others)

    monkeypatch.setattr("kvlsp.model.loading.plan", planned)
    for place in (write_adapter(base), base):
        load(place, "cpu", "int8")
    assert [size.whole for size in sizes] == [True, False]


@pytest.mark.parametrize(("config", "kind", "says"), [
    ({"peft_type": "IA3"}, UnsupportedModel, "of the kind IA3"),
    ({"use_dora": True}, UnsupportedModel, "DoRA"),
    ({"bias": "all"}, UnsupportedModel, "biases"),
    ({"lora_bias": True}, UnsupportedModel, "biases"),
    ({"layer_replication": [[0, 1]]}, UnsupportedModel, "replicated"),
    ({"trainable_token_indices": [1]}, UnsupportedModel, "tokens of its own"),
    ({"target_parameters": ["x"]}, UnsupportedModel, "no layers"),
    ({"init_lora_weights": "pissa_niter_4"}, UnsupportedModel, "changes the weights"),
    ({"base_model_name_or_path": None}, ModelBroken, "which model it is for"),
    ({"base_model_name_or_path": "/no/such/model"}, ModelNotFound, "/no/such/model"),
    ({"lora_alpha": "much"}, ModelBroken, "cannot be read"),
    ({"alpha_pattern": 5}, ModelBroken, "cannot be read"),
    ({"alpha_pattern": {"(": 5}}, ModelBroken, "cannot be read"),
    ({"alpha_pattern": {"q_proj": "much"}}, ModelBroken, "cannot be read"),
    ({"lora_alpha": None}, ModelBroken, "cannot be read"),
])
def test_what_is_more_than_two_thin_matrices_is_refused(base, config, kind, says):
    with pytest.raises(kind, match=says):
        load(write_adapter(base, **config), "cpu")


@pytest.mark.parametrize(("tensors", "says"), [
    ({"base_model.model.model.layers.0.mlp.up_proj.lora_magnitude_vector": torch.ones(64)}, "does not know"),
    ({"base_model.model.model.layers.7.mlp.up_proj.lora_A.weight": torch.ones(4, 32)}, "does not know"),
    ({"base_model.model.model.layers.0.mlp.up_proj.lora_A.weight": torch.ones(4, 32)}, "without its other half"),
    ({"base_model.model.model.layers.0.mlp.up_proj.lora_A.weight": torch.ones(4, 32),
      "base_model.model.model.layers.0.mlp.up_proj.lora_B.weight": torch.ones(64, 5)}, "do not fit each other"),
    ({"base_model.model.model.layers.0.mlp.up_proj.lora_A.weight": torch.ones(4, 99),
      "base_model.model.model.layers.0.mlp.up_proj.lora_B.weight": torch.ones(64, 4)}, "does not fit its model"),
    ({"base_model.model.lm_head.weight": torch.ones(3, 32)}, "does not fit its model"),
    ({"base_model.model.model.layers.0.mlp.up_proj.lora_A.weight": torch.ones(0, 32),
      "base_model.model.model.layers.0.mlp.up_proj.lora_B.weight": torch.ones(64, 0)}, "do not fit each other"),
])
def test_tensors_that_do_not_fit_are_named(base, tensors, says):
    with pytest.raises(ModelError, match=says):
        load(write_adapter(base, more=tensors), "cpu")


def test_a_table_that_a_model_uses_twice_is_not_changed(base):
    folder = base.with_name("tied")
    tiny_llama(2, dtype=torch.float32).save_pretrained(folder)
    adapter = write_adapter(base, base_model_name_or_path=str(folder), more={
        "base_model.model.lm_head.weight": torch.ones(load_file(base / "model.safetensors")["lm_head.weight"].shape)})
    with pytest.raises(UnsupportedModel, match="at both its ends"):
        load(adapter, "cpu")


@pytest.mark.parametrize(("change", "says"), [
    (lambda folder: (folder / "adapter_model.safetensors").unlink(), "is missing"),
    (lambda folder: (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin"), "can run code"),
    (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"x"), "is damaged"),
    (lambda folder: (folder / "adapter_config.json").write_text("[]"), "does not describe an adapter"),
])
def test_files_that_are_missing_or_damaged(base, change, says):
    adapter = write_adapter(base)
    change(adapter)
    with pytest.raises(ModelBroken, match=says):
        load(adapter, "cpu")


@pytest.mark.parametrize("settings", [
    {}, {"use_rslora": True}, {"alpha_pattern": {"q_proj": 3}, "rank_pattern": {"v_proj": 2}},
    {"target_modules": ["q_proj", "embed_tokens", "lm_head"]}, {"modules_to_save": ["lm_head"]},
    {"fan_in_fan_out": True},
])
def test_as_peft_merges_it(base, tmp_path, settings):
    peft = pytest.importorskip("peft", reason="peft, where it is installed, is what it is compared with")
    model = tiny_llama(2, dtype=torch.float32, tie_word_embeddings=False)
    model.name_or_path = str(base)
    config = peft.LoraConfig(**{"r": 4, "lora_alpha": 6, "target_modules": ["q_proj", "v_proj", "up_proj"],
                                "task_type": "CAUSAL_LM", **settings})
    trained = peft.get_peft_model(model, config)
    with torch.no_grad():
        for parameter in trained.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape) / 5)
    trained.peft_config["default"].base_model_name_or_path = str(base)
    trained.save_pretrained(tmp_path / "trained")
    whole = trained.merge_and_unload()
    whole.save_pretrained(tmp_path / "whole")
    torch.testing.assert_close(logits(tmp_path / "trained"), logits(tmp_path / "whole"), atol=1e-5, rtol=1e-5)


def test_a_model_that_is_not_there_is_said_to_be_the_adapter_s(base):
    adapter = write_adapter(base, base_model_name_or_path="/nowhere/base")
    with pytest.raises(ModelNotFound, match=f"{adapter} holds an adapter for /nowhere/base, which is not to be had"):
        load(adapter, "cpu", "float32")
