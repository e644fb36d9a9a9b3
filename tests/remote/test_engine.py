"""An engine elsewhere is one like any other; when it ends, nothing of the texts is lost and no question stays open."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest

from kvlsp.config import Settings
from kvlsp.errors import EngineUnreachable
from kvlsp.messages import (
    CancelToken,
    CloseDocument,
    Complete,
    Completed,
    Configure,
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    DocumentDescribed,
    EditDocument,
    EngineDescribed,
    Message,
    OpenDocument,
    Reason,
    StatusChanged,
    TokensDescribed,
    Watch,
    Watched,
)
from kvlsp.remote import link as links
from kvlsp.remote.engine import RemoteEngine
from kvlsp.remote.link import Link
from kvlsp.remote.meeting_place import MeetingPlace, meeting_place
from kvlsp.remote.way import OfThisMachine
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.wire import handshake, limits
from kvlsp.wire.channel import Channel
from kvlsp.wire.frames import FIRST, pack
from kvlsp.wire.outbox import MOST
from tests.support.served import TIMEOUT, Front, Served, served

SETTINGS = Settings(max_tokens=20, multi_line="never", drafts=False, confidence=0.0, idle_ms=60_000)
URI = "file:///a.txt"


class Typist(Front):
    """A daemon with one document."""

    def __init__(self, place: Served, settings: Settings = SETTINGS) -> None:
        super().__init__(lambda chosen, events: RemoteEngine(chosen, events, find=place.find), settings)
        self.tickets = count(1)
        self.snapshot = Snapshot(URI, 1, Rope.of("alpha = beta\n"), "")

    def open(self, text: str = "alpha = beta\n") -> None:
        self.snapshot = Snapshot(URI, 1, Rope.of(text), "")
        self.post(OpenDocument(self.snapshot))

    def type(self, text: str) -> None:
        before = self.snapshot
        edit = Edit(len(before.text), len(before.text), text)
        after = before.text.replace(edit)
        self.snapshot = Snapshot(URI, before.version + 1, after, "")
        self.post(EditDocument(URI, before.version, (Change(edit, after),), self.snapshot))

    def ask(self, cancel: CancelToken | None = None) -> int:
        ticket = next(self.tickets)
        self.post(Complete(ticket, URI, self.snapshot.version, len(self.snapshot.text), "invoked",
                           time.monotonic(), cancel=cancel or CancelToken()))
        return ticket

    def answer(self, ticket: int) -> Completed:
        return self.wait(lambda event: isinstance(event, Completed) and event.ticket == ticket)

    def described(self) -> DocumentDescribed:
        ticket = next(self.tickets)
        self.post(DescribeDocument(ticket, URI))
        return self.wait(lambda event: isinstance(event, DocumentDescribed) and event.ticket == ticket).description

    def statistics(self) -> dict:
        ticket = next(self.tickets)
        self.post(DescribeEngine(ticket))
        return self.wait(lambda event: isinstance(event, EngineDescribed) and event.ticket == ticket).statistics

    def ready(self, after: int = 0) -> None:
        self.wait(lambda event: isinstance(event, StatusChanged) and event.kind == "ready", after)

    def check_same_text(self) -> None:
        text = str(self.snapshot.text)
        described = self.described()
        assert described["sha256"] == hashlib.sha256(text.encode()).hexdigest()
        assert described["version"] == self.snapshot.version


@pytest.fixture
def place() -> Iterator[Served]:
    with served() as made:
        made.begin()
        yield made


@pytest.fixture
def typist(place: Served) -> Iterator[Typist]:
    typist = Typist(place)
    yield typist
    typist.engine.stop()


def test_it_completes(typist):
    typist.open()
    typist.ready()
    typist.type("gamma = ")
    assert typist.answer(typist.ask()).items
    typist.check_same_text()


def test_before_there_is_an_engine_questions_are_answered_and_edits_are_noted():
    with served() as place:
        typist = Typist(place)
        typist.open()
        assert typist.answer(typist.ask()).reason is Reason.NOT_READY
        assert typist.described() is None
        assert "model" in typist.statistics()
        typist.type("gamma")
        place.begin()
        typist.ready()
        typist.check_same_text()
        typist.engine.stop()


def test_the_next_engine_is_told_all_that_is_open(place, typist):
    typist.open()
    typist.ready()
    typist.type("gamma = ")
    typist.check_same_text()
    seen = len(typist.events)
    place.cut()
    typist.type("delta + ")
    typist.ready(seen)
    typist.type("epsilon")
    typist.check_same_text()
    assert typist.answer(typist.ask()).items
    assert typist.statistics()["documents"] == 1


def test_an_engine_that_takes_nothing_is_left_and_the_next_is_told_all(place, monkeypatch):
    monkeypatch.setattr(links, "HEAPED", MOST)
    front, back = socket.socketpair()
    ends, find = [front], place.find
    monkeypatch.setattr(place, "find", lambda *arguments: ends.pop() if ends else find(*arguments))
    typist = Typist(place)
    stalled = Channel(back)
    stalled.read(FIRST, TIMEOUT)
    stalled.write(pack(handshake.welcome(1)))
    try:
        while typist.engine.process != 1:
            threading.Event().wait(0.01)
        typist.open()
        for number in range(2 * (MOST >> 20)):
            typist.post(OpenDocument(Snapshot(f"file:///{number}", 1, Rope.of("x" * (1 << 20)), "")))
        typist.type("gamma = ")
        typist.ready()
        typist.check_same_text()
        assert typist.statistics()["documents"] == 1 + 2 * (MOST >> 20)
    finally:
        typist.engine.stop()
        stalled.close()


def test_who_types_does_not_wait_until_the_next_engine_has_been_told_all_that_is_open(place, typist, monkeypatch):
    typist.open()
    typist.ready()
    seen, send = len(typist.events), Link.send
    telling, go_on = threading.Event(), threading.Event()

    def slowly(link: Link, message: Message) -> None:
        if isinstance(message, OpenDocument):
            telling.set()
            assert go_on.wait(TIMEOUT)
        send(link, message)

    monkeypatch.setattr(Link, "send", slowly)
    place.cut()
    assert telling.wait(TIMEOUT)
    key = threading.Thread(target=typist.type, args=("gamma",), daemon=True)
    key.start()
    key.join(TIMEOUT / 4)
    waited = key.is_alive()
    reason = None if waited else typist.answer(typist.ask()).reason
    go_on.set()
    assert not waited
    assert reason is Reason.NOT_READY
    typist.ready(seen)
    typist.type(" = delta")
    typist.check_same_text()


def test_a_question_that_no_frame_can_say_is_answered(typist):
    typist.ready()
    typist.post(DescribeTokens(9000, tuple(range(limits.MOST_TOKENS + 1))))
    assert typist.wait(lambda event: isinstance(event, TokensDescribed)) == TokensDescribed(9000, ())


def test_what_was_closed_meanwhile_stays_closed(place, typist):
    typist.open()
    typist.ready()
    seen = len(typist.events)
    place.cut()
    typist.post(CloseDocument(URI))
    typist.ready(seen)
    assert typist.described() is None


def test_every_question_has_one_answer_whenever_the_connection_breaks(place, typist):
    typist.open()
    typist.ready()
    asked = []
    for number in range(60):
        typist.type("ab = cd\n"[number % 8])
        asked.append(typist.ask())
        if number % 7 == 3:
            place.cut()
    for ticket in asked:
        typist.answer(ticket)
    typist.engine.stop()
    tickets = [event.ticket for event in typist.events if isinstance(event, Completed)]
    assert sorted(tickets) == asked


def test_a_cancelled_request_is_answered_as_cancelled(typist):
    typist.open("alpha = beta\n" * 400)
    typist.ready()
    token = CancelToken()
    ticket = typist.ask(token)
    token.cancel()
    assert typist.answer(ticket).reason in (Reason.CANCELLED, None)  # None: it was quicker


def test_who_looks_on_waits_for_the_next_engine(place, typist):
    typist.open()
    typist.ready()
    place.cut()
    typist.post(Watch(99))
    view = typist.wait(lambda event: isinstance(event, Watched) and event.ticket == 99).view
    assert "turn" in view


def test_settings_changed_while_there_was_no_engine_hold_with_the_next(place, typist):
    typist.open()
    typist.ready()
    seen = len(typist.events)
    place.cut()
    typist.post(Configure(Settings(enable=False)))
    typist.ready(seen)
    assert typist.answer(typist.ask()).reason is Reason.DISABLED


def test_one_that_was_stopped_is_started_again_when_somebody_types(place, typist):
    typist.open()
    typist.ready()
    place.end("the engine was stopped")
    said = typist.wait(lambda event: isinstance(event, StatusChanged) and event.kind == "paused")
    assert said.message == "the engine was stopped; it is started again when you type"
    seen = len(typist.events)
    place.begin()
    typist.type("x")
    typist.ready(seen)
    typist.check_same_text()


def test_another_model_is_another_engine(place, monkeypatch):
    """And the one that nobody has any more ends at once: the other needs its memory."""
    find, another = place.find, threading.Event()
    usual = meeting_place(SETTINGS)

    def find_there(where: MeetingPlace, given_up: threading.Event) -> socket.socket:
        assert where == usual or another.wait(TIMEOUT)
        return find(where, given_up)

    monkeypatch.setattr(place, "find", find_there)
    typist = Typist(place)
    typist.open()
    typist.ready()
    seen = len(typist.events)
    typist.post(Configure(Settings(model="/another")))
    place.wait()
    place.begin()
    another.set()
    typist.ready(seen)
    typist.check_same_text()
    typist.engine.stop()


def test_one_that_goes_to_another_model_leaves_those_who_stay_their_engine(place, typist):
    other = Typist(place)
    for one in (typist, other):
        one.open()
        one.ready()
    other.engine.stop(returns=False)
    typist.type("gamma = ")
    assert typist.answer(typist.ask()).items
    assert place.loads == 1


def test_where_no_engine_can_be_reached_that_is_said_once_and_not_tried_again():
    tries: list[MeetingPlace] = []
    given_up: list[str] = []
    built = threading.Event()

    def find(place: MeetingPlace, _given_up: threading.Event) -> socket.socket:
        tries.append(place)
        raise EngineUnreachable("nobody listens")

    def stop(why: str) -> None:
        given_up.append(why)
        assert built.wait(TIMEOUT)
        front.engine.stop()

    front = Front(lambda chosen, events: RemoteEngine(chosen, events, way=OfThisMachine(find, stop)), SETTINGS)
    built.set()
    front.engine.join(TIMEOUT)
    assert given_up == ["nobody listens"]
    assert len(tries) == 2
    assert not [event for event in front.events if isinstance(event, StatusChanged) and event.kind == "error"]
    front.post(Complete(1, URI, 1, 0, "invoked", 0.0, cancel=CancelToken()))
    assert front.wait(lambda event: isinstance(event, Completed)).reason is Reason.NOT_READY


def test_it_says_which_process_it_is(place, typist):
    typist.open()
    typist.ready()
    assert typist.engine.process == os.getpid()
    place.end()
    typist.wait(lambda event: isinstance(event, StatusChanged) and event.kind == "paused")
    assert typist.engine.process == 0


def test_stopping_answers_what_waits():
    with served() as place:
        typist = Typist(place)
        typist.open()
        typist.engine.stop()
        typist.ask()
        assert [event.reason for event in typist.events if isinstance(event, Completed)] == [Reason.NOT_READY]


def test_who_has_gone_is_forgotten_and_the_model_is_kept_for_the_next(place):
    for _ in range(3):
        typist = Typist(place)
        typist.open()
        typist.ready()
        assert typist.statistics()["documents"] == 1
        typist.engine.stop()
    assert place.loads == 1


def test_an_engine_that_nobody_uses_ends_and_leaves_nothing():
    with served() as place:
        place.begin(linger=0.2)
        typist = Typist(place)
        typist.open()
        typist.ready()
        typist.engine.stop()
        place.wait()
        assert not list(place.place.folder.iterdir())


# --- several at one engine ---


def test_clients_see_nothing_of_each_other(place):
    one, other = Typist(place), Typist(place, Settings(enable=False))
    one.open("secret marker\n" * 3)
    other.open("something else\n")
    for typist in (one, other):
        typist.ready()
        typist.check_same_text()
        assert typist.statistics()["documents"] == 1
    ticket, twin = one.ask(), other.ask()  # the same number of the same place
    assert one.answer(ticket).items
    assert other.answer(twin).reason in (Reason.DISABLED, Reason.NOT_READY)
    assert other.statistics()["answers"].get("offered") is None
    assert place.loads == 1
    assert "secret" not in repr(other.events)
    one.engine.stop()
    other.check_same_text()
    other.engine.stop()


def test_memory_is_shared_among_those_who_are_there(place):
    one = Typist(place)
    one.open()
    one.ready()
    alone = one.statistics()["cacheBound"]
    other = Typist(place)
    other.open()
    other.ready()
    assert one.statistics()["cacheBound"] == pytest.approx(alone / 2, rel=0.1)  # it is what was free when each came
    other.engine.stop()
    for _ in range(100):
        bound = one.statistics()["cacheBound"]
        if bound > 0.9 * alone:
            break
    assert bound > 0.9 * alone
    one.engine.stop()
