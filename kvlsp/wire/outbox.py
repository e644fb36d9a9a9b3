"""Writes to a client that may not read: nobody waits for it, nothing is lost, and what waits is bounded.

What the stream takes at once is written at once, by whoever has something to say; the rest waits for a thread. Beyond
:data:`MOST` waiting bytes the outbox is *full*: whoever brings the client's requests stops until it is not.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

MOST: Final = 16 << 20
"""Bytes that may wait before the client's next request has to."""

ATOMIC: Final = 4096
"""Bytes that a stream which takes any takes without waiting; a page, which is what pipes are made of."""


class Outbox:
    """For one descriptor, which belongs to whoever opened it. ``lost`` is called once when the client has gone, and
    ``room`` whenever it is not full any more; from either thread."""

    def __init__(self, descriptor: int, lost: Callable[[], None], room: Callable[[], None] = lambda: None) -> None:
        self._descriptor, self._lost, self._room = descriptor, lost, room
        self._news = threading.Condition()
        self._waiting: deque[memoryview] = deque()
        self._bytes = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        """Bytes; none once the client has gone."""
        return self._bytes

    @property
    def full(self) -> bool:
        """Whether more waits than should; never once the client has gone."""
        return self._bytes > MOST

    def write(self, data: bytes) -> None:
        """Never waits, never raises for what the client does."""
        with self._news:
            if self._closed:
                return
            rest = memoryview(data)
            if not self._waiting:
                rest = self._write_what_fits(rest)
            if rest and not self._closed:
                self._waiting.append(rest)
                self._bytes += len(rest)
                self._start()
                self._news.notify_all()

    def close(self, patience: float = 1.0) -> None:
        """Nothing is written from here on; what waits gets ``patience`` seconds to go."""
        until = time.monotonic() + patience
        with self._news:
            while self._waiting and not self._closed and (left := until - time.monotonic()) > 0:
                self._news.wait(left)
            self._close()

    def join(self, timeout: float = 5.0) -> None:
        """Wait for the thread, so that the descriptor may be closed; to be called when all is closed."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _close(self) -> None:
        self._closed = True
        self._waiting.clear()
        self._bytes = 0
        self._news.notify_all()

    def _write_what_fits(self, rest: memoryview) -> memoryview:
        """What is left."""
        try:
            while rest and writable(self._descriptor):
                rest = rest[os.write(self._descriptor, rest[:ATOMIC]):]
        except BlockingIOError:
            pass
        except OSError:
            self._close()
            self._lost()
        return rest

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="kvlsp-writer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                rest = self._waiting[0]
            try:
                written = os.write(self._descriptor, rest)  # may wait for ever
            except BlockingIOError:
                wait_until_writable(self._descriptor)
                continue
            except OSError:
                with self._news:
                    gone = not self._closed
                    self._close()
                if gone:
                    self._lost()
                return
            self._wrote(written)

    def _wrote(self, count: int) -> None:
        with self._news:
            if self._closed:
                return
            was_full = self.full
            self._bytes -= count
            rest = self._waiting.popleft()[count:]
            if rest:
                self._waiting.appendleft(rest)
            self._news.notify_all()
            relieved = was_full and not self.full
        if relieved:
            self._room()


def writable(descriptor: int) -> bool:
    """Whether :data:`ATOMIC` bytes can be written without waiting, as far as the system tells."""
    if sys.platform == "win32":
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))


def wait_until_writable(descriptor: int) -> None:
    """For a stream in non-blocking mode."""
    if sys.platform == "win32":
        select.select([], [descriptor], [])
        return
    poll = select.poll()  # select knows no descriptor from 1024 on
    poll.register(descriptor, select.POLLOUT)
    poll.poll()
