"""Windows that begin small and grow: little at once, each row encoded once, and in the end what a whole window is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.prompt.window import (
    BLOCK,
    FIRST,
    MARGIN,
    ROOM,
    SMALL,
    Window,
    begin,
    follow,
    grow,
    keep_up,
    next_gap,
    place,
    slide,
)

CAPACITY = 12 * BLOCK
ORDERS = ["suffix_first", "prefix_first", "plain"]
orders = st.sampled_from(ORDERS)
shares = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1))
STEP = 3 * BLOCK
"""More steps of so many rows than any growth here takes: a window that has not come to rest then never will."""


def laid_out(window: Window) -> set[int]:
    return {token for start, end in window.spans for token in range(start, end)}


def check(window: Window, tokens: int, caret: int, capacity: int) -> None:
    """What every window is once it has kept up with the caret."""
    assert window.holds(caret)
    assert len(window) <= window.goal[1] - window.goal[0] <= capacity
    edges = [window.goal[0], *(edge for span in window.spans for edge in span), window.goal[1]]
    assert edges == sorted(edges)
    assert 0 <= edges[0] <= edges[-1] <= tokens
    assert all(start < end for start, end in window.spans) or len(window.spans) == 1
    assert all(one[1] < other[0] for one, other in pairwise(window.spans))


def grown(window: Window, tokens: int, caret: int, capacity: int, rows: int, order: str) -> list[Window]:
    """The window at each step of its growth; fails where it finds no rest."""
    steps = [window]
    for _ in range(2 * capacity // min(rows, STEP) + 20):
        window = grow(window, tokens, caret, capacity, rows, order)
        check(window, tokens, caret, capacity)
        if window == steps[-1]:
            return steps
        steps.append(window)
    raise AssertionError("The window finds no rest.")


@settings(deadline=None)
@given(st.integers(0, 40 * BLOCK), shares, st.integers(1, 20 * BLOCK))
def test_the_first_window_is_small_and_next_to_the_caret(tokens, where, capacity):
    caret = round(where * tokens)
    window = begin(tokens, caret, capacity)
    check(window, tokens, caret, capacity)
    target = place(tokens, caret, capacity)
    assert window.goal == target.goal
    assert len(window.spans) == 1
    assert len(window) == (len(target) if len(target) <= SMALL else FIRST)
    assert caret - window.start >= 300 or window.start == target.start or window.end == target.end
    assert window.end - caret >= 150 or window.end == target.end or window.start == target.start
    if tokens <= min(SMALL, capacity):
        assert window == Window.of(0, tokens)


@settings(deadline=None)
@given(st.integers(0, 40 * BLOCK), shares, st.integers(1, 20 * BLOCK), st.integers(50, 3000), orders)
def test_it_grows_into_the_window_that_is_laid_out_at_once(tokens, where, capacity, rows, order):
    caret = round(where * tokens)
    *_, last = grown(begin(tokens, caret, capacity), tokens, caret, capacity, rows, order)
    assert last == slide(place(tokens, caret, capacity), tokens, caret, capacity)
    assert next_gap(last, tokens, caret, capacity, order) is None


@settings(deadline=None)
@given(st.integers(0, 40 * BLOCK), shares, st.integers(150, 3000), orders)
def test_a_step_adds_few_rows_where_the_layout_has_its_first_gap(tokens, where, rows, order):
    caret = round(where * tokens)

    def in_layout_order(token: int) -> tuple[bool, int]:
        return (token < caret) == (order == "suffix_first"), token

    steps = grown(begin(tokens, caret, CAPACITY), tokens, caret, CAPACITY, rows, order)
    for before, after in pairwise(steps):
        missing = sorted(set(range(*after.goal)) - laid_out(before), key=in_layout_order)
        added = sorted(laid_out(after) - laid_out(before))
        assert laid_out(before) <= laid_out(after)
        assert added == missing[: len(added)]
        assert added[0] == next_gap(before, tokens, caret, CAPACITY, order)
        assert 0 < len(added) <= rows


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("where", [0, 0.1, 0.5, 0.9, 1])
def test_each_row_is_encoded_once_but_for_those_of_the_beginning(order, where):
    tokens, capacity = 40 * BLOCK, 30 * BLOCK
    caret = round(where * tokens)
    steps = grown(begin(tokens, caret, capacity), tokens, caret, capacity, BLOCK, order)

    def layout(window: Window) -> list[int]:
        before = sorted(token for token in laid_out(window) if token < caret)
        after = sorted(laid_out(window) - set(before))
        return after + before if order == "suffix_first" else before + after

    encoded = exact = len(steps[0])  # rows encoded so far, and how many at the layout's beginning are exact
    for before, after in pairwise(steps):
        rows, known = layout(after), set(layout(before))
        first = rows.index(next_gap(before, tokens, caret, capacity, order))
        encoded += max(0, first - exact)  # made exact before anything is put behind them
        new = len(rows) - len(known)
        encoded += new
        exact = first + new
    encoded += len(steps[-1]) - exact
    assert encoded <= len(steps[-1]) + FIRST
    assert encoded <= 1.15 * len(steps[-1])


@settings(deadline=None)
@given(st.integers(0, 40 * BLOCK), shares, shares, orders, st.integers(0, 5))
def test_a_jump_keeps_what_is_laid_out_of_the_new_goal(tokens, first, then, order, steps):
    window, caret = begin(tokens, round(first * tokens), CAPACITY), round(first * tokens)
    for _ in range(steps):
        window = grow(window, tokens, caret, CAPACITY, BLOCK, order)
    caret = round(then * tokens)
    jumped = keep_up(window, tokens, caret, CAPACITY)
    check(jumped, tokens, caret, CAPACITY)
    if not window.goal[0] <= caret <= window.goal[1]:
        assert jumped.goal == place(tokens, caret, CAPACITY).goal
    else:
        assert jumped.goal == window.goal
    kept = laid_out(window) & set(range(*jumped.goal))
    assert kept <= laid_out(jumped)
    added = laid_out(jumped) - kept
    assert len(added) <= FIRST
    assert all(abs(token - caret) <= FIRST for token in added)


def test_a_caret_next_to_what_is_not_laid_out_is_given_more_and_a_keystroke_in_the_middle_nothing():
    window = begin(40 * BLOCK, 20 * BLOCK, CAPACITY)
    for caret in range(window.start + ROOM, window.end - ROOM + 1):
        assert keep_up(window, 40 * BLOCK, caret, CAPACITY) == window
    for caret in (window.start, window.start + ROOM - 1, window.end - ROOM + 1, window.end):
        more = keep_up(window, 40 * BLOCK, caret, CAPACITY)
        assert len(more) > len(window)
        assert len(more.spans) == 1
        assert keep_up(more, 40 * BLOCK, caret, CAPACITY) == more


edits = st.tuples(shares, st.one_of(st.integers(0, 5), st.integers(0, 6000)), st.integers(0, 40) | st.integers(0, 4000))
steps = st.one_of(
    st.tuples(st.just("edit"), edits, st.booleans()),
    st.tuples(st.just("type"), st.integers(1, 300)),
    st.tuples(st.just("jump"), shares),
    st.tuples(st.just("grow"), st.integers(1, 2000)),
    st.tuples(st.just("capacity"), st.integers(BLOCK, 16 * BLOCK)),
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 40 * BLOCK), shares, orders, st.lists(steps, max_size=12))
def test_whatever_happens_it_comes_to_rest_where_a_whole_window_would(tokens, where, order, history):
    caret, capacity = round(where * tokens), CAPACITY
    window = begin(tokens, caret, capacity)
    whole = place(tokens, caret, capacity)
    for kind, *how in history:
        if kind == "edit":
            (place_, removed, inserted), shown = how
            start = round(place_ * tokens)
            end = min(tokens, start + removed)
            window = follow(window, tokens, start, end, inserted, laid_out=shown)
            whole = follow(whole, tokens, start, end, inserted)
            tokens += inserted - (end - start)
            caret = caret if caret <= start else max(caret, end) + inserted - (end - start)
        elif kind == "type":
            window, whole = (follow(w, tokens, caret, caret, how[0]) for w in (window, whole))
            tokens, caret = tokens + how[0], caret + how[0]
        elif kind == "jump":
            caret = round(how[0] * tokens)
        elif kind == "capacity":
            capacity = how[0]
        if kind == "grow":
            window = grow(window, tokens, caret, capacity, how[0], order)
            whole = slide(whole, tokens, caret, capacity)
        else:
            window, whole = (keep_up(w, tokens, caret, capacity) for w in (window, whole))
            whole = whole.whole
        check(window, tokens, caret, capacity)
        assert window.goal == whole.goal
        assert window.whole == whole
    *_, last = grown(window, tokens, caret, capacity, STEP, order)
    assert last.whole == last
    if len(last) < tokens and capacity >= 3 * MARGIN:
        assert last.start == 0 or caret - last.start >= MARGIN
        assert last.end == tokens or last.end - caret >= MARGIN


@settings(deadline=None)
@given(st.integers(1, 40 * BLOCK), shares, shares, orders, st.integers(0, 6), st.data())
def test_spans_follow_the_tokens_they_name(tokens, first, then, order, growth, data):
    caret = round(then * tokens)
    window = keep_up(begin(tokens, round(first * tokens), CAPACITY), tokens, caret, CAPACITY)
    for _ in range(growth):
        window = grow(window, tokens, caret, CAPACITY, BLOCK, order)
    start = data.draw(st.integers(0, tokens))
    end = data.draw(st.integers(start, min(tokens, start + 3000)))
    inserted, shown = data.draw(st.integers(0, 600)), data.draw(st.booleans())
    edited = [*range(start), *[-1] * inserted, *range(end, tokens)]
    followed = follow(window, tokens, start, end, inserted, laid_out=shown)
    names = [edited[index] for index in sorted(laid_out(followed))]
    assert {name for name in names if name >= 0} == laid_out(window) - set(range(start, end))
    belongs = any(
        left <= start and end <= right
        and (start < end or ((left < start or left == 0) and (end < right or right == tokens)))
        for left, right in window.spans
    )
    assert names.count(-1) == (inserted if shown and belongs else 0)


def test_text_that_has_only_now_been_read_parts_a_span():
    window = Window.of(0, 100)
    assert follow(window, 100, 40, 42, 1000, laid_out=False) == Window(((0, 40), (1040, 1098)), (0, 1098))
    assert follow(window, 100, 100, 100, 1000, laid_out=False) == Window(((0, 100),), (0, 1100))
    assert follow(window, 100, 0, 0, 1000, laid_out=False) == Window(((1000, 1100),), (0, 1100))
