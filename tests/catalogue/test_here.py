"""What is on a machine is found wherever programs keep models, and told with what hinders it."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest
import torch

from kvlsp import default_model
from kvlsp.catalogue import gguf
from kvlsp.catalogue.entry import checkpoint, licence_in
from kvlsp.catalogue.fitting import Cost, Machine, fit
from kvlsp.catalogue.here import here, of_folder
from kvlsp.errors import ModelNotFound
from kvlsp.gguf import ollama
from kvlsp.model.contents import parameters
from tests.support.decoders import tiny_llama
from tests.support.gguf_heads import head


def write_model(folder: Path, licence: str = "apache-2.0") -> Path:
    tiny_llama(2, dtype=torch.float32).save_pretrained(folder)
    (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n", encoding="utf-8")
    return folder


def write_ollama(store: Path, name: str, tag: str, size: int = 400, maker: str = "registry.ollama.ai/library",
                 kind: str = "1.5B", more: str = "") -> None:
    blobs = store / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    digests = {
        what: "sha256:" + f"{number:x}{len(name):x}".rjust(64, "0")
        for number, what in enumerate(("model", "license", "config", "adapter"), 1)
    }
    for what, content in (
        ("model", head(size)),
        ("license", b"\n  MIT License\n\nCopyright"),
        ("config", json.dumps({"model_type": kind}).encode()),
        ("adapter", b""),
    ):
        (blobs / digests[what].replace(":", "-")).write_bytes(content)
    manifest = store / "manifests" / maker / name / tag
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(
        json.dumps(
            {
                "config": {"digest": digests["config"]},
                "layers": [
                    {"mediaType": f"application/vnd.ollama.image.{what}", "digest": digests[what], "size": size}
                    for what in ("license", "model", *filter(None, [more]))
                ],
            }
        )
    )


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, Path]:
    return {"hub": tmp_path / "no-hub", "store": tmp_path / "no-store"}


def test_the_default_model_is_always_there(nowhere):
    (model,) = here(**nowhere)
    assert (model.name, model.where, model.licence, model.problem) == ("", "comes with kvlsp", "Apache-2.0", "")
    config = json.loads((default_model.folder() / "config.json").read_text())
    assert model.layers == config["num_hidden_layers"]
    assert model.row == 3 * model.layers * config["num_key_value_heads"] * config["head_dim"]
    assert model.parameters == parameters(default_model.folder())


def test_folders_are_looked_at_and_into(tmp_path, nowhere):
    one = write_model(tmp_path / "models" / "one")
    (tmp_path / "models" / "empty").mkdir()
    (tmp_path / "models" / "half").mkdir()
    (tmp_path / "models" / "half" / "config.json").write_text('{"model_type": "llama"}')
    found = {model.name: model for model in here([str(tmp_path / "models"), str(one)], **nowhere)}
    assert list(found) == ["", str(tmp_path / "models" / "half"), str(one)]
    assert found[str(one)].licence == "apache-2.0"
    assert found[str(one)].disk == (one / "model.safetensors").stat().st_size
    assert found[str(tmp_path / "models" / "half")].problem


def test_a_folder_that_is_not_there_is_said():
    with pytest.raises(ModelNotFound, match=r"no folder \./nothing"):
        of_folder("./nothing")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"architectures": ["BertModel"]}, "not a model that continues a text"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 3}}, "GPTQ"),
        ({"num_hidden_layers": 90}, "90 layers"),
        ({"num_hidden_layers": None}, "lacks"),
        ({"num_attention_heads": 0, "num_key_value_heads": 0, "head_dim": 0}, ""),
        ({"alibi": True}, "rotation"),
    ],
)
def test_what_cannot_be_used_says_why(tmp_path, change, says):
    folder = write_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    assert says in checkpoint(folder, "x", "folder").problem


_KEYS = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_size", "vocab_size",
         "text_config", "rope_scaling", "architectures", "quantization_config")  # fmt: skip
_VALUES = (0, -1, 1.5, math.inf, math.nan, 10**400, "x", "", None, [], [1], {"a": 1}, True)


def test_whatever_a_description_says_it_is_an_entry_that_can_be_fitted(tmp_path):
    folder = write_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    machine = Machine("cpu", 8 << 30, 1, Cost(1e-10, 1e-4), Cost(2e-10, 1e-4))
    for key, value in itertools.product(_KEYS, _VALUES):
        (folder / "config.json").write_text(json.dumps({**config, key: value}))
        [entry] = of_folder(str(folder))
        fit(entry, machine)


def test_an_adapter_for_what_no_file_can_be_called_is_an_entry(tmp_path):
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    for base in ("/" + "a" * 5000, "/a\0b", "~nobody-of-that-name/x", "\ud800", "no words"):
        known = {"peft_type": "LORA", "base_model_name_or_path": base}
        (tmp_path / "adapter_config.json").write_text(json.dumps(known))
        [entry] = of_folder(str(tmp_path))
        assert entry.problem or entry.remark


def test_the_hub_s_cache_by_ids(tmp_path, nowhere):
    repository = tmp_path / "hub" / "models--owner--tiny"
    write_model(repository / "snapshots" / "old", "mit")
    write_model(repository / "snapshots" / "new", "apache-2.0")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("new")
    write_model(tmp_path / "hub" / "datasets--owner--text" / "snapshots" / "new")
    model = here(hub=tmp_path / "hub", store=nowhere["store"])[1:]
    assert [(one.name, one.licence, one.problem) for one in model] == [("owner/tiny", "apache-2.0", "")]


def test_ollama_s_models_by_its_names(tmp_path, nowhere, monkeypatch):
    store = tmp_path / "ollama"
    write_ollama(store, "qwen2.5-coder", "1.5b-base", 500)
    write_ollama(store, "mine", "latest", 900, maker="registry.ollama.ai/somebody")
    broken = store / "manifests" / "registry.ollama.ai" / "library" / "broken"
    broken.mkdir()
    for name, said in (("x", "{"), ("y", '{"layers": [1, {"digest": 5}]}'), ("z", '{"layers": 5}')):
        (broken / name).write_text(said)
    for offered in (True, False):
        monkeypatch.setattr(gguf, "problem", lambda offered=offered: "" if offered else "install it")
        found = here(hub=nowhere["hub"], store=store)[1:]
        assert [(one.name, one.disk, one.parameters, one.licence) for one in found] == [
            ("ollama:qwen2.5-coder:1.5b-base", 500, 1_500_000_000, "MIT License"),
            ("ollama:somebody/mine:latest", 900, 1_500_000_000, "MIT License"),
        ]
        assert {one.problem for one in found} == {"" if offered else "install it"}


def test_what_is_listed_of_ollama_s_store_is_what_can_be_named(tmp_path, nowhere):
    store = tmp_path / "ollama"
    write_ollama(store, "qwen2.5-coder", "1.5b")
    write_ollama(store, "Coder-GGUF", "Q4_K_M", maker="hf.co/owner", kind=".B")
    write_ollama(store, "tuned", "latest", more="adapter")
    write_ollama(store, "lost-it", "latest", maker="registry.ollama.ai/somebody")
    found = {one.name: one for one in here(hub=nowhere["hub"], store=store)[1:]}
    assert list(found) == [
        "ollama:hf.co/owner/Coder-GGUF:Q4_K_M", "ollama:qwen2.5-coder:1.5b", "ollama:tuned:latest",
        "ollama:somebody/lost-it:latest",
    ]  # fmt: skip
    for name, one in found.items():
        if name == "ollama:tuned:latest":
            assert "has an adapter" in one.problem
        else:
            assert ollama.find(name, {"OLLAMA_MODELS": str(store)}).stat().st_size == one.disk == 400


def test_weights_that_ollama_s_store_lacks_are_said(tmp_path, nowhere):
    store = tmp_path / "ollama"
    write_ollama(store, "tiny", "latest")
    for blob in (store / "blobs").iterdir():
        blob.unlink()
    (model,) = here(hub=nowhere["hub"], store=store)[1:]
    assert model.name == "ollama:tiny:latest"
    assert "are missing" in model.problem


def test_gguf_files_need_what_reads_them(tmp_path, monkeypatch):
    for name in ("small.gguf", "large-00002-of-00002.gguf", "mmproj-f16.gguf"):
        (tmp_path / name).write_bytes(b"GGUF1234")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (model,) = of_folder(str(tmp_path))
    assert (model.name, model.disk) == (str(tmp_path / "small.gguf"), 8)
    assert "GGUF" in model.problem


def test_what_a_gguf_file_takes_is_read_from_its_head(tmp_path, monkeypatch):
    monkeypatch.setattr(gguf, "problem", lambda: "")
    (tmp_path / "good.gguf").write_bytes(head(4096))
    (tmp_path / "other.gguf").write_bytes(head(4096, general__architecture="mamba"))
    (tmp_path / "text.gguf").write_bytes(b"no model")
    good, other, text = of_folder(str(tmp_path))
    assert (good.row, good.disk, good.problem) == (2 * 2 * (8 + 8), 4096, "")
    assert "no language model" in other.problem
    assert "Fetch it again" in text.problem


def test_of_a_model_in_several_files_all_count(tmp_path):
    for number, size in ((1, 8), (2, 100)):
        (tmp_path / f"large-0000{number}-of-00002.gguf").write_bytes(bytes(size))
    (model,) = of_folder(str(tmp_path))
    assert model.disk == 108
    (tmp_path / "large-00002-of-00002.gguf").unlink()
    (model,) = of_folder(str(tmp_path))
    assert "large-00002-of-00002.gguf is not there" in model.problem


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ({"license": "mit"}, "mit"),
        ({"license": "other", "license_name": "qwen-research"}, "qwen-research"),
        ({"license": ["mit", "apache-2.0"]}, "mit, apache-2.0"),
        ({"license": "other"}, "other"),
        ({}, ""),
        (None, ""),
        ([], ""),
        ({"license": {"a": 1}}, "{'a': 1}"),
    ],
)
def test_licences_as_cards_name_them(card, says):
    assert licence_in(card) == says
