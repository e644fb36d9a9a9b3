"""How much may be on its way to the disk: rows that wait to be written take memory until they are.

One bound for all who write in a process, however many they are.
"""

from __future__ import annotations

import threading
from typing import Final

MOST: Final = 1 << 30
"""Bytes."""


class Waiting:
    """Used from any thread."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._bytes = most, 0
        self._lock = threading.Lock()

    def take(self, nbytes: int) -> bool:
        """Whether there is room for so many more; then they are counted until :meth:`give_back`."""
        with self._lock:
            if self._bytes + nbytes > self._most:
                return False
            self._bytes += nbytes
            return True

    def give_back(self, nbytes: int) -> None:
        with self._lock:
            self._bytes -= nbytes
