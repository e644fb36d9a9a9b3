"""Which stale rows are worth a forward's spare room: those next behind a change, and those before the caret.

Where logits are asked for, half of a budget goes to the text right before the caret, which the next token looks at
most. All else goes to the rows nearest behind a change that they have not seen, since what a change does to the rows
behind it fades with their distance (PatchKV, arXiv 2609.26219); before all of them come rows that the caret has crossed
and that know nothing of what stands before them. A row that was repaired counts as seen, so with every further edit
the repair reaches further. The orders that lost against this one are in docs/decisions. Integers only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kvlsp.cache.choosing import Choice, crossing, markers, seams
from kvlsp.cache.plan import Plan
from kvlsp.cache.resident import ResidentCache


@dataclass(frozen=True, slots=True)
class Budget:
    """Rows that a forward may take along, by the rows that are resident, since every row reads all of those.

    ``points`` (resident, rows), ascending: measured there, interpolated between them, the same beyond them.
    """

    points: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, rows: int) -> Budget:
        """A budget that is the same however many rows are resident."""
        return cls(((0, rows),))

    def at(self, resident: int) -> int:
        """The budget where ``resident`` rows are resident."""
        at, rows = zip(*self.points, strict=True)
        return int(np.interp(resident, at, rows))

    def at_least(self, rows: int) -> Budget:
        return Budget(tuple((resident, max(rows, found)) for resident, found in self.points))

    def __bool__(self) -> bool:
        return any(rows for _, rows in self.points)

    def __str__(self) -> str:
        return ", ".join(f"{rows} of {resident}" for resident, rows in self.points)


NOTHING = Budget.of(0)


def worthiest(within: Budget | int) -> Choice:
    """Choose stale rows, ascending, within a budget. What one half leaves over, the other may use.

    The rows behind a change, which are encoded anyway, are counted; those that a jump of the caret encodes are not.
    """
    allowed = within if isinstance(within, Budget) else Budget.of(within)

    def choose(cache: ResidentCache, plan: Plan, asked: bool) -> npt.NDArray[np.int64]:
        seam = np.union1d(seams(plan), markers(cache, plan))
        budget = max(0, allowed.at(len(plan.layout)) - len(seam))
        waiting = cache.staleness.changes > 0
        waiting[crossing(cache, plan)] = False
        waiting[seam] = False
        stale = np.flatnonzero(waiting)
        if len(stale) <= budget:
            return stale
        before_caret = stale[stale < cache.rows.prefix[1]]
        reading = before_caret[max(0, len(before_caret) - budget // 2) :] if asked else stale[:0]
        others = np.setdiff1d(stale, reading, assume_unique=True)
        room = budget - len(reading)
        crossed = np.isin(others, cache.crossed_caret, assume_unique=True)
        distance = np.where(crossed, 0, cache.staleness.nearest[others])
        nearest = others[np.argsort(distance, kind="stable")[:room]]
        return np.sort(np.concatenate([reading, nearest]))

    return choose
