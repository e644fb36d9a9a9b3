"""A connection to the shared engine of a place: to the one that is there, or to one that is started for it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Final

from kvlsp.errors import EngineUnreachable
from kvlsp.remote.lock import Lock, holder
from kvlsp.remote.meeting_place import MeetingPlace
from kvlsp.remote.peer import Handle, check_peer

STARTING: Final = 60.0
"""Seconds that an engine may take until it listens; it loads its model after that."""
LINGER: Final = 300.0
"""Seconds that an engine stays when its last client has gone, unless the environment says otherwise."""
LINGER_VARIABLE: Final = "KVLSP_ENGINE_LINGER"
_PAUSE: Final = 0.03


def dial(place: MeetingPlace, timeout: float = 5.0) -> socket.socket | None:
    """A connection to the engine that listens there; None when none does. :class:`EngineUnreachable` when somebody
    else's does."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        connection.connect(os.fspath(place.socket))
        check_peer(connection)
    except PermissionError as error:
        connection.close()
        raise EngineUnreachable(f"{place.socket} may not be opened by this user. Delete it, or set engine to "
                                "own.") from error
    except OSError:  # nobody listens, or so many wait that it does not answer
        connection.close()
        return None
    except EngineUnreachable:
        connection.close()
        raise
    return connection


def find(place: MeetingPlace, given_up: threading.Event, patience: float = STARTING) -> socket.socket:
    """A connection to the engine, which is started if there is none. One that does not listen within ``patience``
    seconds is ended; one that fails is not started again. :class:`EngineUnreachable` when all of that has failed, or
    nobody waits any more."""
    until = time.monotonic() + patience
    begun: subprocess.Popen[bytes] | None = None
    while not given_up.is_set():
        connection = dial(place)
        if connection is not None:
            return connection
        if begun is not None and begun.poll():  # begun at once again, it would end at once again
            raise EngineUnreachable(f"The shared engine ended before it listened; {place.log} may say why.")
        lock = Lock.take(place.lock)
        if lock is not None:
            begun = _start(place, lock)
        if time.monotonic() >= until:
            stuck = holder(place.lock)
            if stuck is not None:
                handle = Handle(stuck)
                handle.kill()
                handle.close()
            raise EngineUnreachable(f"The shared engine did not begin to listen within {patience:.0f} s; {place.log} "
                                    "may say why.")
        given_up.wait(_PAUSE)
    raise EngineUnreachable("Nobody waits for the engine any more.")


def _start(place: MeetingPlace, lock: Lock) -> subprocess.Popen[bytes]:
    """A process that outlives this one, with the lock."""
    told = json.dumps({"folder": os.fspath(place.folder), "name": place.name, "lock": lock.descriptor,
                       "linger": _linger()})
    begin = "import sys; told, *sys.path[:] = sys.argv[1:]; from kvlsp.host.process import main; main(told)"
    command = [sys.executable, "-c", begin, told, *(path for path in sys.path if path)]
    try:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW  # the engine keeps it short itself
        log = os.open(place.log, flags, 0o600)
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                       start_new_session=True, pass_fds=(lock.descriptor,))
        finally:
            os.close(log)
    except OSError as error:
        lock.tidy()
        raise EngineUnreachable(f"The shared engine cannot be started ({error.strerror}).") from error
    threading.Thread(target=process.wait, name="kvlsp-engine-ended", daemon=True).start()  # no zombie stays behind
    try:
        lock.sign(process.pid)  # it may hang before it can say so itself, and has to be ended then
    except OSError as error:
        process.kill()
        lock.tidy()
        raise EngineUnreachable(f"The shared engine cannot be started in {place.folder} ({error.strerror}).") from error
    lock.pass_on()
    return process


def _linger() -> float:
    with contextlib.suppress(ValueError):
        return float(os.environ[LINGER_VARIABLE]) if LINGER_VARIABLE in os.environ else LINGER
    return LINGER
