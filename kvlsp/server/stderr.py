"""Standard error of a daemon whose editor may not read it: what it does not take is lost, and nobody waits.

An editor that opens a pipe for standard error and never reads it fills it with a few hundred lines; the next line, of
our log or of a library or of the workspace's process, would stop whoever writes it for ever. So all of them write into
a pipe of our own, and a thread carries on what the editor takes. Where the system cannot tell whether a pipe takes
anything (Windows) standard error stays as it is.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kvlsp.wire.outbox import ATOMIC

MOST: Final = 1 << 18
"""Bytes that wait for a reader that is slow."""

_LOST: Final = b"(%d bytes of the log were lost here: nobody read it)\n"


class Carrier:
    """Carries what is written into ``source`` on to ``target``, in a thread; both are descriptors."""

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = source, target
        self._waiting = bytearray()
        self._lost = 0
        self._idle = threading.Event()
        threading.Thread(target=self._run, name="kvlsp-stderr", daemon=True).start()

    def flush(self, patience: float = 0.5) -> None:
        """Waits until all that was written before has been carried on, for so many seconds."""
        until = time.monotonic() + patience
        while _readable(self._source) or not self._idle.is_set():
            if time.monotonic() > until:
                return
            time.sleep(0.005)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        while True:
            poll.register(self._target, select.POLLOUT if self._waiting else 0)
            self._idle.set() if not self._waiting else self._idle.clear()
            events = dict(poll.poll())
            self._idle.clear()
            if events.get(self._source, 0) & select.POLLIN:
                self._take(os.read(self._source, 1 << 16))
            elif events.get(self._source, 0):
                os.close(self._source)
                os.close(self._target)
                return
            happened = events.get(self._target, 0)
            if happened & select.POLLOUT:
                self._give()
            elif happened:  # the reader has gone
                self._drop()
                return

    def _take(self, data: bytes) -> None:
        if len(self._waiting) + len(data) > MOST:
            self._lost += len(data)
        else:
            if self._lost:
                self._waiting += _LOST % self._lost
                self._lost = 0
            self._waiting += data

    def _give(self) -> None:
        try:
            del self._waiting[:os.write(self._target, self._waiting[:ATOMIC])]
        except BlockingIOError:
            pass
        except OSError:
            self._waiting.clear()

    def _drop(self) -> None:
        """The editor will never read again: empty our own pipe for as long as the process runs, so that nobody
        waits."""
        self._waiting.clear()
        self._idle.set()
        while os.read(self._source, 1 << 16):
            pass
        os.close(self._source)
        os.close(self._target)


@contextmanager
def carried() -> Iterator[Carrier | None]:
    """Within, what this process and its children write to standard error never makes them wait."""
    if sys.platform == "win32":
        yield None
        return
    source, ours = os.pipe()
    target = os.dup(2)
    os.dup2(ours, 2)
    os.close(ours)
    carrier = Carrier(source, target)
    try:
        yield carrier
    finally:
        sys.stderr.flush()
        carrier.flush()
        os.dup2(target, 2)  # which closes our pipe, and the thread ends


def _readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(event & select.POLLIN for _, event in poll.poll(0))
