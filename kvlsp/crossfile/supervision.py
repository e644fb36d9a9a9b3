"""Whether the workspace's process is well, and when to start another one after a failure.

A process that ends, or leaves a question open for :data:`PATIENCE` seconds in which it makes no progress, is started
again after a pause that grows; after the last pause it is given up. Counts both kinds. Times are handed in.
"""

from __future__ import annotations

from typing import Final, Literal

PATIENCE: Final = 60.0
"""Seconds for an answer. Milliseconds are usual; at low priority, on a slow disk, it may take many of them, and longer
while files are read for the first time."""
PAUSES: Final = (1.0, 15.0)
"""Seconds before the process is started again, after its first and its second failure."""
LONG: Final = 600.0
"""Seconds after which a failure is forgotten."""

Failure = Literal["ended", "silent"]


class Supervision:
    """Counts the failures of one process after the other, and says when the next may start."""

    def __init__(self) -> None:
        self.failures: dict[Failure, int] = {"ended": 0, "silent": 0}
        """Since the daemon started; the keys are always the same, so another thread may read."""
        self.again: float | None = None
        """When to start the next one; None: no pause runs."""
        self._failed: list[float] = []
        self._deadlines: dict[int, float] = {}

    @property
    def given_up(self) -> bool:
        """It failed too often; see :meth:`forgive`."""
        return len(self._failed) > len(PAUSES)

    def asked(self, number: int, now: float) -> None:
        self._deadlines[number] = now + PATIENCE

    def answered(self, number: int) -> None:
        self._deadlines.pop(number, None)

    def heard(self, now: float) -> None:
        """The process is still reading files: open questions get their time anew."""
        self._deadlines = dict.fromkeys(self._deadlines, now + PATIENCE)

    def silent(self, now: float) -> bool:
        """A question is open for too long."""
        return any(now >= deadline for deadline in self._deadlines.values())

    def failed(self, how: Failure, now: float) -> None:
        """The process has ended, or was ended for being silent."""
        self.failures[how] += 1
        self.gone()
        self._failed = [*(when for when in self._failed if now - when < LONG), now]
        if not self.given_up:
            self.again = now + PAUSES[len(self._failed) - 1]

    def gone(self) -> None:
        """The process has ended; what it was asked is void."""
        self._deadlines.clear()
        self.again = None

    def forgive(self) -> None:
        """Somebody switched it off: a new one begins with a clean record."""
        self.gone()
        self._failed.clear()

    def due(self, now: float) -> float | None:
        """Seconds until :meth:`silent` may be true, or the pause is over; None: neither."""
        times = [*self._deadlines.values(), *([] if self.again is None else [self.again])]
        return max(0.0, min(times) - now) if times else None
