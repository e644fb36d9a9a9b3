"""Which rows a change asks for besides what is new: those that crossed the caret, those right behind the change, the
markers of the template, and those that have waited longest.

Integers only, read from the plan and from what is known of each row (:mod:`kvlsp.cache.staleness`); they are encoded in
:mod:`kvlsp.cache.encode`. Which other stale rows fill a forward's spare room is in :mod:`kvlsp.cache.worth`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kvlsp.cache.plan import Plan
from kvlsp.cache.resident import ResidentCache
from kvlsp.prompt.layout import CONTEXT

Choice = Callable[[ResidentCache, Plan, bool], npt.NDArray[np.int64]]
"""Which stale layout rows are encoded along with a change (see :mod:`kvlsp.cache.worth`); True where logits are asked
for, False where rows are only brought up to date."""

CROSSED = 256
"""Rows that a jump of the caret encodes again at most, in suffix-first order (:func:`crossing`); the others are moved
like any kept row and follow behind the answer (:func:`longest_waiting`). Rows that crossed know nothing of what stands
before them now, so more of them are worth their time than of rows that missed an edit."""
SEAM = 4
"""Kept rows right behind changed text that are encoded again with the change. What a row says of itself is mostly which
token stands before it, so they are nearly as wrong as what changed is new. Those that an interruption leaves are the
nearest behind a change, and so the first in the next budget (:mod:`kvlsp.cache.worth`)."""
SEAMS = 128
"""So many of them in all, where many places change at once (a name replaced everywhere): the next before the caret."""
LONGEST_WAIT = 64
"""Plans (about keystrokes) after which a stale row is encoded between two keystrokes."""
_STEP = 64
"""A jump over fewer rows is a step: it encodes what it crossed and nothing else."""


def crossing(cache: ResidentCache, plan: Plan) -> npt.NDArray[np.int64]:
    """Layout rows, ascending, that are encoded again because the caret jumped. ``plan`` has been applied.

    Of what crossed, half of :data:`CROSSED` goes to the rows next to the old caret, which were encoded with the least
    before them, a quarter to those before the new one; the last quarter to the text right behind it, which knew what
    has gone from before it. Rows that come back to the side on which they were encoded need nothing.
    """
    crossed = plan.crossed_new[cache.staleness.without_prefix[plan.crossed_new]]
    if len(crossed) < _STEP:
        return crossed
    first, end = plan.layout.suffix
    ahead = min(CROSSED // 4, len(crossed) // 4, end - first)
    if len(crossed) > CROSSED - ahead:
        crossed = np.concatenate([crossed[: CROSSED // 2], crossed[CROSSED // 2 + ahead - CROSSED :]])
    behind = np.arange(first, first + ahead)
    return np.concatenate([behind[cache.staleness.changes[behind] > 0], crossed])


def seams(plan: Plan, rows: int = SEAM) -> npt.NDArray[np.int64]:
    """Kept layout rows, ascending, that stand at most ``rows`` behind text that was put in or taken away; of too many
    places (:data:`SEAMS`) the last ones before the caret, and a row each."""
    places = plan.behind_new
    if len(places) > SEAMS:
        before = places[places < plan.layout.prefix[1]][-SEAMS:]
        behind = places[places >= plan.layout.prefix[1]]
        places = np.concatenate([before, behind[: SEAMS - len(before)]])
    most = min(rows, SEAMS // max(1, len(places)))
    near = np.unique(places[:, None] + np.arange(most))
    near = near[near < len(plan.layout)]
    return near[np.isin(near, plan.encode_new, invert=True)]


def markers(cache: ResidentCache, plan: Plan) -> npt.NDArray[np.int64]:
    """Layout rows, ascending, of the template's markers that have missed something. ``plan`` has been applied.

    A marker says nothing of its own: its row is all that stands before it, and everything behind reads it. The one
    between suffix and prefix, left as it was when the caret went on, was nine tenths of what a repair got wrong.
    """
    cells = plan.layout.cells
    found = np.flatnonzero((cells < 0) & (cells > CONTEXT))
    return found[cache.staleness.changes[found] > 0]


def overdue(cache: ResidentCache) -> bool:
    """Whether some row has missed so many changes that it should not wait for the keyboard to rest."""
    oldest = cache.staleness.oldest
    return oldest >= 0 and cache.plans - oldest >= LONGEST_WAIT


def longest_waiting(cache: ResidentCache, rows: int) -> npt.NDArray[np.int64]:
    """Up to ``rows`` stale layout rows, ascending: what the caret has crossed, then what has waited longest."""
    since = cache.staleness.since
    stale = np.flatnonzero(since >= 0)
    order = np.where(np.isin(stale, cache.crossed_caret, assume_unique=True), -1, since[stale])
    return np.sort(stale[np.argsort(order, kind="stable")[:rows]])
