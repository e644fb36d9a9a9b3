"""Whose turn it is: who waits before who rests, and of several who wait each in turn."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kvlsp.config import Settings
from kvlsp.host.seat import Seat
from kvlsp.host.thread import ModelThread, Prepared
from kvlsp.messages import (
    Complete,
    Completed,
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    DocumentDescribed,
    EngineDescribed,
    Event,
    Message,
    NextEdit,
    OpenDocument,
    Reason,
    Shutdown,
    StatusChanged,
)
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.clock import ManualClock

TIMEOUT = 30.0


class Noted(OpenDocument):
    """One that can be seen to be forgotten."""


class Turned:
    """An engine that has ``steps`` left to do, for somebody who waits or at rest, and notes each in ``order``."""

    def __init__(self, name: str, order: list[str], arrived: Callable[[], None]) -> None:
        self.name, self.order, self.arrived = name, order, arrived
        self.inbox: list[Message] = []
        self.waited_for = self.resting = 0
        self.stopped = False
        self.deadline: float | None = None
        self.clock: ManualClock | None = None
        self.documents: Any = type("Documents", (), {"settings": Settings(), "share": None, "host_bound": 0})()
        self.rest, self.held = 0.0, (0, 0)
        self.step: Callable[[], None] = lambda: None

    def load(self) -> None:
        pass

    def post(self, message: Message) -> None:
        self.inbox.append(message)
        self.arrived()

    @property
    def owes(self) -> bool:
        return bool(self.inbox or self.waited_for)

    def patience(self) -> float | None:
        return 0.0 if self.owes or self.resting else None

    def give_way(self, *, rests: bool) -> None:
        self.held = (self.documents.share, 0)

    def stop(self) -> None:
        self.stopped = True

    def hear(self) -> bool:
        while self.inbox:
            if isinstance(self.inbox.pop(0), Shutdown):
                return False
        if self.deadline is not None and self.clock is not None and self.clock() >= self.deadline:
            self.order.append(f"{self.name}!")
            self.deadline, self.waited_for = None, 0
        return True

    def turn(self, _patience: float) -> bool:
        if not self.hear():
            return False
        self.step()
        if self.waited_for:
            self.waited_for -= 1
            self.order.append(self.name)
        elif self.resting:
            self.resting -= 1
            self.order.append(self.name.lower())
        return True


class Model:
    """In place of :class:`kvlsp.host.model.SharedModel`."""

    bound = host_bound = 1000

    def __init__(self) -> None:
        self.kept = 0

    def keep(self) -> None:
        self.kept += 1


class House:
    """A thread whose engines begin when :meth:`go` says so."""

    def __init__(self, tidy: Callable[[], None] | None = None, lost: Callable[[str], None] = lambda why: None,
                 clock: ManualClock | None = None) -> None:
        self.order: list[str] = []
        self.model = Model()
        self.engines: dict[str, Turned] = {}
        self.tidied = threading.Event()
        self._go = threading.Event()
        self._tidy = tidy or self.tidied.set
        self.clock = clock or ManualClock()
        self.seconds: dict[str, float] = {}
        self.waited_for: dict[str, int] = {}
        self.deadlines: dict[str, float] = {}
        self.thread = ModelThread(self._prepare, lost, *([] if clock is None else [clock]))
        self.thread.start()

    def _prepare(self) -> Prepared:
        assert self._go.wait(TIMEOUT)
        return Prepared(self._make, self.model, self._tidy)  # type: ignore[arg-type]

    def _make(self, settings: Settings, _events: object, _model: object, *, arrived: Callable[[], None]) -> Turned:
        if settings.model == "never":
            raise RuntimeError("no thread can be started")
        engine = Turned(settings.model, self.order, arrived)
        engine.waited_for, engine.resting = self.waited_for.get(settings.model, 0), settings.threads
        engine.step = lambda: self.clock.pass_(self.seconds.get(settings.model, 0.0))
        engine.deadline, engine.clock = self.deadlines.get(settings.model), self.clock
        self.engines[settings.model] = engine
        return engine

    def sit(self, name: str, waited_for: int = 0, resting: int = 0,
            events: Callable[[Event], None] = lambda event: None, seconds: float = 0.0) -> Seat:
        """``seconds``: of a step, by the house's clock."""
        self.seconds[name], self.waited_for[name] = seconds, waited_for
        return self.thread.sit(Settings(model=name, threads=resting), events)

    def go(self) -> None:
        self._go.set()

    def done(self, count: int) -> list[str]:
        """The order when so many steps were taken."""
        for _ in range(int(TIMEOUT / 0.01)):
            if len(self.order) >= count:
                return self.order
            threading.Event().wait(0.01)
        raise AssertionError(self.order)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.go()
    made.thread.end()


def test_several_who_wait_get_their_steps_in_turn(house):
    house.sit("A", waited_for=4)
    house.sit("B", waited_for=4)
    house.sit("C", waited_for=2)
    house.go()
    assert "".join(house.done(10)) == "ABCABCABAB"


