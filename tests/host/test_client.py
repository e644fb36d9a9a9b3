"""Who does not hold to the protocol gets a sentence and a closed connection; everybody else is served on."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kvlsp
from kvlsp.config import Settings
from kvlsp.host import client as clients
from kvlsp.host.backlog import Backlog
from kvlsp.host.seat import Seat
from kvlsp.messages import Completed, DocumentDescribed, EngineDescribed, Event, TokensDescribed, Watched
from kvlsp.remote.finding import dial
from kvlsp.wire import handshake, limits, outbox, schema
from kvlsp.wire.frames import FROM_ENGINE, Stream, pack
from kvlsp.wire.words import to_mapping, to_text
from tests.support.served import TIMEOUT, Served, served

HELLO = pack(handshake.hello(Settings()))


@pytest.fixture(scope="module")
def place() -> Iterator[Served]:
    with served() as made:
        made.begin()
        yield made


def said(place: Served, *data: bytes) -> list[schema.FromEngine]:
    """All that comes back until the connection is closed."""
    connection = dial(place.place)
    assert connection is not None
    connection.settimeout(TIMEOUT)
    stream, frames = Stream(), []
    with connection:
        for piece in data:
            try:
                connection.sendall(piece)
            except OSError:  # it had enough
                break
        try:
            while received := connection.recv(1 << 16):
                stream.add(received)
        except ConnectionResetError:  # it did not want to read the rest
            pass
    while (frame := stream.take(FROM_ENGINE)) is not None:
        frames.append(frame)
    return frames


def check_serves(place: Served) -> None:
    [report] = said(place, pack(handshake.ask_status()))
    assert isinstance(report, schema.Report)
    assert to_mapping(report.values)["process"] == os.getpid()


def refusal(frames: list[schema.FromEngine]) -> str:
    [refused] = [frame for frame in frames if isinstance(frame, schema.Refused)]  # news of the model may be on its way
    return to_text(refused.why)


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\xff" * 100,
    b"\0\0\0\1\xc1",
    b"\0\0\0\2\x91\x91",
    pack(schema.Ping(1)),
])
def test_a_stranger_is_let_go(place, data):
    assert "protocol" in refusal(said(place, data))
    check_serves(place)


def test_another_version_is_told_both(place):
    hello = pack(schema.Hello(schema.PROTOCOL + 1, "9.9", b"{}"))
    ours = f"This engine is kvlsp {kvlsp.__version__} and speaks version {schema.PROTOCOL} "
    assert refusal(said(place, hello)).startswith(ours)


@pytest.mark.parametrize(("frame", "why"), [
    (schema.Edit(b"u", 1, 2, (), 0), "not here"),
    (schema.Configure(b'{"threads": "many"}'), "kvlsp.threads"),
    (schema.Configure(b'{"model": "/another"}'), "another model"),
])
def test_a_client_that_lies_is_let_go(place, frame, why):
    assert why in refusal(said(place, HELLO, pack(frame)))
    check_serves(place)


def test_one_that_says_nothing_is_let_go(place, monkeypatch):
    monkeypatch.setattr(clients, "GREETING", 0.05)
    assert "No message came" in refusal(said(place))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(greets=st.booleans(), data=st.data())
def test_whatever_comes_the_engine_goes_on(place, greets, data):
    frames = [pack(schema.Open(b"u", 1, b"python", b"abc")), pack(schema.Ping(3)),
              pack(schema.Edit(b"u", 1, 2, (schema.Edited(0, 1, b"x"),), 3)), pack(schema.DescribeEngine(1)),
              pack(schema.Ask(2, b"u", 1, 0, "invoked", 0.0, None)), pack(schema.Shutdown())]
    sent = bytearray(b"".join(data.draw(st.lists(st.sampled_from(frames), max_size=8))))
    for place_, byte in data.draw(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4)):
        if sent:
            sent[place_ % len(sent)] = byte
    connection = dial(place.place)
    assert connection is not None
    with connection:
        connection.sendall((HELLO if greets else b"") + bytes(sent) + data.draw(st.binary(max_size=20)))
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(TIMEOUT)
        stream = Stream()
        while received := connection.recv(1 << 16):
            stream.add(received)
    while stream.take(FROM_ENGINE) is not None:
        pass
    check_serves(place)


@pytest.mark.parametrize("question", [b"", pack(schema.DescribeEngine(1))])
def test_one_that_does_not_read_is_let_go(place, monkeypatch, question):
    monkeypatch.setattr(outbox, "MOST", 1 << 16)
    connection = dial(place.place)
    assert connection is not None
    connection.settimeout(TIMEOUT)
    with connection:
        connection.sendall(HELLO)
        with suppress(OSError):
            for _ in range(2_000):
                connection.sendall(pack(schema.Ping(1)) * 1000 + question)
            pytest.fail("it was listened to all the same")
    check_serves(place)


class Told:
    """A desk at which these events are told, and nothing else happens."""

    process, busy, longest = 1, 0.0, limits.LONGEST_FRAME

    def __init__(self, *events: Event) -> None:
        self._told = events

    def sit(self, settings: Settings, events: Callable[[Event], None], failed: Callable[[], None]) -> Seat:
        for event in self._told:
            events(event)
        return Seat(settings, events, failed)

    def leave(self, seat: Seat, *, returns: bool) -> None: ...

    def report(self) -> dict[str, str]:
        return {}

    def end(self, why: str) -> None: ...


def test_what_no_frame_can_hold_is_an_answer_all_the_same():
    long = {"value": "x" * limits.LONGEST_VIEW}
    front, back = socket.socketpair()
    desk = Told(Completed(1, (), None, long), DocumentDescribed(2, long), EngineDescribed(3, long), Watched(5, long),
                TokensDescribed(4, ("x" * (limits.LONGEST_NAME + 1),)))
    serving = threading.Thread(target=clients.Client(back, desk).serve, daemon=True)
    serving.start()
    front.settimeout(TIMEOUT)
    stream, told = Stream(), []
    with front:
        front.sendall(HELLO)
        while len(told) < 6:
            stream.add(front.recv(1 << 16))
            while (frame := stream.take(FROM_ENGINE)) is not None:
                told.append(frame)
    serving.join(TIMEOUT)
    assert sorted(frame.ticket for frame in told[1:]) == [1, 2, 3, 4, 5]


def test_one_large_event_is_no_reason_to_be_let_go():
    large = {"rows": "x" * (outbox.MOST + (1 << 20))}
    front, back = socket.socketpair()
    threading.Thread(target=clients.Client(back, Told(Watched(1, large))).serve, daemon=True).start()
    front.settimeout(TIMEOUT)
    stream, told = Stream(), []
    with front:
        front.sendall(HELLO)
        while len(told) < 2:
            data = front.recv(1 << 18)
            assert data, "let go"
            stream.add(data)
            while (frame := stream.take(FROM_ENGINE)) is not None:
                told.append(frame)
    assert to_mapping(told[1].view) == large


class Slow(Told):
    """A desk whose engine takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.seat: Seat | None = None

    def sit(self, settings: Settings, events: Callable[[Event], None], failed: Callable[[], None]) -> Seat:
        self.seat = super().sit(settings, events, failed)
        self.seat.backlog = Backlog(messages=10)
        return self.seat

    @property
    def waiting(self) -> int:
        return 0 if self.seat is None else self.seat.backlog.mark[0]


