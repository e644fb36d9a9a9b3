"""Rows of a GGUF model on disk: written and put back by llama.cpp, and a plan away from today's text."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llama_cpp", reason="GGUF models take llama-cpp-python")

from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.config import Settings
from kvlsp.engine.session import Session
from kvlsp.engine.shelving import EVERY
from kvlsp.engine.warm import take_up
from kvlsp.gguf.api import LlamaModel
from kvlsp.gguf.decoder import LlamaDecoder
from kvlsp.gguf.facts import facts
from kvlsp.gguf.metadata import read as read_head
from kvlsp.messages import CloseDocument
from kvlsp.opening.model import Model, open_model
from kvlsp.shelf.file import Damaged, read, write
from kvlsp.shelf.shelved import Shelved, leaving
from kvlsp.shelf.worth import Worth
from tests.engine import test_shelving
from tests.engine.test_warm import LONG, changed, changes, rest
from tests.support.engine_bench import URI, complete
from tests.support.llama import F16, F32, tiny_file, tiny_gguf_model, tiny_llama_cpp
from tests.support.shelves import kind_of, label_of, session_of, settled

NEAR = 2e-4
"""As in test_decoder: largest difference of two ways to the same sums in float32."""


def kept(session: Session, folder: Path) -> Path:
    """A file with the session's rows."""
    rows, path = leaving(session.cache), folder / "document.rows"
    assert rows is not None
    size = write(path, rows, label_of(kind_of(session.model)))
    assert size == path.stat().st_size
    return path


def brought(path: Path, model: Model) -> Shelved:
    kind = kind_of(model)
    return read(path, kind.key, kind.shapes, kind.dtypes, kind.vocabulary, kind.own)


def apart(session: Session, caret: int) -> float:
    """How far logits are from those of a full prefill, of the largest."""
    layout, found = session.sync(caret, wanted=lambda layout: [len(layout) - 1])
    assert found.logits is not None
    wanted = repair(ResidentCache(session.model.decoder, session.context), layout, wanted=[len(layout) - 1]).logits
    assert wanted is not None
    return float((found.logits - wanted).abs().max() / wanted.abs().max())


def test_an_unchanged_text_comes_back_exact_without_a_forward(tmp_path: Path) -> None:
    model = tiny_gguf_model(2)
    path = kept(settled(session_of(model, LONG), 700), tmp_path)
    found = brought(path, model)
    assert found.book.frontier == len(found.book) == len(found.stored)
    session = session_of(model, LONG)
    assert take_up(session, found, Worth(), 700) == len(found.book.text)
    _, told = session.sync(700)
    assert (told.encoded, told.repaired) == (0, 0)
    assert session.cache.stale == 0
    session.cache.check_integrity()
    assert apart(session, 700) < NEAR


@pytest.mark.parametrize("order", ["suffix_first", "prefix_first"])
@settings(deadline=None, max_examples=8)
@given(edits=changes, caret=st.floats(0, 1))
def test_after_any_change_and_a_rest_the_logits_are_those_of_a_prefill(tmp_path_factory, order, edits, caret) -> None:
    model = tiny_gguf_model(2, order)
    path = kept(settled(session_of(model, LONG), 700), tmp_path_factory.mktemp("rows"))
    today = changed(LONG, edits)
    session = session_of(model, today)
    at = max(1, int(caret * len(today)))
    take_up(session, brought(path, model), Worth(), at)
    session.sync(at)
    session.cache.check_integrity()
    rest(session, at)
    session.cache.check_integrity()
    assert session.cache.stale == 0
    assert apart(session, at) < NEAR


def test_rows_that_were_never_brought_back_leave_as_they_came(tmp_path: Path) -> None:
    model = tiny_gguf_model(2)
    path = kept(settled(session_of(model, LONG), 700), tmp_path)
    session = session_of(model, LONG)
    take_up(session, brought(path, model), Worth(), 700)
    again = leaving(session.cache)
    assert again is not None
    (tmp_path / "again").mkdir()
    path = kept(session, tmp_path / "again")
    last = session_of(model, LONG)
    take_up(last, brought(path, model), Worth(), 700)
    assert apart(last, 700) < NEAR


def test_a_damaged_file_and_one_of_another_model_are_refused(tmp_path: Path) -> None:
    model = tiny_gguf_model(2)
    path = kept(settled(session_of(model, LONG), 700), tmp_path)
    data = path.read_bytes()
    for broken in (data[:-40], data[: len(data) // 2], data[:9000] + b"\x55" + data[9001:]):
        path.write_bytes(broken)
        with pytest.raises(Damaged):
            brought(path, model)
    path.write_bytes(data)
    other = dataclasses.replace(model, decoder=tiny_llama_cpp(2, F16))  # of the same file, but not the same rows
    for kind in (kind_of(model, "elsewhere"), kind_of(other)):
        with pytest.raises(Damaged, match="another model"):
            read(path, kind.key, kind.shapes, kind.dtypes, kind.vocabulary, kind.own)
    brought(path, model)


def test_a_files_model_is_told_from_others_by_what_is_in_it(tmp_path: Path) -> None:
    one, other = tmp_path / "one.gguf", tmp_path / "other.gguf"
    one.write_bytes(tiny_file(1).read_bytes())
    other.write_bytes(tiny_file(1).read_bytes())
    opened = open_model(Settings(model=str(one)))
    assert opened.identity == open_model(Settings(model=str(other))).identity != ""
    data = bytearray(one.read_bytes())
    data[-100] ^= 1
    one.write_bytes(data)
    assert open_model(Settings(model=str(one))).identity != opened.identity


class Counted(LlamaDecoder):
    """Its methods may be replaced: nobody else has it."""


@pytest.fixture
def gguf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Engines of :mod:`tests.engine.test_shelving` run a GGUF model; the folder of rows."""
    watched = test_shelving.watched_model

    def model() -> Model:
        path = tiny_file(2)
        found = facts(read_head(path), path)
        decoder = Counted(LlamaModel(path), found.name, found.context_length, found.numbers, lambda: 1, cache_type=F32,
                          cache_bytes=4)  # fmt: skip
        return dataclasses.replace(watched(), decoder=decoder)

    monkeypatch.setattr(test_shelving, "watched_model", model)
    monkeypatch.setattr("kvlsp.engine.shelving.rows_folder", lambda: tmp_path / "rows")
    return tmp_path / "rows"


def test_a_document_that_is_closed_comes_back_by_the_next_daemon(gguf: Path) -> None:
    first = test_shelving.Shelved()
    complete(first, test_shelving.CARET)
    first.rest_for(5.0)
    whole = first.rows
    first.engine.post(CloseDocument(URI))
    first.rest_for(1.0)
    assert len(test_shelving.used(gguf)) == 1
    again = test_shelving.opened_again()
    assert again.rows < 100 < whole, "a few rows around the caret, and no prefill"
    assert complete(again, test_shelving.CARET).report["encoded"] < 100


def test_an_open_document_is_kept_while_it_goes_on(gguf: Path) -> None:
    bench = test_shelving.Shelved()
    bench.rest_for(EVERY)
    assert len(test_shelving.used(gguf)) == 1
    assert torch.isfinite(torch.tensor(apart(next(iter(bench.engine.documents)).session, test_shelving.CARET)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks what it kills")
def test_killed_while_saving_there_is_never_a_wrong_row(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "tests.shelf.killed", str(tmp_path), "20", "gguf"],
                          capture_output=True, text=True, timeout=280, check=False)  # fmt: skip
    assert "20 killed" in done.stdout, done.stderr[-1000:]
