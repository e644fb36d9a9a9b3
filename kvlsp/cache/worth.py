"""Which stale rows are worth a forward's spare room: those next behind a change, and those before the caret.

Where logits are asked for, half of a budget goes to the text right before the caret, which the next token looks at
most. All else goes to the rows nearest behind a change that they have not seen, since what a change does to the rows
behind it fades with their distance (PatchKV, arXiv 2609.26219); before all of them come rows that the caret has crossed
and that know nothing of what stands before them. A row that was repaired counts as seen, so with every further edit
the repair reaches further. The orders that lost against this one are in ARCHITECTURE.md. Integers only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kvlsp.cache.plan import Plan
from kvlsp.cache.repair import Choice, crossing
from kvlsp.cache.resident import ResidentCache


def worthiest(budget: int) -> Choice:
    """Choose up to ``budget`` stale rows, ascending. What one half leaves over, the other may use.

    Rows that a jump of the caret encodes anyway take nothing of it.
    """

    def choose(cache: ResidentCache, plan: Plan, asked: bool) -> npt.NDArray[np.int64]:
        waiting = cache.staleness.changes > 0
        waiting[crossing(cache, plan)] = False  # encoded anyway
        stale = np.flatnonzero(waiting)
        if len(stale) <= budget:
            return stale
        before_caret = stale[stale < cache.rows.prefix[1]]
        reading = before_caret[max(0, len(before_caret) - budget // 2) :] if asked else stale[:0]
        others = np.setdiff1d(stale, reading, assume_unique=True)
        room = budget - len(reading)
        distance = np.where(np.isin(others, cache.blind, assume_unique=True), 0, cache.staleness.nearest[others])
        nearest = others[np.argsort(distance, kind="stable")[:room]]
        return np.sort(np.concatenate([reading, nearest]))

    return choose