def test_who_reads_a_long_file_leaves_half_of_the_time_to_who_types():
    clock = ManualClock()
    house = House(clock=clock)
    try:
        house.sit("A", waited_for=10, seconds=0.06)
        house.sit("B", waited_for=50, seconds=0.01)
        house.go()
        order = "".join(house.done(60))
        together = order[:order.rindex("B") if order.endswith("A") else order.rindex("A")].strip("A")
        assert "AA" not in together  # who types waits for one forward at most
        assert min(map(len, together.split("A")[1:-1])) >= 4
    finally:
        house.thread.end()


def test_a_deadline_does_not_wait_for_the_turns_of_others():
    clock = ManualClock()
    house = House(clock=clock)
    try:
        for name in "ABCD":
            house.sit(name, waited_for=3, seconds=0.03)
        house.sit("X", waited_for=3, seconds=0.03)
        began = clock()
        house.deadlines = {"X": began + 0.2}
        house.go()
        order = house.done(13)
        assert order[:8] == ["A", "B", "C", "D", "X", "A", "B", "X!"]  # 7 steps of 0.03 s
    finally:
        house.thread.end()


def test_who_has_rested_has_not_saved_up_time():
    clock = ManualClock()
    house = House(clock=clock)
    try:
        house.sit("A", waited_for=100_000, seconds=0.01)
        house.go()
        house.done(20)
        house.sit("B", waited_for=20, seconds=0.01)
        while "B" not in house.order:
            house.done(len(house.order) + 1)
        begun = house.order.index("B")
        assert "BBBBB" not in "".join(house.done(begun + 60)[begun:])
    finally:
        house.thread.end()


def test_who_holds_more_than_their_share_gives_way(house):
    one, other = house.sit("A", waited_for=1), house.sit("B")
    house.go()
    house.done(1)
    first, second = house.engines["A"], house.engines["B"]
    first.held, second.held, second.rest = (900, 0), (400, 0), 1000.0
    first.waited_for = second.waited_for = 1  # each has a turn, after which it is known what it holds
    second.arrived()
    house.done(3)
    second.inbox.append(DescribeEngine(1))
    second.arrived()
    for _ in range(1000):
        if second.held[0] == 100:
            break
        threading.Event().wait(0.01)
    assert (first.documents.share, second.documents.share) == (1000, 100)
    assert (first.held, second.held) == ((900, 0), (100, 0))
    assert (one.held, other.held) == (first.held, second.held)


def test_who_waits_comes_before_who_rests(house):
    house.sit("A", resting=3)
    house.sit("B", waited_for=3)
    house.go()
    assert "".join(house.done(6)) == "BBBaaa"


def test_somebody_who_comes_to_wait_interrupts_the_work_at_rest(house):
    house.sit("A", resting=6)
    house.sit("B")
    house.go()
    house.done(6)
    one, other = house.engines["A"], house.engines["B"]

    def wait() -> None:
        if one.resting == 4:
            other.waited_for = 2
            other.arrived()

    one.step = wait
    one.resting = 6
    one.arrived()
    assert "".join(house.done(14)[6:]) == "aaaBBaaa"


def test_before_there_is_an_engine_messages_wait_and_completions_do_not(house):
    told: list[Event] = []
    seat = house.sit("A", waited_for=1, events=told.append)
    seat.post(DescribeEngine(1))
    seat.post(Complete(2, "u", 1, 0, "automatic", 0.0))
    assert told == [StatusChanged("loading", "starting"), Completed(2, (), Reason.NOT_READY, {})]
    house.go()
    house.done(1)
    assert house.thread.clients == 1


def test_who_leaves_is_tidied_away_and_the_model_is_kept_when_it_was_the_last(house):
    one, other = house.sit("A"), house.sit("B")
    house.go()
    house.thread.leave(one)
    one.wait(TIMEOUT)
    assert house.thread.clients == 1
    assert house.model.kept == 0
    house.thread.leave(other)
    other.wait(TIMEOUT)
    assert house.tidied.wait(TIMEOUT)
    assert (house.thread.clients, house.model.kept) == (0, 1)
    house.thread.end()
    assert all(engine.stopped for engine in house.engines.values()), "what they write has its end"


def test_an_engine_that_fails_takes_nobody_along(house):
    told: list[Event] = []
    house.sit("A", events=told.append)
    house.sit("B", waited_for=1)
    house.go()
    house.done(1)

    def fail() -> None:
        del house.engines["A"].held  # nor can it say any more what it has
        raise RuntimeError("text of the user's")

    house.engines["A"].step = fail
    house.engines["A"].waited_for = 1
    house.engines["B"].waited_for = 2
    house.engines["A"].arrived()
    assert "".join(house.done(3)) == "BBB"
    [error] = [event for event in told if isinstance(event, StatusChanged) and event.kind == "error"]
    assert "text" not in error.message


