"""The engine's process in a thread of this one, around a tiny model: real sockets, real frames, no start-up."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.errors import EngineUnreachable
from kvlsp.host.model import SharedModel
from kvlsp.host.process import Process
from kvlsp.host.thread import Prepared
from kvlsp.messages import Event, Message
from kvlsp.opening.model import Model
from kvlsp.remote.engine import RemoteEngine
from kvlsp.remote.finding import dial
from kvlsp.remote.lock import Lock
from kvlsp.remote.meeting_place import MeetingPlace
from tests.support.folders import short_folder
from tests.support.writing import writing_model

TIMEOUT = 60.0


class Served:
    """A place at which engines come and go, by ``clock``."""

    def __init__(self, folder: Path, load: Callable[..., Model] | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.place = MeetingPlace(folder, "test")
        self.loads = 0
        self._load = load or (lambda *_: writing_model(1, b"abcdefghijklmnopqrstuvwxyz_(), =.0123456789", line=25))
        self.process: Process | None = None
        self._thread: threading.Thread | None = None
        self._cables: list[socket.socket] = []

    def begin(self, linger: float = TIMEOUT) -> None:
        lock = Lock.take(self.place.lock)
        assert lock is not None
        lock.sign()
        self.process = Process(self.place, lock, linger, self._prepare)
        self._thread = threading.Thread(target=self.process.run, daemon=True)
        self._thread.start()
        while not self.place.socket.exists():
            assert self._thread.is_alive()

    def end(self, why: str = "") -> None:
        """``why`` is a sentence for the clients; "" is what they see of one that ends by itself."""
        if self.process is not None:
            self.process.end(why or "the engine was stopped")
            self.wait()

    def wait(self) -> None:
        assert self._thread is not None
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()
        self.process = None

    def find(self, _place: MeetingPlace, given_up: threading.Event) -> socket.socket:
        """In place of :func:`kvlsp.remote.finding.find`: nothing is started."""
        for _ in range(int(TIMEOUT / 0.01)):
            connection = dial(self.place)
            if connection is not None:
                return self._cable(connection)
            if given_up.wait(0.01):
                break
        raise EngineUnreachable("nobody listens")

    def cut(self) -> None:
        """Every connection breaks, as when a process is killed."""
        cables, self._cables = self._cables, []
        for end in cables:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _cable(self, connection: socket.socket) -> socket.socket:
        front, back = socket.socketpair()
        connection.settimeout(None)
        self._cables += (back, connection)
        for source, target in ((back, connection), (connection, back)):
            threading.Thread(target=_carry, args=(source, target), daemon=True).start()
        return front

    def _prepare(self) -> Prepared:
        return Prepared(partial(Engine, clock=self._clock), SharedModel(self._counted), lambda: None)

    def _counted(self, *arguments: Any) -> Model:
        self.loads += 1
        return self._load(*arguments)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def served(**options: Any) -> Iterator[Served]:
    with short_folder() as folder:
        place = Served(folder, **options)
        try:
            yield place
        finally:
            place.end()


class Front:
    """A daemon's side of an engine, with all that came."""

    def __init__(self, make: Callable[[Settings, Callable[[Event], None]], RemoteEngine], settings: Settings) -> None:
        self.events: list[Event] = []
        self._news = threading.Condition()
        self.engine = make(settings, self._note)
        self.engine.start()

    def _note(self, event: Event) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def post(self, message: Message) -> None:
        self.engine.post(message)

    def wait(self, fits: Callable[[Any], bool], after: int = 0) -> Any:
        """The first event that fits, of those from number ``after`` on."""
        with self._news:
            found: list[Event] = []

            def look() -> bool:
                found[:] = [event for event in self.events[after:] if fits(event)][:1]
                return bool(found)

            assert self._news.wait_for(look, TIMEOUT), f"nothing fits among {self.events[after:]}"
            return found[0]
