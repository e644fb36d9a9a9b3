"""The queue into the model's thread: posting never waits.

Taking is how work is interrupted: a forward is never stopped, but between two of them the engine takes what has
arrived.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Messages in order of arrival. Any thread posts, and calls ``arrived``; one thread takes."""

    def __init__(self, arrived: Callable[[], None] = lambda: None) -> None:
        self._messages: deque[T] = deque()
        self._told = arrived
        self._arrived = threading.Condition()

    def post(self, message: T) -> None:
        with self._arrived:
            self._messages.append(message)
            self._arrived.notify()
        self._told()

    def take(self, timeout: float | None = None) -> T | None:
        """The oldest message, waiting up to ``timeout`` seconds for one (None: as long as it takes)."""
        with self._arrived:
            if not self._messages and timeout != 0:
                self._arrived.wait_for(lambda: bool(self._messages), timeout)
            return self._messages.popleft() if self._messages else None

    def __bool__(self) -> bool:
        return bool(self._messages)
