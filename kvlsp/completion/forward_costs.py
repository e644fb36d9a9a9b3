"""What a forward costs by its number of rows, learned from the forwards that were timed."""

from __future__ import annotations

from typing import Final

import numpy as np

MOST: Final = 32
"""Ids of the longest draft: forwards of more rows than these and one are not looked at."""


class ForwardCosts:
    """What a forward costs by its number of rows, in forwards of one row: a moving average of what was seen.

    Between numbers seen it is interpolated, beyond them every row adds ``row_cost``, as everywhere before anything is
    seen. The first forward of a number of rows is not counted: it may have compiled its kernels.
    """

    def __init__(self, row_cost: float = 0.05) -> None:
        self._row_cost = row_cost
        self._mean: dict[int, float] = {}
        self._count: dict[int, int] = {}
        self._seen = 0
        self._update()

    def timed(self, rows: int, seconds: float) -> None:
        """A forward of so many rows took so long."""
        if rows > MOST + 1 or seconds <= 0.0:
            return
        count = self._count[rows] = self._count.get(rows, -1) + 1
        if count:
            mean = self._mean.get(rows, seconds)
            # One forward that was held up says little.
            self._mean[rows] = mean + (min(seconds, 3.0 * mean) - mean) * max(1.0 / count, 0.05)
        self._seen += 1
        if self._seen % 16 == 0:
            self._update()

    def of(self, rows: int) -> float:
        """At least 1.0."""
        return self._costs[rows]

    def _update(self) -> None:
        counts = np.arange(MOST + 2)
        rows = sorted(self._mean) or [1]
        # Fewer rows never cost more: what looks so was seen but rarely.
        seconds = [min(self._mean.get(more, 1.0) for more in rows[at:]) for at in range(len(rows))]
        one = seconds[0] / (1.0 + self._row_cost * (rows[0] - 1))
        beyond = np.maximum(counts - rows[-1], 0) * self._row_cost
        costs = np.interp(counts, [1, *rows], [1.0, *(value / one for value in seconds)]) + beyond
        self._costs: list[float] = np.maximum(costs, 1.0).tolist()
