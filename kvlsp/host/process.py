"""The engine's process: listens in its place as long as somebody needs it.

It is started with the place's lock in its hands, and holds it until it ends, however it ends; so there is never a
second one. It listens before it imports what runs a model. Unused for a while, or asked to, it ends and leaves nothing
behind.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import kvlsp
from kvlsp.config import Settings
from kvlsp.errors import EngineUnreachable
from kvlsp.host.client import GREETING, Client
from kvlsp.host.log import shorten
from kvlsp.host.seat import Seat
from kvlsp.host.thread import ModelThread, Prepared, prepare
from kvlsp.messages import Event
from kvlsp.remote.lock import Lock
from kvlsp.remote.meeting_place import MeetingPlace
from kvlsp.remote.peer import check_peer
from kvlsp.wire.limits import LONGEST_FRAME

log = logging.getLogger(__name__)

MOST_CLIENTS: Final = 256
SWITCH: Final = 0.001
"""Seconds after which the model's thread lets one that brings a message run."""
LOOK: Final = 1.0
"""Seconds between two looks whether anybody is still there."""


class Process:
    """``linger``: seconds that it stays without a client. ``log`` is the descriptor of its log, which is kept short."""

    def __init__(self, place: MeetingPlace, lock: Lock, linger: float, prepare: Callable[[], Prepared] = prepare,
                 log: int | None = None) -> None:
        self.process = os.getpid()
        self._place, self._lock, self._linger, self._log = place, lock, linger, log
        self._model = ModelThread(prepare, self.end)
        self._clients: set[Client] = set()
        """Whoever is connected, to type or to ask something."""
        self._seated = 0
        """Those who type."""
        self._guard = threading.Lock()
        self._began = self._used = time.monotonic()
        self._settings: Settings | None = None
        self._expects = True
        """Whether somebody may come back. Whoever has chosen another model does not, and needs this one's memory."""
        self._ends = ""
        self._wake, self._woken = socket.socketpair()

    # --- what clients find

    @property
    def busy(self) -> float:
        return self._model.busy

    longest = LONGEST_FRAME

    def sit(self, settings: Settings, events: Callable[[Event], None], failed: Callable[[], None]) -> Seat:
        self._settings, self._expects = settings, True
        seat = self._model.sit(settings, events, failed)
        with self._guard:
            self._seated += 1
        return seat

    def leave(self, seat: Seat, *, returns: bool) -> None:
        """``returns``: whether the client may come back soon, so that the engine should wait for it."""
        self._expects = returns
        self._model.leave(seat)
        with self._guard:
            self._seated -= 1
            self._used = time.monotonic()

    def report(self) -> Mapping[str, Any]:
        """For people; nothing of any client."""
        settings = self._settings
        return {
            "process": self.process, "version": kvlsp.__version__, "clients": self._model.clients,
            "model": "" if settings is None else settings.model or "the default model",
            "device": "" if settings is None else settings.device,
            "residentBytes": resident_bytes(), "upSeconds": round(time.monotonic() - self._began, 1),
            "busySeconds": round(self.busy, 3), "lingerSeconds": self._linger, "python": sys.executable,
        }

    def end(self, why: str) -> None:
        """Ends the process, from any thread, or from a signal."""
        self._ends = why
        with contextlib.suppress(OSError):
            self._wake.send(b".")

    # --- the main thread

    def run(self) -> None:
        """Until nobody needs it."""
        listener = _listen(self._place.socket)
        mine = self._place.socket.lstat()
        self._model.start()
        try:
            while not self._ends:
                self._take(listener)
                if self._log is not None:
                    shorten(self._log)
                if self._unused() and not self._comes(listener):
                    break
                if not _stands(self._place.socket, mine) and self._lock.stands:  # who tidies temporary files took it
                    listener.close()
                    listener = _listen(self._place.socket)
                    mine = self._place.socket.lstat()
        finally:
            if _stands(self._place.socket, mine):  # nobody finds it from here on
                self._place.socket.unlink()
            listener.close()
            self._part()
            if self._lock.stands:
                self._place.log.unlink(missing_ok=True)
            self._lock.tidy()

    def _take(self, listener: socket.socket, patience: float = LOOK) -> None:
        """One connection, or none for a while."""
        watched = select.poll()  # select knows no descriptor from 1024 on
        for one in (listener, self._woken):
            watched.register(one, select.POLLIN)
        if listener.fileno() not in [descriptor for descriptor, _ in watched.poll(patience * 1000)]:
            return
        try:
            connection, _ = listener.accept()
        except OSError as error:
            log.warning("A connection could not be taken (%s).", error.strerror)
            time.sleep(LOOK)
            return
        try:
            check_peer(connection)
        except EngineUnreachable as error:
            log.warning("A client was turned away: %s", error)
            connection.close()
            return
        with self._guard:
            crowded = len(self._clients) >= MOST_CLIENTS
        if crowded:
            connection.close()
            return
        client = Client(connection, self)
        with self._guard:
            self._clients.add(client)
        threading.Thread(target=self._serve, args=(client,), name="kvlsp-client", daemon=True).start()

    def _serve(self, client: Client) -> None:
        try:
            client.serve()
        except Exception as error:
            log.error("A client could not be served (%s).", type(error).__name__)
            log.debug("What failed:", exc_info=True)
        finally:
            with self._guard:
                self._clients.discard(client)

    def _unused(self) -> bool:
        """Whether nobody has typed for so long that the engine may end. Asking how it is does not count as use."""
        with self._guard:
            told = self._model.failed and self._settings is not None  # who mends what is wrong shall meet another
            linger = self._linger if self._expects and not told else 0.0
            return not self._seated and time.monotonic() - self._used >= linger

    def _comes(self, listener: socket.socket) -> bool:
        """Whether somebody who is connected has come to type: they may not have said so yet. Whoever comes meanwhile is
        let in, for they would start another engine."""
        until = time.monotonic() + GREETING
        while time.monotonic() < until and not self._ends:
            with self._guard:
                if self._seated or not any(client.unknown for client in self._clients):
                    return bool(self._seated)
            self._take(listener, 0.0)
            time.sleep(0.01)
        return False

    def _part(self) -> None:
        with self._guard:
            clients = list(self._clients)
        for client in clients:
            if self._ends:
                client.say_goodbye(self._ends)
        self._model.end()
        for client in clients:
            client.hang_up()
        until = time.monotonic() + 2.0
        while self._clients and time.monotonic() < until:
            time.sleep(0.02)


def _listen(path: Path) -> socket.socket:
    """A socket that stands at the path when it listens, for this user alone."""
    begun = path.with_suffix(".begun")
    begun.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(os.fspath(begun))
    begun.chmod(0o600)
    listener.listen(64)
    begun.rename(path)  # over that of an engine that was killed
    return listener


def _stands(path: Path, mine: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), mine)
    except OSError:
        return False


def resident_bytes() -> int:
    """Memory of this process; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def main(told: str) -> None:
    """The process itself; ``told`` as :mod:`kvlsp.remote.finding` writes it."""
    values = json.loads(told)
    sys.setswitchinterval(SWITCH)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    place = MeetingPlace(Path(values["folder"]), values["name"])
    os.set_inheritable(values["lock"], False)
    lock = Lock(place.lock, values["lock"])
    lock.sign()
    process = Process(place, lock, values["linger"], log=sys.stderr.fileno())
    signal.signal(signal.SIGTERM, lambda _number, _frame: process.end("the engine was ended"))
    code = 1
    try:
        process.run()
        code = 0
    except Exception:
        log.exception("The shared engine failed.")
    finally:
        logging.shutdown()
        os._exit(code)  # a load that is under way cannot be interrupted
