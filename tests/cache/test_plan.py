"""Plans: whatever is resident, following one gives exactly the layout asked for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.cache.plan import common_head, make_plan
from kvlsp.prompt.layout import Layout


def layout_of(cells: list[int], prefix: tuple[int, int] = (0, 0), text_last: bool = True) -> Layout:
    array = np.array(cells, np.int64)
    return Layout(ids=array.astype(np.int32), cells=array, prefix=prefix, suffix=(1, prefix[0]), text_last=text_last)


def plan_of(old: list[int], new: list[int], frontier: int | None = None):
    positions = np.arange(len(old))
    return make_plan(np.array(old, np.int64), positions, (0, 0), len(old) if frontier is None else frontier,
                     layout_of(new))


distinct = st.lists(st.integers(0, 60), unique=True, max_size=30)


@given(distinct, distinct)
def test_following_a_plan_gives_the_layout(old, new):
    plan = plan_of(old, new)
    result = [None] * len(new)
    for source, target in zip(plan.kept_old, plan.kept_new, strict=True):
        result[target] = old[source]
    for row in plan.encode_new:
        assert result[row] is None
        result[row] = new[row]
    assert result == new
    assert sorted([*plan.kept_old, *plan.freed_old]) == list(range(len(old)))
    assert {old[row] for row in plan.freed_old} == set(old) - set(new)
    assert list(plan.moved) == [s != t for s, t in zip(plan.kept_old, plan.kept_new, strict=True)]
    assert list(plan.kept_new) == sorted(plan.kept_new)


@given(distinct, distinct, st.integers(0, 30))
def test_rows_before_the_frontier_are_untouched(old, new, frontier):
    frontier = min(frontier, len(old))
    plan = plan_of(old, new, frontier)
    assert plan.frontier <= frontier
    assert old[: plan.frontier] == new[: plan.frontier]
    if plan.changed_at < frontier:
        assert plan.frontier == plan.changed_at


def test_nothing_resident_means_prefill():
    plan = plan_of([], [7, 8, 9])
    assert list(plan.encode_new) == [0, 1, 2]
    assert plan.frontier == 0
    assert not len(plan.kept_new)


def test_an_insertion_moves_what_stands_behind_it_and_encodes_only_what_is_new():
    plan = plan_of([1, 2, 3, 4], [1, 2, 50, 51, 3, 4])
    assert list(plan.encode_new) == [2, 3]
    assert list(plan.kept_new[plan.moved]) == [4, 5]
    assert plan.frontier == 2


def test_a_block_move_encodes_nothing():
    plan = plan_of([1, 2, 3, 4, 5], [1, 4, 5, 2, 3])
    assert not len(plan.encode_new)
    assert plan.frontier == 1


def test_rows_that_cross_the_caret_are_named():
    # suffix-first: marker, suffix 3 4 5, marker, prefix 1 2; the caret moves down over 3
    old = np.array([-1, 3, 4, 5, -2, 1, 2], np.int64)
    new = layout_of([-1, 4, 5, -2, 1, 2, 3], prefix=(4, 7))
    plan = make_plan(old, np.arange(7), (5, 7), 7, new)
    assert list(plan.crossed_new) == [6]
    assert not len(plan.encode_new)
    assert plan.frontier == 1


cells_of_all_kinds = st.lists(st.integers(-9, 40), unique=True, max_size=30)


@given(cells_of_all_kinds, cells_of_all_kinds)
def test_rows_behind_changed_text_are_those_whose_neighbour_came_or_went(old, new):
    expected = [
        row for row, cell in enumerate(new) if cell in old
        and any(cells.index(cell) and (before := cells[cells.index(cell) - 1]) >= 0 and before not in others
                for cells, others in ((new, old), (old, new)))
    ]
    assert list(plan_of(old, new).behind_new) == expected


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_common_head(a, b):
    head = common_head(np.array(a, np.int64), np.array(b, np.int64))
    assert a[:head] == b[:head]
    assert head == min(len(a), len(b)) or a[head] != b[head]
