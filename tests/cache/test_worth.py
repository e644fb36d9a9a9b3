"""The worthiest stale rows: before the caret and behind changes, within the budget, never hurting exactness."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.cache.choosing import CROSSED, SEAM
from kvlsp.cache.refresh import refresh
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.worth import worthiest
from tests.cache.test_repair import LIMIT, THREE, histories, jumped_down, layout_of, logits_of, prefilled


def chosen(cache: ResidentCache, budget: int, *, asked: bool = True) -> list[int]:
    return worthiest(budget)(cache, cache.plan(layout_of(cache.rows.cells.tolist())), asked).tolist()


def edited(caret: int) -> ResidentCache:
    """Rows 0 .. 39, of which row 10 was replaced: rows from 15 on are stale, those before them are the seam. The prefix
    begins at ``caret``."""
    cache = prefilled(THREE, layout_of(list(range(40)), caret))
    repair(cache, layout_of([*range(10), 50, *range(11, 40)], caret))
    return cache


def test_half_goes_before_the_caret_and_half_behind_the_change():
    assert chosen(edited(0), 8) == [15, 16, 17, 18, 36, 37, 38, 39]


def test_while_nothing_is_asked_all_of_it_goes_behind_the_change():
    assert chosen(edited(0), 8, asked=False) == list(range(15, 23))


def test_what_one_half_leaves_the_other_takes():
    cache = edited(0)
    assert chosen(cache, 0) == []
    assert chosen(cache, 25) == chosen(cache, 100) == list(range(15, 40))


def test_a_second_edit_reaches_further():
    cache = edited(0)
    repair(cache, layout_of([*range(10), 51, *range(11, 40)]), wanted=[39], choose=worthiest(8 + SEAM))
    assert cache.staleness.changes[[11, 14, 15, 18, 36, 39]].tolist() == [0] * 6
    assert chosen(cache, 8) == [19, 20, 21, 22, 32, 33, 34, 35]


@pytest.mark.parametrize("budget", [0, 2, 4, 20])
def test_the_rows_behind_a_change_are_encoded_in_any_case_and_count(budget):
    cache = edited(0)
    again = layout_of([*range(10), 51, *range(11, 40)])
    assert repair(cache, again, choose=worthiest(budget)).repaired == max(SEAM, budget)


def test_what_an_interruption_leaves_of_seams_comes_first():
    cache = prefilled(THREE, layout_of(list(range(80))))
    holes = layout_of([cell for cell in range(80) if cell not in (10, 40)])
    assert not repair(cache, holes, chunk=SEAM, interrupted=lambda: True).complete  # the first seam, not the second
    typed = layout_of([*holes.cells.tolist(), 90])
    repair(cache, typed, choose=worthiest(SEAM))
    assert cache.staleness.changes[39 : 39 + SEAM].tolist() == [0] * SEAM


def test_nothing_is_encoded_where_no_forward_is_needed():
    cache = edited(0)
    settled = repair(cache, layout_of(cache.rows.cells.tolist()), choose=worthiest(8))
    assert (settled.encoded, settled.repaired) == (0, 0)


def test_repair_lessens_the_error():
    errors = dict.fromkeys((0, 16, 40), 0.0)
    for place in range(4, 24, 4):
        after = layout_of([*range(place), 50, *range(place + 1, 40)])
        truth = logits_of(prefilled(THREE, after), after)
        for budget in errors:
            cache = prefilled(THREE, layout_of(list(range(40))))
            repair(cache, after, choose=worthiest(budget))
            cache.check_integrity()
            errors[budget] += float((logits_of(cache, after) - truth).abs().max())
    assert errors[0] > errors[16] > errors[40]
    assert errors[40] < 1e-9


@settings(deadline=None, max_examples=40)
@given(histories, st.integers(0, 20))
def test_any_history_with_repair_refreshes_to_a_prefill(history, budget):
    cache = ResidentCache(THREE, LIMIT)
    for cells, caret, chunk, interrupt, refreshed in history:
        layout = layout_of(cells, min(caret, len(cells)))
        repair(cache, layout, chunk=chunk, choose=worthiest(budget), interrupted=lambda stop=interrupt: stop)
        cache.check_integrity()
        for _ in range(refreshed):
            refresh(cache, chunk)
        cache.check_integrity()
    repair(cache, layout, choose=worthiest(budget))
    rows = cache.frontier
    oracle = prefilled(THREE, layout)
    for layer in range(3):
        count = len(layout) if layer == 0 else rows
        ours = cache.arrays().keys[layer][:, cache.rows.slots[:count]]
        theirs = oracle.arrays().keys[layer][:, oracle.rows.slots[:count]]
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)
    while refresh(cache, 7):
        pass
    torch.testing.assert_close(logits_of(cache, layout), logits_of(oracle, layout), rtol=0, atol=1e-9)
    assert np.all(cache.staleness.changes == 0)


def test_what_crossed_the_caret_and_is_still_blind_comes_first():
    cache, jumped = jumped_down(350)
    repair(cache, jumped)
    blind = cache.crossed_caret
    typed = layout_of([*jumped.cells.tolist(), 900], jumped.prefix[0])
    repair(cache, typed, wanted=[len(typed) - 1], choose=worthiest(16))
    # eight before the caret, of which the nearest are blind as well; the others from the old caret on
    assert list(cache.crossed_caret) == list(blind[8:-8])


def test_rows_that_a_jump_encodes_anyway_take_no_room_in_the_budget():
    cache, jumped = jumped_down(350)
    settled = repair(cache, jumped, choose=worthiest(16))
    assert (settled.encoded, settled.repaired) == (CROSSED, 16)
