"""While nobody waits, rows that are resident already are encoded again until all are exact.

From the frontier on, left to right, each row becomes exact. Typing leaves no time for that; then what has waited
longest comes first, and becomes better, not exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kvlsp.cache.choosing import longest_waiting
from kvlsp.cache.encode import encode_rows, solid
from kvlsp.cache.resident import ResidentCache


def refresh(cache: ResidentCache, rows: int) -> int:
    """Encode up to ``rows`` stale rows from the frontier on, left to right; how many were encoded.

    When it returns 0 every row is exact: logits equal a full prefill's up to floating-point order.
    """
    cache.drop_unwritten()
    count = min(rows, solid(cache) - cache.frontier)
    if count > 0:
        _encode_again(cache, np.arange(cache.frontier, cache.frontier + count), judge=True)
    return max(0, count)


def read_likelihoods(cache: ResidentCache, rows: int) -> int:
    """Encode up to ``rows`` exact rows again that have not said yet how likely what follows them is: those right
    before a change, and all that were encoded before anybody wanted to know. How many were encoded; 0: all have."""
    if cache.likelihoods is None:
        return 0
    cache.drop_unwritten()
    missing = cache.likelihoods.missing(cache.frontier)[:rows]
    if len(missing):
        _encode_again(cache, missing, judge=True, tells=False)  # they are what they were
    return len(missing)


def refresh_oldest(cache: ResidentCache, rows: int) -> int:
    """Encode ``rows`` stale rows, left to right: what the caret has crossed, then what has waited longest. Returns how
    many were encoded.

    For typing that leaves no time for a refresh: the frontier stands at the caret then, and what it would encode
    first is stale again a keystroke later. Rows become better by this, not exact.
    """
    cache.drop_unwritten()
    first = longest_waiting(cache, rows)
    if len(first):
        _encode_again(cache, first, judge=False)
    return len(first)


def _encode_again(cache: ResidentCache, rows: npt.NDArray[np.int64], *, judge: bool, tells: bool = True) -> None:
    try:
        encode_rows(cache, rows, None, judge=judge)
        if cache.witness is not None and tells:
            cache.witness.refreshed(cache.rows.slots[rows])
    except BaseException:
        cache.forget()
        raise
