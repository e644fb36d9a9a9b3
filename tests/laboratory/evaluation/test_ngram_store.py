"""The store against a search through everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.laboratory.evaluation.ngram_store import LONGEST, NgramStore

texts = st.lists(st.lists(st.sampled_from([0, 1, 2, 70_000]), max_size=30), max_size=4)


def searched(files: list[list[int]], context: list[int]) -> tuple[int, dict[int, int]]:
    """The longest end of ``context`` that stands before some token of the files, and how often what follows it."""
    for length in range(min(LONGEST, len(context)), 0, -1):
        end, counts = context[-length:], {}
        for ids in files:
            for at in range(length, len(ids)):
                if ids[at - length : at] == end:
                    counts[ids[at]] = counts.get(ids[at], 0) + 1
        if counts:
            return length, counts
    return 0, {}


@given(texts, st.lists(st.sampled_from([0, 1, 2, 3, 70_000]), max_size=12))
def test_it_finds_what_a_search_finds(files, context):
    found = NgramStore(files).find(context)
    length, counts = searched(files, context)
    if not length:
        assert found is None
        return
    assert found is not None
    assert (found.length, found.places) == (length, sum(counts.values()))
    shares = {token: count / found.places for token, count in counts.items()}
    assert dict(zip(found.ids.tolist(), found.shares.tolist(), strict=True)) == pytest.approx(shares)
    assert found.shares.tolist() == sorted(found.shares.tolist(), reverse=True)


def test_a_token_that_nobody_has_ends_the_match():
    store = NgramStore([[1, 2, 3, 4], [9, 2, 3, 5]])
    found = store.find([8, 2, 3])
    assert (found.length, sorted(found.ids.tolist())) == (2, [4, 5])
    assert store.find([1, 2, 3]).ids.tolist() == [4]
    assert store.find([]) is None


def test_its_size_is_that_of_its_tokens():
    store = NgramStore([np.arange(1000) % 7])
    assert len(store) == 1000
    assert store.nbytes < 1000 * 19


def test_more_tokens_than_it_can_tell_apart_are_refused():
    with pytest.raises(ValueError, match="different tokens"):
        NgramStore([range(1 << 16)])
