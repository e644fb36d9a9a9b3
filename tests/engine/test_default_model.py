"""The model that comes along, on a real file: repaired, rested, and compared with a full prefill in float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import kvlsp
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.config import Settings
from kvlsp.engine.oneshot import complete_text
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.oracle import key_errors, token_mismatches
from kvlsp.opening.model import Model, open_model
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

FILE = Path(kvlsp.__file__).parent / "engine" / "engine.py"


@pytest.fixture(scope="module")
def model() -> Model:
    return open_model(Settings(dtype="float32"))


def session_of(model: Model, text: str) -> Session:
    return Session(model, Snapshot(FILE.name, 0, Rope.of(text), "python"), context=8192, generation_rows=64)


def test_after_edits_and_a_refresh_the_logits_are_a_prefills(model):
    text = FILE.read_text(encoding="utf-8")[:9000]
    session = session_of(model, text)
    session.sync(0)
    rng = np.random.default_rng(1)
    for number in range(30):
        at = int(rng.integers(0, len(session.snapshot.text)))
        session.replace(at, min(len(session.snapshot.text), at + int(rng.integers(0, 30))), f"name_{number} = ")
        caret = int(rng.integers(0, len(session.snapshot.text)))
        session.sync(caret)
    assert session.cache.stale > 0
    assert token_mismatches(session, caret) == 0
    last = [len(session.layout(caret)) - 1]
    while session.refresh(256):
        pass
    layout, settled = session.sync(caret, wanted=lambda layout: last)
    oracle = repair(ResidentCache(model.decoder, 8192), layout, wanted=last)
    torch.testing.assert_close(settled.logits, oracle.logits, rtol=0, atol=1e-3)
    kept, fresh = key_errors(session.cache)
    assert kept <= 2 * fresh + 1e-12


def test_a_repair_is_nearer_to_a_prefill_than_ignoring_the_edit(model):
    """The rename is seen by the rows that matter: those encoded anew, with the rest moved into place."""
    text = FILE.read_text(encoding="utf-8")[:6000]
    caret = text.index("\n", 4000)
    inserted = "    # another line that moves all below it\n" * 3
    at = text.index("\n", 1500) + 1
    session = session_of(model, text)
    session.sync(caret)
    session.replace(at, at, inserted)
    rows = [len(session.layout(caret + len(inserted))) - 1]
    layout, repaired = session.sync(caret + len(inserted), wanted=lambda layout: rows)
    exact = repair(ResidentCache(model.decoder, 8192), layout, wanted=rows).logits
    ignored = session_of(model, text)
    _, stale = ignored.sync(caret, wanted=lambda layout: [len(layout) - 1])

    def divergence(logits: torch.Tensor) -> float:
        target = exact.log_softmax(-1)
        return float((target.exp() * (target - logits.log_softmax(-1))).sum())

    assert divergence(repaired.logits) < 0.02
    assert divergence(repaired.logits) <= divergence(stale.logits) + 1e-3


@pytest.mark.parametrize("text", [
    "def area(width, height):\n    return width * ",
    "class Box:\n    def __init__(self, width, height):\n        self.width = width\n        self.height = ",
    "def total(numbers):\n    result = 0\n    for number in numbers:\n        result += ",
    "for name in sorted(names):\n    print(",
])
def test_it_offers_something_at_ordinary_places(model, text):
    completion = complete_text(model, text, len(text), "python")
    assert completion.text.strip()
    assert completion.reason is None
