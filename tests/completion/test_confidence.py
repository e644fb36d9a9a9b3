from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.confidence import Confidence


def confidence(*tokens: tuple[str, float], end: float | None = None) -> float:
    """Of these pieces with these probabilities, ended with probability ``end``."""
    found = Confidence()
    for piece, chance in tokens:
        found.push(piece, math.log(chance))
    if end is not None:
        found.end(math.log(end))
    return found.value


def test_sure_is_one_and_nothing_is_zero():
    assert confidence(("a", 1.0), ("b", 1.0)) == 1.0
    assert confidence() == 0.0
    assert confidence(end=1.0) == 0.0


def test_it_is_the_chance_of_the_first_line_and_of_its_end():
    assert confidence(("a", 0.5), ("b\n", 0.5)) == pytest.approx(0.25)
    assert confidence(("a", 0.5), ("b", 0.5), end=0.5) == pytest.approx(0.125)


def test_later_lines_do_not_count_and_blank_ones_before_it_are_none():
    assert confidence(("a\n", 0.5), ("b", 0.1), end=0.1) == pytest.approx(0.5)
    assert confidence(("\n", 0.5), ("\n  a", 0.5), ("\n", 0.5), ("b", 0.1)) == pytest.approx(0.125)


@given(st.lists(st.tuples(st.text("ab \n", max_size=3), st.floats(-50, 1)), max_size=20), st.floats(-50, 1))
def test_between_zero_and_one_and_never_more_for_more_text(tokens, end):
    found, before = Confidence(), 1.0
    for piece, logprob in tokens:
        found.push(piece, logprob)
        assert 0.0 <= found.value <= before
        before = found.value
    found.end(end)
    assert 0.0 <= found.value <= before


def test_of_a_line_that_is_typed_the_rest_counts():
    found = Confidence()
    for piece, chance in [("", 0.5), ("ret", 0.5), ("urn", 0.8), (" x", 0.9), ("\n", 0.9), ("y", 0.1)]:
        found.push(piece, math.log(chance))
    assert [round(found.behind(typed), 4) for typed in (0, 2, 3, 6)] == [0.162, 0.324, 0.648, 0.81]
    assert [found.behind(typed) for typed in (8, 9, 10)] == [pytest.approx(0.9)] * 3  # what was worth showing stays so


@given(st.lists(st.tuples(st.text("ab\n", max_size=3), st.floats(-50, 1)), max_size=20), st.floats(-50, 1),
       st.integers(0, 60))
def test_typing_what_is_said_makes_the_rest_no_less_likely(tokens, end, typed):
    found = Confidence()
    for piece, logprob in tokens:
        found.push(piece, logprob)
    found.end(end)
    assert found.behind(0) == found.value <= found.behind(typed) <= 1.0
