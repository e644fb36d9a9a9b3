"""What a client has sent and its engine has not taken yet: bounded, in messages and in bytes.

An engine takes all that waits between two steps of the model, so a step is what a client can be ahead. Beyond the bound
it is not read from until its engine has come to it: it waits, and loses nothing.
"""

from __future__ import annotations

import threading
from typing import Final

MESSAGES: Final = 4096
BYTES: Final = 64 << 20
"""Of frames; a single message may have more."""


class Backlog:
    """One thread adds and waits for room, the model's thread takes."""

    def __init__(self, messages: int = MESSAGES, nbytes: int = BYTES) -> None:
        self._most = messages, nbytes
        self._news = threading.Condition()
        self._added = self._taken = (0, 0)
        """Messages and their bytes, since the beginning."""
        self._over = False

    def add(self, nbytes: int) -> None:
        """A message, before it is posted."""
        messages, before = self._added
        self._added = messages + 1, before + nbytes

    @property
    def mark(self) -> tuple[int, int]:
        """All that was added until now; for :meth:`took`."""
        return self._added

    def took(self, mark: tuple[int, int]) -> None:
        """What was added until then is with the engine."""
        with self._news:
            self._taken = mark
            self._news.notify_all()

    def end(self) -> None:
        """Nothing waits from here on, whatever comes."""
        with self._news:
            self._over = True
            self._news.notify_all()

    def room(self, timeout: float) -> bool:
        """Whether there is room for another message, within ``timeout`` seconds."""
        if self._fits():
            return True
        with self._news:
            return self._news.wait_for(self._fits, timeout)

    def _fits(self) -> bool:
        if self._over:
            return True
        added, taken = self._added, self._taken
        return all(one - other < most for one, other, most in zip(added, taken, self._most, strict=True))
