"""What each resident row does not know yet: the changes before it since it was encoded.

A row is *exact* when it was encoded while every row before it was exact and nothing before it changed since;
the exact rows are the first ``frontier`` of the layout (invariant 4). All others are stale, however
recently they were repaired; the numbers kept here say how stale, so that a budget can be spent where it matters.
Integers only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kvlsp.cache.plan import Plan

Counts = npt.NDArray[np.int64]

FAR = np.int64(1) << 30
"""Distance of a row that no change has touched."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """Per row in layout order, each (n,): ``changes`` counts changed rows before it since it was encoded,
    ``nearest`` is the smallest distance in rows to one of them when it happened, ``since`` the plan number of
    the oldest change it has not seen (-1: none). ``without_prefix`` rows were encoded in front of the text before the
    caret: right where they belong there (the suffix of suffix-first order), wrong where the caret has crossed them
    since."""

    changes: Counts
    nearest: Counts
    since: Counts
    without_prefix: npt.NDArray[np.bool_]

    @classmethod
    def fresh(cls, rows: int) -> Staleness:
        return cls(np.zeros(rows, np.int64), np.full(rows, FAR), np.full(rows, -1, np.int64), np.zeros(rows, np.bool_))

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def oldest(self) -> int:
        """The number of the oldest plan that some row has not seen; -1 when there is none."""
        waiting = self.since[self.since >= 0]
        return int(waiting.min()) if len(waiting) else -1

    def follow(self, plan: Plan, number: int) -> Staleness:
        """The rows of ``plan.layout`` after a change: kept rows behind one know one more thing they missed."""
        rows = len(plan.layout)
        after = Staleness.fresh(rows)
        after.changes[plan.kept_new] = self.changes[plan.kept_old]
        after.nearest[plan.kept_new] = self.nearest[plan.kept_old]
        after.since[plan.kept_new] = self.since[plan.kept_old]
        after.without_prefix[plan.kept_new] = self.without_prefix[plan.kept_old]
        if plan.changed_at >= rows:
            return after
        # what changed before layout row r: rows encoded anew before it, and rows freed before its old place
        encoded = np.zeros(rows, np.int64)
        encoded[plan.encode_new] = 1
        freed = np.zeros(len(self) + 1, np.int64)
        freed[plan.freed_old] = 1
        before = (np.cumsum(encoded) - encoded)[plan.kept_new] + (np.cumsum(freed) - freed)[plan.kept_old]
        # a row that only changed its order relative to others has missed a change as well
        missed = before + ((plan.kept_new >= plan.changed_at) & (before == 0))
        behind = missed > 0
        seen = plan.kept_new[behind]
        after.changes[seen] += missed[behind]
        last = np.where(encoded > 0, np.arange(rows), plan.changed_at - 1)
        last[plan.behind_new] = plan.behind_new - 1  # also where text only went
        last = np.maximum.accumulate(last)
        after.nearest[seen] = np.minimum(after.nearest[seen], seen - last[seen])
        after.since[seen] = np.where(after.since[seen] < 0, number, after.since[seen])
        return after

    def encoded(self, rows: npt.NDArray[np.int64], without_prefix: npt.NDArray[np.bool_]) -> None:
        """These rows have just been encoded: they know all that stands before them as it is now.

        ``without_prefix`` (rows,) says which of them stand in front of the text before the caret.
        """
        self.changes[rows] = 0
        self.nearest[rows] = FAR
        self.since[rows] = -1
        self.without_prefix[rows] = without_prefix

    def select(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Staleness:
        return Staleness(self.changes[rows], self.nearest[rows], self.since[rows], self.without_prefix[rows])
