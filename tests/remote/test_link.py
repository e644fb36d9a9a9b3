"""An engine that hangs is ended; one that says what we do not understand is left."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from kvlsp.config import Settings
from kvlsp.errors import EngineUnreachable, WireError
from kvlsp.messages import OpenDocument, StatusChanged
from kvlsp.remote import link as links
from kvlsp.remote.link import SILENCE, Link
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from kvlsp.wire import handshake, schema
from kvlsp.wire.channel import Channel
from kvlsp.wire.events import frame as to_frame
from kvlsp.wire.frames import FIRST, FROM_CLIENT, pack
from kvlsp.wire.outbox import MOST
from kvlsp.wire.words import to_bytes
from tests.support.clock import ManualClock

TICK = 0.02
TIMEOUT = 30.0


def engine(behave: Callable[[Channel], None]) -> socket.socket:
    """Our end of a connection to one that behaves so once it has been greeted."""
    front, back = socket.socketpair()

    def run() -> None:
        channel = Channel(back)
        try:
            channel.read(FIRST, 10)
            behave(channel)
        except EOFError:
            pass
        finally:
            channel.close(1.0)

    threading.Thread(target=run, daemon=True).start()
    return front


@pytest.fixture
def killed(monkeypatch) -> list[int]:
    """Processes that would have been ended; here they are this one."""
    found: list[int] = []
    monkeypatch.setattr(links.Handle, "kill", lambda handle: found.append(handle.process))
    return found


def silent(channel: Channel) -> None:
    while True:
        channel.read(FROM_CLIENT, 10)


def test_one_that_does_not_answer_a_greeting_is_ended(killed):
    with pytest.raises(EngineUnreachable, match="did not answer a greeting"):
        Link(engine(silent), Settings(), tick=TICK)
    assert len(killed) == 1


def test_one_that_falls_silent_is_ended(killed):
    def behave(channel: Channel) -> None:
        channel.write(pack(handshake.welcome(1)))
        silent(channel)

    link = Link(engine(behave), Settings(), tick=TICK)
    link.listen(lambda frame: None)
    assert link.why.startswith("gave no sign of life")
    assert len(killed) == 1


@pytest.mark.parametrize(("busy", "ended"), [(0.5, False), (7.0, True)])
def test_one_that_is_stuck_in_a_step_is_ended(killed, busy, ended):
    def behave(channel: Channel) -> None:
        channel.write(pack(handshake.welcome(1)))
        for _ in range(links.SILENCE * 2):
            ping = channel.read(FROM_CLIENT, 10)
            assert isinstance(ping, schema.Ping)
            channel.write(pack(schema.Pong(ping.number, busy)))

    link = Link(engine(behave), Settings(), tick=TICK, stuck=5.0)
    link.listen(lambda frame: None)
    assert bool(killed) is ended
    assert link.why == ("spent 7 s at one step of its model" if ended else "ended by itself")


def test_where_the_system_does_not_tell_the_process_the_engine_does(killed, monkeypatch):
    monkeypatch.setattr(links, "check_peer", lambda connection: 0)

    def behave(channel: Channel) -> None:
        channel.write(pack(handshake.welcome(4321)))
        silent(channel)

    link = Link(engine(behave), Settings(), tick=TICK)
    link.listen(lambda frame: None)
    assert killed == [4321]


def test_a_refusal_is_told_in_the_engines_words():
    def behave(channel: Channel) -> None:
        channel.write(pack(schema.Refused(to_bytes("Install the same version."))))

    with pytest.raises(WireError, match="Install the same version"):
        Link(engine(behave), Settings())


def test_bytes_that_are_no_frame_end_the_conversation():
    def behave(channel: Channel) -> None:
        channel.write(pack(handshake.welcome(1)) + b"\xff" * 50)
        silent(channel)

    link = Link(engine(behave), Settings())
    link.listen(lambda frame: None)
    assert link.why.startswith("broke off: ")


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="this system does not tell who connects")
def test_the_process_at_the_other_end_is_ended_and_no_other(tmp_path):
    path = tmp_path / "s"
    code = ("import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n"
            "print('up', flush=True)\nc, _ = s.accept()\nwhile c.recv(99): pass\n")
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    with pytest.raises(EngineUnreachable):
        Link(connection, Settings(), tick=TICK)
    assert child.wait(10) == -9
    child.stdout.close()


def busy(go_on: threading.Event, said: Callable[[Channel], None] = lambda channel: None) -> Callable[[Channel], None]:
    """Takes nothing until it may, and says something before."""

    def behave(channel: Channel) -> None:
        channel.write(pack(handshake.welcome(1)))
        while not go_on.wait(TICK):
            said(channel)
        silent(channel)

    return behave


def nothing(frame: schema.FromEngine) -> None:
    pass


def heaped(link: Link, megabytes: int, characters: int = 1 << 20) -> None:
    """More texts than should wait."""
    for number in range(megabytes * (1 << 20) // characters):
        link.send(OpenDocument(Snapshot(f"file:///{number}", 1, Rope.of("x" * characters), "")))


def test_what_an_engine_does_not_take_does_not_pile_up():
    go_on, clock = threading.Event(), ManualClock()
    link = Link(engine(busy(go_on)), Settings(), clock, tick=TICK)
    heaped(link, 2 * (MOST >> 20))
    assert not link.behind
    clock.pass_(SILENCE * TICK)
    assert link.behind
    go_on.set()
    link.wait(threading.Event(), nothing)
    assert not link.behind
    link.close()


def test_an_engine_that_neither_takes_nor_says_anything_is_not_told_any_more():
    go_on = threading.Event()
    link = Link(engine(busy(go_on)), Settings(), tick=TICK)
    heaped(link, 2 * (MOST >> 20))
    with pytest.raises(EngineUnreachable, match="does not take what it is sent"):
        link.wait(threading.Event(), nothing)
    go_on.set()
    link.wait(threading.Event(), nothing)
    link.close()


def test_one_that_says_meanwhile_that_it_is_busy_is_waited_for_and_heard():
    go_on, heard = threading.Event(), list[schema.FromEngine]()
    status = to_frame(StatusChanged("loading", "reading"))

    def said(channel: Channel) -> None:
        channel.write(pack(schema.Pong(0, 1.0)) + pack(status))

    link = Link(engine(busy(go_on, said)), Settings(), tick=TICK)
    heaped(link, 2 * (MOST >> 20))

    def hear(frame: schema.FromEngine) -> None:
        heard.append(frame)
        if len(heard) == 2 * SILENCE:
            go_on.set()

    link.wait(threading.Event(), hear)
    assert heard[0] == status
    link.close()


def test_texts_that_are_longer_or_more_than_what_should_wait_are_taken_like_any_other():
    go_on, clock = threading.Event(), ManualClock()
    link = Link(engine(busy(go_on)), Settings(), clock, tick=TICK)
    heaped(link, 3 * (MOST >> 19), 2 * MOST)
    assert not link.behind
    go_on.set()
    link.wait(threading.Event(), nothing)
    link.close()


def test_there_is_a_bound_however_alive_an_engine_is(monkeypatch):
    monkeypatch.setattr(links, "HEAPED", 2 * MOST)
    go_on = threading.Event()
    link = Link(engine(busy(go_on)), Settings(), ManualClock())
    heaped(link, 4 * (MOST >> 20))
    assert link.behind
    go_on.set()
    link.close()
