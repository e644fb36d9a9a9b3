"""Windows laid out as a whole: they hold the caret, fit, follow edits as the tokens they name do, and come to rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.prompt.window import BLOCK, MARGIN, Window, begin, follow, keep_up, place, recall, slide

CAPACITY = 8 * BLOCK


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int, Window]:
    """(tokens, caret, window) as an editing session may leave them."""
    tokens = draw(st.integers(0, 40 * BLOCK))
    caret = draw(st.integers(0, tokens))
    window = place(tokens, draw(st.integers(0, tokens)), CAPACITY)
    return tokens, caret, window


@given(windows())
def test_a_keystroke_leaves_the_caret_inside_and_the_window_within_capacity(case):
    tokens, caret, window = case
    kept = keep_up(window, tokens, caret, CAPACITY).whole
    assert kept.holds(caret)
    assert 0 <= kept.start <= kept.end <= tokens
    assert len(kept) <= CAPACITY


@given(windows())
def test_a_keystroke_inside_a_window_that_fits_changes_nothing(case):
    tokens, caret, window = case
    if window.holds(caret):
        assert keep_up(window, tokens, caret, CAPACITY) == window


@given(windows())
def test_an_idle_moment_leads_the_caret_away_from_the_edges_and_then_rests(case):
    tokens, caret, window = case
    moved = slide(window, tokens, caret, CAPACITY)
    assert len(moved) <= CAPACITY
    assert moved.start == 0 or caret - moved.start >= MARGIN
    assert moved.end == tokens or moved.end - caret >= MARGIN
    assert slide(moved, tokens, caret, CAPACITY) == moved


@given(st.integers(0, 3000), st.integers(1, 700))
def test_any_capacity_comes_to_rest(tokens, capacity):
    window = place(tokens, tokens // 2, capacity)
    for caret in range(0, tokens + 1, 97):
        window = slide(window, tokens, caret, capacity)
        assert window.holds(caret)
        assert len(window) <= capacity
        assert slide(window, tokens, caret, capacity) == window


@given(windows(), st.data())
def test_a_window_follows_the_tokens_it_names(case, data):
    tokens, _, window = case
    start = data.draw(st.integers(0, tokens))
    end = data.draw(st.integers(start, min(tokens, start + 600)))
    inserted = data.draw(st.integers(0, 600))
    document = list(range(tokens))
    named = set(document[window.start : window.end])
    edited = document[:start] + [-1] * inserted + document[end:]
    followed = follow(window, tokens, start, end, inserted)
    assert 0 <= followed.start <= followed.end <= len(edited)
    inside = edited[followed.start : followed.end]
    assert {token for token in inside if token >= 0} == named - set(document[start:end])
    if window == Window.of(0, tokens):
        assert followed == Window.of(0, len(edited))


def test_a_short_document_is_laid_out_whole():
    assert place(100, 50, CAPACITY) == Window.of(0, 100)
    assert slide(Window.of(0, 60), 100, 10, CAPACITY) == Window.of(0, 100)


def test_a_jump_places_the_window_anew():
    window = keep_up(Window.of(0, CAPACITY), 40 * BLOCK, 30 * BLOCK, CAPACITY)
    assert window.whole == place(40 * BLOCK, 30 * BLOCK, CAPACITY)
    window = window.whole
    assert window.start % BLOCK == 0


def test_an_outgrown_window_drops_blocks_on_the_far_side():
    assert keep_up(Window.of(0, CAPACITY + 1), 40 * BLOCK, CAPACITY, CAPACITY) == Window.of(BLOCK, CAPACITY + 1)
    assert keep_up(Window.of(0, CAPACITY + 1), 40 * BLOCK, 5, CAPACITY) == Window.of(0, CAPACITY + 1 - BLOCK)


def test_what_is_known_from_before_is_laid_out_and_the_gaps_next_to_the_caret():
    runs = [(0, 400), (430, 900), (950, 2000), (2600, 4000)]
    window = recall(runs, 4000, 920, 8000, 60)
    assert window.spans == ((0, 400), (430, 2000), (2600, 4000))
    assert window.goal == (0, 4000)
    assert recall(runs, 4000, 920, 8000, 80).spans == ((0, 2000), (2600, 4000))
    assert recall(runs, 4000, 920, 8000, 0).spans == ((0, 400), (430, 2000), (2600, 4000)), "so near it always is"
    assert recall(runs, 4000, 1500, 8000, 0).spans == tuple(runs)
    assert recall(runs, 4000, 3000, 1024, 0).start >= 2000, "only what the goal holds"
    assert recall([], 4000, 920, 8000, 60) == begin(4000, 920, 8000)
