"""Who looks on at a cache is told of every row what became of it, and of no row that belongs to another."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.cache.refresh import refresh
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.witness import Origin, Witness
from tests.cache.test_repair import LIMIT, ONE, layout_of

histories = st.lists(st.tuples(st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=30), st.integers(0, 30),
                               st.integers(0, 20)), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(histories)
def test_what_is_told_is_what_happened(history):
    cache, stroke, told = ResidentCache(ONE, LIMIT), 0, Counter()
    cache.witness = Witness(lambda: stroke, lambda kind, rows: told.update({kind: rows}))
    before: dict[int, int] = {}
    for cells, caret, refreshed in history:
        stroke += 1
        told.clear()
        settled = repair(cache, layout_of(cells, min(caret, len(cells))))
        done = refresh(cache, refreshed)
        rows = cache.rows
        now = dict(zip(rows.cells.tolist(), rows.positions.tolist(), strict=True))
        assert (told["kept"], told["moved"], told["freed"]) == (settled.kept, settled.moved, settled.freed)
        assert (told["encoded"], told["repaired"], told["refreshed"]) == (settled.encoded, settled.repaired, done)
        origin, written, moved = cache.witness.of(rows.slots)
        for cell, how, at, since in zip(rows.cells.tolist(), origin, written, moved, strict=True):
            assert at == stroke or cell in before, "a row that is new was written now"
            assert (cell in before) or how == Origin.ENCODED
            assert (since == stroke) == (cell in before and before[cell] != now[cell])
        before = now


def test_a_cache_that_is_forgotten_has_no_past():
    cache = ResidentCache(ONE, LIMIT)
    cache.witness = Witness(lambda: 7)
    repair(cache, layout_of([1, 2, 3]))
    cache.forget()
    origin, written, moved = cache.witness.of(np.arange(3))
    assert not np.any([origin, written, moved])
