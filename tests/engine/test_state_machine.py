"""Any order of insert, delete, replace, move, undo, open, close, complete, cancel, rest, context: it stays right.

Rules are what an editor sends, the invariants are ARCHITECTURE.md's: the daemon's text is the editor's, both token
sequences equal those of a fresh start, the bookkeeping agrees, every request has one answer, and with the one-layer
decoder an answer is that of a daemon that has just been started. The small profile runs everywhere, the large one is
slow.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.engine.oneshot import complete_text
from kvlsp.laboratory.evaluation.oracle import token_mismatches
from kvlsp.messages import (
    CancelToken,
    CloseDocument,
    Complete,
    Completed,
    ContextChunk,
    EditDocument,
    OpenDocument,
    PlaceContext,
)
from kvlsp.reasons import Reason
from kvlsp.text.document import Document, FullChange, RangeChange, Snapshot
from kvlsp.text.line_feeds import plain
from kvlsp.text.position import position_of
from kvlsp.text.units import PositionEncoding
from tests.support.clock import ManualClock
from tests.support.models import tiny_model
from tests.support.small_windows import small_windows

URI = "untitled:Untitled-1"
SETTINGS = Settings(max_tokens=6, multi_line="never", candidates=2, context_tokens=600, confidence=0.0)
PIECES = st.sampled_from([
    "a", "name", " = ", "(", ")", "\n", "\r\n", "\r", "    ", "\t", "\f", "\u2028", "é", "e\u0301", "漢字", "😀",
    "\ud800",
    "<|fim_suffix|>", "def f(x):\n    return x\n", "0123456789", "x" * 70,
])
TEXTS = st.lists(PIECES, max_size=5).map("".join)
OTHERS = st.sampled_from(["x = 1\n", "def f(x):\n    return x\n", "'<|file_sep|>\ud800'\n"])
CHUNKS = st.lists(st.builds(ContextChunk, st.sampled_from(["a.py", "b/c.py"]), OTHERS), max_size=3)
PLACE = st.floats(0, 1, exclude_max=True)


class Editing(RuleBasedStateMachine):
    """One document; ``self.text`` is what the editor shows."""

    @initialize(text=st.lists(PIECES, max_size=40).map("".join), encoding=st.sampled_from(list(PositionEncoding)))
    def start(self, text: str, encoding: PositionEncoding) -> None:
        self.encoding = encoding
        self.events: list[Any] = []
        self.clock = ManualClock()
        self.model = tiny_model(1, heals=False)
        self.engine = Engine(SETTINGS, self.events.append, lambda *_: self.model, self.clock)
        self.engine.documents.piece = 48  # what is longer is tokenized in pieces, between messages
        self.engine.load()
        self.engine.turn(None)
        self.tickets = count(1)
        self.asked: list[Complete] = []
        self.undone: list[tuple[int, int, str]] = []
        self.document: Document | None = None
        self.open(text)

    def open(self, text: str) -> None:
        self.text = text
        self.document = Document.open(URI, "python", 1, text)
        self.engine.post(OpenDocument(self.document.snapshot))

    def change(self, start: int, end: int, text: str) -> None:
        assert self.document is not None
        self.undone = [*self.undone[-5:], (start, start + len(text), self.text[start:end])]
        before = self.document.snapshot
        change = RangeChange(
            position_of(before.text, start, self.encoding), position_of(before.text, end, self.encoding), text
        )
        if self._splits(start) or self._splits(end):
            change = FullChange(self.text[:start] + text + self.text[end:])
        changes = self.document.apply(before.version + 1, [change], self.encoding)
        self.text = self.text[:start] + text + self.text[end:]
        self.engine.post(EditDocument(URI, before.version, changes, self.document.snapshot))

    def _splits(self, offset: int) -> bool:
        """Between \\r and \\n there is no position in the protocol."""
        return self.text[max(0, offset - 1) : offset + 1] == "\r\n" and 0 < offset < len(self.text)

    def at(self, place: float) -> int:
        return int(place * (len(self.text) + 1))

    is_open = precondition(lambda self: self.document is not None)

    @is_open
    @rule(place=PLACE, text=TEXTS)
    def insert(self, place: float, text: str) -> None:
        self.change(self.at(place), self.at(place), text)

    @is_open
    @rule(place=PLACE, text=st.sampled_from(["a", "b", " ", "\n", "é", "😀"]))
    def type_two(self, place: float, text: str) -> None:
        at = self.at(place)
        self.change(at, at, text)
        self.change(at + len(text), at + len(text), text)

    @is_open
    @rule(place=PLACE, length=st.integers(1, 60), text=TEXTS)
    def replace(self, place: float, length: int, text: str) -> None:
        start = self.at(place)
        self.change(start, min(len(self.text), start + length), text)

    @is_open
    @rule(place=PLACE, length=st.integers(1, 200))
    def delete(self, place: float, length: int) -> None:
        start = self.at(place)
        self.change(start, min(len(self.text), start + length), "")

    @is_open
    @rule(place=PLACE, length=st.integers(1, 80), goal=PLACE)
    def move(self, place: float, length: int, goal: float) -> None:
        start = self.at(place)
        block = self.text[start : start + length]
        self.change(start, start + len(block), "")
        self.change(self.at(goal), self.at(goal), block)

    @is_open
    @precondition(lambda self: self.undone)
    @rule()
    def undo(self) -> None:
        start, end, text = self.undone[-1]
        self.change(start, end, text)
        self.undone = []

    @is_open
    @rule()
    def close(self) -> None:
        self.engine.post(CloseDocument(URI))
        self.document, self.undone = None, []

    @precondition(lambda self: self.document is None)
    @rule(text=TEXTS)
    def reopen(self, text: str) -> None:
        self.open(text)

    @rule(place=PLACE, cancelled=st.booleans(), trigger=st.sampled_from(["automatic", "invoked"]))
    def complete(self, place: float, cancelled: bool, trigger: Any) -> None:
        token = CancelToken()
        if cancelled:
            token.cancel()
        version = self.document.snapshot.version if self.document else 1
        request = Complete(next(self.tickets), URI, version, self.at(place), trigger, self.clock(), cancel=token)
        self.asked.append(request)
        self.engine.post(request)

    @rule(chunks=CHUNKS)
    def show_other_files(self, chunks: list[ContextChunk]) -> None:
        self.engine.post(PlaceContext(URI, tuple(chunks), "", "main.py"))

    @rule(turns=st.integers(1, 8))
    def work(self, turns: int) -> None:
        for _ in range(turns):
            self.engine.turn(0)

    @rule()
    def rest(self) -> None:
        self.drain()
        for _ in range(200):
            if self.engine.patience() is None:
                break
            self.clock.pass_(1)
            self.engine.turn(0)
        else:
            raise AssertionError("the engine does not come to rest")
        known = self.engine.documents.get(URI)
        if known is not None and known.session is not None:
            assert known.synced
            assert known.session.cache.stale == 0
            assert not known.session.wants_slide

    def drain(self) -> None:
        while self.engine.owes:
            self.engine.turn(0)

    @rule(place=PLACE)
    def ask_and_compare(self, place: float) -> None:
        """The answer over the edited cache is that of a fresh start."""
        self.complete(place, False, "automatic")
        self.drain()
        request = self.asked[-1]
        (answer,) = [e for e in self.events if isinstance(e, Completed) and e.ticket == request.ticket]
        if self.document is None:
            assert answer.reason is Reason.UNKNOWN_DOCUMENT
        elif not answer.report.get("remembered") and len(self.text) < 240:
            session = self.engine.documents.get(URI).session
            if session is not None and session.window != session.window.whole:
                return  # it has seen less than a fresh start sees
            beside = session.asked[0] if session is not None and session.asked is not None else None
            fresh = complete_text(self.model, self.text, request.offset, "python", SETTINGS, beside)
            assert [item.text for item in answer.items] == ([fresh.text] if fresh.text else [])

    @invariant()
    def what_was_asked_is_answered_once(self) -> None:
        if not hasattr(self, "engine") or self.engine.owes:
            return
        answered = [e.ticket for e in self.events if isinstance(e, Completed)]
        assert sorted(answered) == sorted(request.ticket for request in self.asked)

    @invariant()
    def text_tokens_and_rows_are_right(self) -> None:
        if not hasattr(self, "engine") or self.engine.owes:
            return
        known = self.engine.documents.get(URI)
        assert (known is None) == (self.document is None)
        if known is None:
            return
        assert str(known.snapshot.text) == plain(self.text)
        if known.session is not None:
            assert str(known.session.snapshot.text) == plain(self.text)
            known.session.cache.check_integrity()
            if known.synced and known.sync is None and not known.session.behind:
                assert token_mismatches(known.session, known.session.caret) == 0

    @invariant()
    def snapshots_stay_as_they_were(self) -> None:
        if getattr(self, "document", None) is not None:
            assert isinstance(self.document.snapshot, Snapshot)
            assert str(self.document.snapshot.text) == self.text


class Growing(Editing):
    """The same with windows so small that these texts have some that grow, slide and jump."""

    def __init__(self) -> None:
        super().__init__()
        self.patched = small_windows(block=16, margin=24, first=32, room=6)
        self.patched.start()

    @initialize(pieces=st.lists(PIECES, min_size=15, max_size=40), times=st.integers(2, 8),
                encoding=st.sampled_from(list(PositionEncoding)))
    def start(self, pieces: list[str], times: int, encoding: PositionEncoding) -> None:
        super().start("".join(pieces) * times, encoding)

    def teardown(self) -> None:
        self.patched.stop()


EVERYWHERE = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEditing = Editing.TestCase
TestEditing.settings = EVERYWHERE
TestGrowing = Growing.TestCase
TestGrowing.settings = EVERYWHERE


def test_windows_grow_in_these_histories() -> None:
    machine = Growing()
    machine.start(["name = f(x)\n"] * 4, 5, PositionEncoding.UTF16)
    machine.rest()
    session = machine.engine.documents.get(URI).session
    assert session is not None
    assert session.totals.slid > 2 * 32
    machine.teardown()


@pytest.mark.slow
@pytest.mark.parametrize("machine", [Editing, Growing])
def test_two_thousand_histories(machine: type[Editing]) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=settings(EVERYWHERE, max_examples=2000))
