"""How much of a training's budget is spent.

The budget counts the process's own processor time, so that a training that was stopped (SIGSTOP) or starved
for minutes loses nothing. A deadline on the wall can be given instead: what is left of the schedule is spread over
what is left of the time, and a pause shortens the rest evenly instead of skipping a part of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

#: More wall time than this many times the processor time is a pause, not a busy machine.
PAUSE = 5.0


class BudgetClock:
    """The spent fraction of a training, 0 to 1; grows with each `tick`. `fraction` is its whole state."""

    def __init__(
        self,
        minutes: float,
        until: float | None = None,
        fraction: float = 0.0,
        work: Callable[[], float] = time.process_time,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.fraction = fraction
        self.worked = 0.0
        self._seconds = minutes * 60
        self._until = until
        self._work, self._wall = work, wall
        self._last_work, self._last_wall = work(), wall()

    def tick(self) -> float:
        """Count the time since the last tick and return the fraction spent."""
        now_work, now_wall = self._work(), self._wall()
        spent = now_work - self._last_work
        self.worked += spent
        share = spent / self._seconds
        if self._until is not None:
            left = self._until - self._last_wall
            waited = min(now_wall - self._last_wall, spent * PAUSE)
            share = 1.0 if now_wall >= self._until else (1.0 - self.fraction) * min(1.0, waited / left)
        self.fraction = min(1.0, self.fraction + share)
        self._last_work, self._last_wall = now_work, now_wall
        return self.fraction


def deadline(clock_time: str, now: datetime | None = None) -> float:
    """The next `HH:MM` (local time) as seconds since the epoch."""
    now = now or datetime.now()
    hour, minute = (int(part) for part in clock_time.split(":"))
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then if then > now else then + timedelta(days=1)).timestamp()
