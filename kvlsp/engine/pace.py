"""How many rows fit into one forward, so that a keystroke waits no longer than it should. Measured as it runs.

Rows are added carefully, and taken away at once, since a forward that is too long is felt and one that is too short
only begins the next one sooner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kvlsp.model.claimed import unpadded

_FIRST = 1000
"""Rows per second that are hoped for at first: a small model on one thread."""


@dataclass(slots=True)
class _Speed:
    per_row: float | None = None

    def was(self, now: float) -> None:
        self.per_row = now if self.per_row is None else (3 * self.per_row + now) / 4


class Pace:
    """Rows of the next forward, steered to take at most ``target`` seconds. Use as ``with pace as rows: ...``; where
    there were fewer rows than that to encode, say so with :meth:`did`. ``beside``: a pace that has measured with it
    what a row takes."""

    def __init__(self, clock: Callable[[], float], target: float, *, least: int = 16, most: int = 512,
                 beside: Pace | None = None) -> None:
        self._clock, self._target, self._least, self._most = clock, target, least, most
        self._rows = float(max(least, min(_FIRST * target, most)))
        self._speed: _Speed = _Speed() if beside is None else beside._speed
        self._began = 0.0
        self._done = 0

    @property
    def per_row(self) -> float | None:
        """Seconds that a row takes of late; None before any was encoded."""
        return self._speed.per_row

    @per_row.setter
    def per_row(self, seconds: float) -> None:
        self._speed.per_row = seconds

    @property
    def rows(self) -> int:
        """As many as the time allows, less what would only be padding."""
        return unpadded(int(self._rows))

    def did(self, rows: int) -> None:
        """The forward encoded ``rows`` rows."""
        self._done = rows

    def __enter__(self) -> int:
        self._began, self._done = self._clock(), self.rows
        return self.rows

    def __exit__(self, *_: object) -> None:
        took = self._clock() - self._began
        if took <= 0 or self._done <= 0:
            return
        if self._done >= self._least:  # a forward of a few rows takes its time for other reasons
            self._speed.was(took / self._done)
        wanted = self._done * self._target / took
        if took <= self._target:
            if self._done < self.rows:  # the rest of something: says nothing about more rows than that
                return
            # halfway: one fast forward on a busy machine says little
            wanted = min((self._rows + wanted) / 2, self._rows * 2)
        self._rows = max(self._least, min(self._most, wanted))
