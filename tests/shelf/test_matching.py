"""What stayed of a list of tokens: the same tokens in the same order, and all of what lines have in common."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.shelf.matching import match, runs

LINE = 0
tokens = st.lists(st.integers(0, 6), max_size=80)


def matched(old, new):
    a, b = np.asarray(old, np.int32), np.asarray(new, np.int32)
    return match(a, b, lambda token: token == LINE)


@given(tokens, tokens)
def test_it_pairs_equal_tokens_once_and_in_order(old, new):
    mine, theirs = matched(old, new)
    assert len(mine) == len(theirs)
    assert [old[i] for i in mine] == [new[j] for j in theirs]
    assert np.all(np.diff(mine) > 0)
    assert np.all(np.diff(theirs) > 0)


@given(tokens)
def test_of_the_same_text_all_stays(old):
    assert matched(old, old)[0].tolist() == list(range(len(old)))


def test_a_changed_line_keeps_its_ends():
    old = [7, 8, 9, 0, 1, 2, 3, 4, 5, 0, 11, 12, 0]
    new = [7, 8, 9, 0, 1, 2, 30, 31, 4, 5, 0, 11, 12, 0]
    assert matched(old, new)[0].tolist() == [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]


@given(st.sets(st.integers(0, 50)))
def test_ranges_hold_just_the_numbers(numbers):
    found = runs(np.array(sorted(numbers), np.int64))
    assert [place for start, end in found for place in range(start, end)] == sorted(numbers)
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(found))