def test_one_that_sends_faster_than_its_engine_takes_waits_and_is_told_that_it_is_served(monkeypatch):
    monkeypatch.setattr(clients, "SIGN", 0.01)
    front, back = socket.socketpair()
    desk = Slow()
    threading.Thread(target=clients.Client(back, desk).serve, daemon=True).start()
    front.settimeout(TIMEOUT)
    stream = Stream()
    with front:
        front.sendall(HELLO + pack(schema.Close(b"u")) * 25)

        def hear(until: Callable[[schema.FromEngine], bool]) -> None:
            while True:
                while (frame := stream.take(FROM_ENGINE)) is not None:
                    if until(frame):
                        return
                stream.add(front.recv(1 << 16))

        for most in (10, 20):
            hear(lambda frame: isinstance(frame, schema.Pong))
            assert desk.waiting == most
            assert desk.seat is not None
            desk.seat.backlog.took(desk.seat.backlog.mark)
        front.sendall(pack(schema.Ping(7)))
        hear(lambda frame: isinstance(frame, schema.Pong) and frame.number == 7)
        assert desk.waiting == 25, "nothing is lost"


def test_no_longer_frame_is_received_than_the_desk_takes():
    front, back = socket.socketpair()
    desk = Told()
    desk.longest = 1 << 16
    threading.Thread(target=clients.Client(back, desk).serve, daemon=True).start()
    front.settimeout(TIMEOUT)
    stream, told = Stream(), []
    with front:
        front.sendall(HELLO + (desk.longest + 1).to_bytes(4, "big"))
        while data := front.recv(1 << 16):
            stream.add(data)
            while (frame := stream.take(FROM_ENGINE)) is not None:
                told.append(frame)
    assert "a text is too long" in refusal(told)


# --- another user ---

KNOCK = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
    s.sendall(bytes.fromhex(sys.argv[2]))
    print("answer", len(s.recv(100)))
except OSError as error:
    print(type(error).__name__)
"""


def knock(place: Served) -> str:
    """What a process of another user meets."""
    command = [sys.executable, "-c", KNOCK, str(place.place.socket), HELLO.hex()]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_does_not_get_in(place):
    assert knock(place) == "PermissionError"
    folder, file = place.place.folder, place.place.socket
    modes = folder.stat().st_mode, file.stat().st_mode
    try:
        folder.chmod(0o711)
        assert knock(place) == "PermissionError", "the socket is closed to others even where the folder is open"
        file.chmod(0o666)
        assert knock(place) in ("answer 0", "ConnectionResetError", "BrokenPipeError"), "who they are is asked"
    finally:
        folder.chmod(modes[0])
        file.chmod(modes[1])
    check_serves(place)
