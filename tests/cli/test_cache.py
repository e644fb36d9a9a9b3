"""``kvlsp cache`` tells sizes and models, never texts, and deletes all of it."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from kvlsp.cli.cache import app
from kvlsp.model import kept_weights
from kvlsp.model.rounded import rounded
from kvlsp.shelf.file import write
from kvlsp.shelf.shelved import leaving
from tests.support.models import tiny_decoder, tiny_model
from tests.support.shelves import LINES, kind_of, label_of, session_of, settled


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for module in ("kvlsp.shelf.folder", "kvlsp.opening.kept"):
        monkeypatch.setattr(f"{module}.user_cache_path", lambda *_, **__: tmp_path)
    return tmp_path / "rows"


@pytest.fixture
def kept(folder):
    model = tiny_model(1)
    folder.mkdir()
    rows = leaving(settled(session_of(model, LINES), 10).cache)
    for name in ("one", "two"):
        write(folder / f"{name}.rows", rows, label_of(kind_of(model)))
    (folder / "three.part").write_bytes(b"begun")
    return rows


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_what_is_kept_is_told_in_numbers(kept, folder):
    shown = run("show")
    assert f"tiny: 2 documents, {2 * len(kept.book):,} tokens" in shown
    assert str(folder) in shown
    assert "compute" not in shown
    told = json.loads(run("show", "--json"))
    (unfinished, model) = told["models"]
    assert model["bytes"] == sum(path.stat().st_size for path in folder.glob("*.rows"))
    assert unfinished == {"model": "", "documents": 0, "tokens": 0, "bytes": 5}


def test_clear_deletes_all_of_it_and_nothing_else(kept, folder):
    (folder / "notes.txt").write_text("mine")
    assert run("clear").startswith("3 files deleted")
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert run("show").startswith("Nothing is kept")


def test_where_nothing_was_ever_kept(folder):
    assert run("show").startswith("Nothing is kept")
    assert run("clear").startswith("0 files")


def test_rounded_weights_are_told_and_deleted_too(folder):
    weights = folder.parent / "weights"
    weights.mkdir()
    lean, _, tried = rounded(tiny_decoder(2, dtype=torch.bfloat16), "int8")
    with open(weights / "one.weights", "wb") as file:
        kept_weights.write(file, lambda: lean, "key", {"name": "owner/model", "dtype": "int8"}, tried)
    size = (weights / "one.weights").stat().st_size
    (weights / "two.weights").write_bytes(b"nothing")
    assert "owner/model in int8: rounded weights, " in run("show")
    assert "not readable: rounded weights, 0.0 MB" in run("show")
    assert json.loads(run("show", "--json"))["weights"] == [
        {"model": "owner/model", "dtype": "int8", "bytes": size}, {"model": "", "dtype": "", "bytes": 7},
    ]  # fmt: skip
    assert run("clear").startswith("2 files deleted")
    assert not list(weights.iterdir())
