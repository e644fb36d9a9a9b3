"""Which stale rows are worth a forward's spare room: those before the caret, and those next behind a change.

Half of a budget goes to the text right before the caret, which the next token looks at most; half to the rows nearest
behind a change that they have not seen, since what a change does to the rows behind it fades with their distance
(PatchKV, arXiv 2609.26219). A row that was repaired counts as seen, so with every further edit the repair reaches
further. The orders that lost against this one are in ARCHITECTURE.md. Integers only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kvlsp.cache.plan import Plan
from kvlsp.cache.repair import Choice
from kvlsp.cache.resident import ResidentCache


def worthiest(budget: int) -> Choice:
    """Choose up to ``budget`` stale rows, ascending. What one half leaves over, the other may use."""

    def choose(cache: ResidentCache, plan: Plan) -> npt.NDArray[np.int64]:
        stale = np.flatnonzero(cache.staleness.changes > 0)
        if len(stale) <= budget:
            return stale
        before_caret = stale[stale < cache.rows.prefix[1]]
        reading = before_caret[max(0, len(before_caret) - budget // 2) :]
        others = np.setdiff1d(stale, reading, assume_unique=True)
        room = budget - len(reading)
        distance = cache.staleness.nearest[others]
        nearest = others[np.argsort(distance, kind="stable")[:room]]
        return np.sort(np.concatenate([reading, nearest]))

    return choose
