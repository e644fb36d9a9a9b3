"""Whatever somebody has written into a model's files: a sentence, and neither a traceback nor a wait without an end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvlsp import default_model
from kvlsp.config import Settings
from kvlsp.errors import KvlspError
from kvlsp.opening.model import open_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The default model, whose files are links."""
    for path in default_model.folder().iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    known = json.loads(path.read_text(encoding="utf-8"))
    change(known)
    path.unlink()
    path.write_text(json.dumps(known), encoding="utf-8")


@pytest.mark.parametrize("change", [
    {"num_attention_heads": 0}, {"num_attention_heads": "four"}, {"num_hidden_layers": 1.5}, {"num_hidden_layers": 0},
    {"max_position_embeddings": "long"}, {"rope_scaling": [1, 2]}, {"rope_parameters": "x"}, {"dtype": "nonsense"},
    {"text_config": [1]}, {"quantization_config": "x"}, {"layer_types": ["x"]}, {"head_dim": 7},
], ids=json.dumps)  # fmt: skip
def test_a_description_that_describes_nothing(folder, change):
    rewrite(folder / "config.json", lambda known: known.update(change))
    with pytest.raises(KvlspError):
        open_model(Settings(model=str(folder), threads=1))


@pytest.mark.parametrize("change", [
    {"added_tokens": "x"}, {"added_tokens": [{"id": 1}]}, {"added_tokens": [{"id": "x", "content": "y"}]},
    {"pre_tokenizer": [1]}, {"pre_tokenizer": "x"}, {"normalizer": {"type": "Sequence", "normalizers": "x"}},
    {"decoder": "x"},
], ids=json.dumps)  # fmt: skip
def test_a_tokenizer_that_is_none(folder, change):
    rewrite(folder / "tokenizer.json", lambda known: known.update(change))
    with pytest.raises(KvlspError):
        open_model(Settings(model=str(folder), threads=1))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_files_that_are_nested_without_an_end(folder, name):
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text("[" * 200_000)
    with pytest.raises(KvlspError):
        open_model(Settings(model=str(folder), threads=1))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files there")
def test_what_lies_beside_the_model_is_not_waited_for(folder):
    os.mkfifo(folder / "notes.txt")
    os.mkfifo(folder / "more.safetensors")
    (folder / "terms.txt").symlink_to("/dev/zero")
    assert open_model(Settings(model=str(folder), threads=1)).identity


def test_a_name_that_no_file_can_have():
    for name in ("/" + "a" * 5000, "/a\0b", "~nobody-of-that-name/model"):
        with pytest.raises(KvlspError):
            open_model(Settings(model=name))