@pytest.mark.parametrize("what", ["owes", "patience", "rest"])
def test_an_engine_that_fails_between_two_turns_takes_nobody_along(house, what):
    told: list[Event] = []
    gone = threading.Event()
    seat = house.thread.sit(Settings(model="A", threads=0), told.append, gone.set)
    house.sit("B", waited_for=1)
    house.go()
    house.done(1)

    def fail(_engine: Turned) -> None:
        raise RuntimeError("text of the user's")

    failing = type("Failing", (Turned,), {what: fail if what == "patience" else property(fail)})
    house.engines["A"].__class__ = failing
    house.engines["B"].waited_for = 2
    house.engines["A"].arrived()
    assert gone.wait(TIMEOUT)
    assert "".join(house.done(3)) == "BBB"
    assert house.thread.clients == 1
    [error] = [event for event in told if isinstance(event, StatusChanged) and event.kind == "error"]
    assert "text" not in error.message
    check_answers(seat, told)


def test_who_has_lost_an_engine_is_let_go_and_what_is_asked_until_then_is_answered(house):
    told: list[Event] = []
    gone = threading.Event()
    seat = house.thread.sit(Settings(model="A", threads=0), told.append, gone.set)
    house.go()
    house.sit("B", waited_for=1)
    house.done(1)

    def fail() -> None:
        raise RuntimeError("text of the user's")

    house.engines["A"].step = fail
    house.engines["A"].waited_for = 1
    house.engines["A"].arrived()
    assert gone.wait(TIMEOUT)
    check_answers(seat, told)


def test_an_engine_that_cannot_be_made_takes_nobody_along(house):
    told: list[Event] = []
    gone = threading.Event()
    seat = house.thread.sit(Settings(model="never", threads=0), told.append, gone.set)
    seat.post(DescribeEngine(1))
    house.sit("B", waited_for=2)
    house.go()
    assert gone.wait(TIMEOUT)
    assert "".join(house.done(2)) == "BB"
    assert [event.ticket for event in told if isinstance(event, EngineDescribed)] == [1]
    assert house.thread.clients == 1


def test_an_engine_that_does_not_come_to_say_what_it_waits_for_is_busy(house):
    house.sit("A", waited_for=1)
    house.go()
    house.done(1)
    asked, go_on = threading.Event(), threading.Event()

    def never() -> None:
        asked.set()
        assert go_on.wait(TIMEOUT)

    engine = house.engines["A"]
    engine.patience = never
    engine.arrived()
    try:
        assert asked.wait(TIMEOUT)
        threading.Event().wait(0.01)
        assert house.thread.busy > 0
    finally:
        go_on.set()


def test_when_the_thread_itself_fails_somebody_hears_of_it():
    heard = threading.Event()

    def tidy() -> None:
        raise RuntimeError("the device is gone")

    house = House(tidy, lambda why: heard.set())
    house.go()
    stays = house.sit("B")
    house.thread.leave(house.sit("A"))
    assert heard.wait(TIMEOUT)
    stays.backlog.add(1 << 40)
    assert stays.backlog.room(TIMEOUT), "whoever sends waits for nobody"
    house.thread.end()


def check_answers(seat: Seat, told: list[Event]) -> None:
    """Every question has its answer, and nothing else is kept for an engine that will not come."""
    del told[:]
    noted = Noted(Snapshot("u", 1, Rope.of("text"), ""))
    still = weakref.ref(noted)
    seat.post(noted)
    del noted
    gc.collect()
    assert still() is None
    for question in (Complete(2, "u", 1, 0, "automatic", 0.0), NextEdit(3, "u", 1, 0, "automatic", 0.0),
                     DescribeDocument(4, "u"), DescribeEngine(5), DescribeTokens(6, (1,))):
        seat.post(question)
    assert [event.ticket for event in told] == [2, 3, 4, 5, 6]


def test_a_document_is_not_described_by_an_engine_that_is_still_to_come():
    """Putting one together takes seconds, on a busy machine a minute; the daemon knows the text itself."""
    told: list[Event] = []
    seat = Seat(Settings(), told.append, lambda: None)
    seat.post(DescribeDocument(1, "u"))
    assert told == [DocumentDescribed(1, None)]
    seat.post(DescribeEngine(2))
    assert len(told) == 1, "it says what it does when it is there"


def test_what_cannot_be_put_together_is_told_to_everybody():
    def fail() -> Prepared:
        raise ImportError("no torch here")

    thread = ModelThread(fail, lambda why: None)
    thread.start()
    for _ in range(2):
        told: list[Event] = []
        news = threading.Event()

        def note(event: Event, told: list[Event] = told, news: threading.Event = news) -> None:
            told.append(event)
            if isinstance(event, StatusChanged) and event.kind == "error":
                news.set()

        seat = thread.sit(Settings(), note)
        seat.post(DescribeDocument(1, "u"))
        assert news.wait(TIMEOUT)
        seat.wait(TIMEOUT)
        assert any(isinstance(event, StatusChanged) and "no torch here" in event.message for event in told)
        assert [event.ticket for event in told if isinstance(event, DocumentDescribed)] == [1]
        check_answers(seat, told)
    thread.end()
