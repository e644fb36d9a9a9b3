"""Reads what a client sends, in a thread, and hands it to the loop as fast as the client takes its answers.

A thread, because not every kind of standard input can be watched by a loop on every system.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from kvlsp.server.frames import BadFrame, Frame, FrameReader

CHUNK: Final = 1 << 16
"""Bytes of one read."""

CHUNKS_AHEAD: Final = 1024
"""Reads that may wait for the loop: a bound on memory, far above what an editor sends at once."""

LOOK: Final = 1.0
"""Seconds between two looks whether a client that is not read from has gone."""


class Intake:
    """``incoming`` is given away: the thread that reads it closes it, which may be after the conversation. Closed by
    anybody else, its number could belong to another stream by the next read, and that stream would lose it.

    Frames go to ``receive`` in the loop, while not ``full``; ``ended`` is called there when the stream ends.
    """

    def __init__(self, incoming: int, loop: asyncio.AbstractEventLoop, receive: Callable[[Frame | BadFrame], None],
                 ended: Callable[[], None], full: Callable[[], bool]) -> None:
        self._incoming, self._loop = incoming, loop
        self._receive, self._ended, self._full = receive, ended, full
        self._frames = FrameReader()
        self._waiting: deque[bytes] = deque()
        self._room = threading.BoundedSemaphore(CHUNKS_AHEAD)
        self._resuming = False

    def start(self) -> None:
        # A daemon, because it may wait in a read for ever.
        threading.Thread(target=self._read, name="kvlsp-reader", daemon=True).start()

    def resume(self) -> None:
        """From any thread: what waits may be handed on."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._hand_on)

    def _take(self, data: bytes) -> None:
        self._waiting.append(data)
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and not self._full():
            self._room.release()
            for frame in self._frames.feed(self._waiting.popleft()):
                self._receive(frame)

    def _read(self) -> None:
        with os.fdopen(self._incoming, "rb", buffering=0), contextlib.suppress(RuntimeError):  # the loop has ended
            while data := read(self._incoming):
                while not self._room.acquire(timeout=LOOK):
                    if _gone(self._incoming):
                        self._loop.call_soon_threadsafe(self._ended)
                        return
                self._loop.call_soon_threadsafe(self._take, data)
            self._loop.call_soon_threadsafe(self._ended)


def read(descriptor: int) -> bytes:
    """Waits for bytes; none: the end. Also of a stream that somebody has put into non-blocking mode."""
    while True:
        try:
            return os.read(descriptor, CHUNK)
        except BlockingIOError:
            select.select([descriptor], [], [])
        except OSError:
            return b""


def _gone(descriptor: int) -> bool:
    """Whether nobody holds the other end of a stream any more, whatever still waits in it."""
    if sys.platform == "win32":
        return False
    poll = select.poll()
    poll.register(descriptor, 0)  # a hang-up is told unasked
    return bool(poll.poll(0))
