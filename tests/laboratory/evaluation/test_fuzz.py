"""The fuzz finds nothing where nothing is wrong, and something where something is."""

from __future__ import annotations

import random

import pytest

from kvlsp.laboratory.evaluation import fuzz as fuzzing
from kvlsp.laboratory.evaluation.fuzz_editor import RandomEditor, characters, units
from kvlsp.text.document import Document, FullChange, RangeChange
from kvlsp.text.units import PositionEncoding
from tests.support.models import tiny_model


def test_a_thousand_changes_differ_nowhere():
    found = fuzzing.fuzz(tiny_model(1, heals=False), 1000, seed=3, check_every=40)
    assert found.differences == 0, found.first
    assert found.changes >= 1000
    assert min(found.checks, found.questions, found.rests, found.documents) > 0


def test_an_engine_that_misses_a_change_is_found_out(monkeypatch):
    monkeypatch.setattr(fuzzing, "composed", lambda text, changes: changes[:-1])
    found = fuzzing.fuzz(tiny_model(1, heals=False), 200, check_every=20)
    assert found.text_differences
    assert found.first.startswith("seed 0, change ")


def test_texts_that_split_characters_wrongly_are_found_out(monkeypatch):
    monkeypatch.setattr("kvlsp.text.document.joined", lambda text: text)
    assert fuzzing.fuzz(tiny_model(1, heals=False), 3000, check_every=500).text_differences


@pytest.mark.parametrize("encoding", PositionEncoding)
def test_what_the_editor_sends_means_its_text(encoding):
    editor = RandomEditor(random.Random(7), encoding)
    document = Document.open("a", "python", 0, editor.text)
    kinds = set()
    for version in range(1, 400):
        sent = editor.notification()
        kinds |= {type(change) for change in sent}
        document.apply(version, sent, encoding)
        assert str(document.snapshot.text) == editor.text
    assert kinds == {RangeChange, FullChange}


def test_units_and_characters():
    assert units("a😀") == "a\ud83d\ude00"
    assert characters("a\ud83d\ude00\ude00") == "a😀\ude00"
