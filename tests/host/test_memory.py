"""Several clients and one bound for their rows: it goes to who types, and comes back with the next key."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.host.division import RESTING
from kvlsp.host.seat import Seat, divide
from kvlsp.messages import CloseDocument, Complete, Completed, DescribeEngine, EditDocument, OpenDocument
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.clock import ManualClock
from tests.support.engine_bench import TEXT, watched_model

SETTINGS = Settings(max_tokens=30, multi_line="never", drafts=False, confidence=0.0, idle_ms=60)
MODEL = watched_model()
DOCUMENT = 512 * MODEL.decoder.bytes_per_slot
"""What the arrays of one short document take."""
BOUND = 3 * DOCUMENT


class Editor:
    """A client with its engine at a seat, turned by hand."""

    def __init__(self, clock: ManualClock) -> None:
        self.events: list[Any] = []
        self.engine = Engine(SETTINGS, self.events.append, lambda *_: MODEL, clock)
        self.engine.load()
        self.engine.turn(None)  # the loading thread reports
        self.engine.documents.bound = BOUND
        self.seat = Seat(SETTINGS, self.events.append, lambda: None)
        self.snapshots: dict[str, Snapshot] = {}
        self.tickets = count(1)

    def open(self, name: str, text: str = TEXT) -> None:
        self.snapshots[name] = Snapshot(name, 1, Rope.of(text), "")
        self.engine.post(OpenDocument(self.snapshots[name]))
        self.engine.hear()

    def type(self, name: str, text: str = "x") -> None:
        before = self.snapshots[name]
        edit = Edit(0, 0, text)
        after = self.snapshots[name] = Snapshot(name, before.version + 1, before.text.replace(edit), "")
        self.engine.post(EditDocument(name, before.version, (Change(edit, after.text),), after))

    def suggestion(self, name: str, room: Room) -> Completed:
        snapshot, ticket = self.snapshots[name], next(self.tickets)
        self.engine.post(Complete(ticket, name, snapshot.version, len(snapshot.text), "invoked", room.clock()))
        room.work()
        (answer,) = [event for event in self.events if isinstance(event, Completed) and event.ticket == ticket]
        return answer

    @property
    def resident(self) -> list[str]:
        """The documents that have rows."""
        return [one.snapshot.uri for one in self.engine.documents if one.resident]

    @property
    def held(self) -> int:
        return self.engine.held[0]

    def bound(self) -> int:
        self.engine.post(DescribeEngine(next(self.tickets)))
        self.engine.turn(0)
        return int(self.events[-1].statistics["cacheBound"])


class Room:
    """Who is there, and the bound that they share."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.editors: list[Editor] = []

    def join(self) -> Editor:
        self.editors.append(Editor(self.clock))
        return self.editors[-1]

    def work(self) -> None:
        """As the model's thread does, until nothing is left to do at once."""
        for _ in range(2000):
            divide([(one.seat, one.engine) for one in self.editors], BOUND, 0)
            assert sum(one.held for one in self.editors) <= BOUND + DOCUMENT  # a turn may take a document more
            due = [one for one in self.editors if one.engine.patience() == 0]
            if not due:
                divide([(one.seat, one.engine) for one in self.editors], BOUND, 0)
                return
            for one in due:
                one.engine.turn(0)
                one.seat.held = one.engine.held
        raise AssertionError("There is no end to the work.")

    def pass_(self, seconds: float) -> None:
        self.clock.pass_(seconds)
        self.work()

    @property
    def held(self) -> int:
        return sum(one.held for one in self.editors)


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    for one in made.editors:
        one.engine.stop()


def test_who_types_has_the_memory_of_who_rests(room):
    resting, typing = room.join(), room.join()
    resting.open("a")
    resting.open("b")
    room.work()
    assert resting.resident == ["b"], "half of three documents is one"
    room.pass_(RESTING + 1)
    for name in "cde":
        typing.open(name)
        room.pass_(1)
    assert typing.resident == ["c", "d", "e"]
    assert resting.resident == []
    assert room.held <= BOUND


def test_who_rests_keeps_all_as_long_as_nobody_needs_it(room):
    resting, typing = room.join(), room.join()
    resting.open("a")
    room.pass_(RESTING + 1)
    typing.open("b")
    room.pass_(10 * RESTING)
    assert (resting.resident, typing.resident) == (["a"], ["b"])


def test_with_the_next_key_the_share_comes_back_and_so_does_the_document(room):
    one, other = room.join(), room.join()
    one.open("a")
    room.pass_(RESTING + 1)
    for name in "bcd":
        other.open(name)
        room.pass_(1)
    assert one.resident == []
    assert other.bound() == BOUND
    one.type("a")
    room.work()
    assert one.bound() == other.bound() == BOUND // 2
    assert one.resident == ["a"]
    assert other.resident == ["d"], "the document that it is in stays"
    assert one.suggestion("a", room).items


def test_who_gave_way_is_not_worked_for_until_the_next_key(room):
    one, other = room.join(), room.join()
    one.open("a")
    room.pass_(RESTING + 1)
    for name in "bcd":
        other.open(name)
        room.pass_(1)
    assert other.resident
    room.pass_(RESTING)
    assert one.engine.patience() is None
    assert one.resident == []


def test_a_document_that_was_begun_when_there_was_more_becomes_smaller(room):
    one, other = room.join(), room.join()
    room.pass_(RESTING + 1)
    one.open("a", TEXT * 40)
    for _ in range(5):
        room.pass_(1)
    assert one.held > BOUND // 2
    other.open("b")
    for _ in range(5):
        room.pass_(1)
    assert 0 < one.held <= BOUND // 2
    assert one.resident == ["a"]
    assert room.held <= BOUND
    assert one.suggestion("a", room).items


def test_who_leaves_leaves_their_memory(room):
    one, other = room.join(), room.join()
    for name in "ab":
        one.open(name)
        room.pass_(1)
    assert one.resident == ["b"]
    room.editors.remove(other)
    other.engine.stop()
    one.type("a")
    room.work()
    assert sorted(one.resident) == ["a", "b"]
    one.engine.post(CloseDocument("a"))
    room.work()
    assert one.resident == ["b"]
