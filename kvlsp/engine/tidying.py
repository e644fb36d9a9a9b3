"""When memory that nobody holds any more goes back to the system: a while after documents were closed.

The allocator keeps what was freed for the next document, and it adds up where many are opened and closed. Giving it
back takes milliseconds, so it waits for a rest; but not for ever, where documents come and go all the time.
"""

from __future__ import annotations

from collections.abc import Callable

REST = 1.0
"""Seconds after a document was closed, while nothing else is to be done."""
LONGEST = 10.0
"""Seconds after which it is done between two pieces of work."""


class Tidying:
    """``give_back`` does it; ``clock`` is in seconds."""

    def __init__(self, clock: Callable[[], float], give_back: Callable[[], None]) -> None:
        self._clock, self._give_back = clock, give_back
        self._since: float | None = None

    def closed(self) -> None:
        """Memory was freed."""
        if self._since is None:
            self._since = self._clock()

    def wait(self) -> float | None:
        """Seconds until it is due at rest; None when nothing was freed."""
        return None if self._since is None else max(0.0, self._since + REST - self._clock())

    def work(self, *, idle: bool) -> None:
        """Give memory back if that is due; ``idle``: there is nothing else to do."""
        if self._since is not None and self._clock() >= self._since + (REST if idle else LONGEST):
            self._since = None
            self._give_back()
