"""When memory that nobody holds any more goes back to the system: a while after documents were closed, or work ended.

The allocator keeps what was freed for the next document or the next forward, and it adds up: where many are opened and
closed, and where a long file was read in large forwards. Giving it back takes a millisecond or two, so it waits for a
rest; but not for ever, where documents come and go all the time.
"""

from __future__ import annotations

from collections.abc import Callable

REST = 1.0
"""Seconds after a document was closed, while nothing else is to be done."""
LONGEST = 10.0
"""Seconds after which it is done between two pieces of work."""
LULL = 15.0
"""Seconds after the last piece of large work, after which what it has used goes back."""


class Tidying:
    """``give_back`` does it; ``clock`` is in seconds."""

    def __init__(self, clock: Callable[[], float], give_back: Callable[[], None]) -> None:
        self._clock, self._give_back = clock, give_back
        self._since: float | None = None
        self._worked: float | None = None

    def closed(self) -> None:
        """Memory was freed."""
        if self._since is None:
            self._since = self._clock()

    def worked(self) -> None:
        """A step of work was done that takes much memory for a moment."""
        self._worked = self._clock()

    def wait(self) -> float | None:
        """Seconds until it is due at rest; None when nothing was freed or used."""
        due = [since + rest for since, rest in ((self._since, REST), (self._worked, LULL)) if since is not None]
        return max(0.0, min(due) - self._clock()) if due else None

    def work(self, *, idle: bool) -> None:
        """Give memory back if that is due; ``idle``: there is nothing else to do."""
        late = self._since is not None and self._clock() >= self._since + LONGEST
        if late or (idle and self.wait() == 0.0):
            self._since = self._worked = None
            self._give_back()
