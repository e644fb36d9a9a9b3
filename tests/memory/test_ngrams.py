"""The table against a search through everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.memory.ngrams import LONGEST, NgramTable

texts = st.lists(st.lists(st.sampled_from([0, 1, 2, 65_000]), max_size=30), max_size=5)


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


def table(files: list[list[int]], vocabulary: int = 65_534) -> NgramTable:
    return NgramTable.of(vocabulary, list(enumerate(files)))


@given(texts, st.lists(st.sampled_from([0, 1, 2, 3, 65_000]), max_size=12), st.sampled_from([65_534, 100_000]),
       st.data())
def test_it_finds_what_a_search_finds_however_it_came_to_be(files, context, vocabulary, data):
    first = data.draw(st.integers(0, len(files)))
    gone = data.draw(st.sets(st.integers(0, max(0, len(files) - 1))))
    numbered = list(enumerate(files))
    made = NgramTable.of(vocabulary, numbered[:first]).joined(NgramTable.of(vocabulary, numbered[first:]))
    made = made.without(gone)
    length, counts = searched([ids for number, ids in numbered if number not in gone], context)
    found = made.find(context)
    if not length:
        assert found is None
        return
    assert found is not None
    assert (found.length, found.places) == (length, sum(counts.values()))
    shares = {token: count / found.places for token, count in counts.items()}
    assert dict(zip(found.ids.tolist(), found.shares.tolist(), strict=True)) == pytest.approx(shares)
    assert found.shares.tolist() == sorted(found.shares.tolist(), reverse=True)


@given(texts, st.lists(st.sampled_from([0, 1, 2, 3, 65_000]), max_size=12), st.integers(0, 5))
def test_a_hidden_file_is_as_if_it_were_not_there(files, context, hidden):
    whole = NgramTable.of(65_534, list(enumerate(files)))
    found, wanted = whole.find(context, hidden), whole.without({hidden}).find(context)
    assert (found is None) == (wanted is None)
    if found is not None and wanted is not None:
        assert (found.length, found.places) == (wanted.length, wanted.places)
        assert dict(zip(found.ids.tolist(), found.shares.tolist(), strict=True)) == pytest.approx(
            dict(zip(wanted.ids.tolist(), wanted.shares.tolist(), strict=True))
        )


def test_a_token_that_nobody_has_ends_the_match():
    found = table([[1, 2, 3, 4], [9, 2, 3, 5]]).find([8, 2, 3])
    assert (found.length, sorted(found.ids.tolist())) == (2, [4, 5])
    assert table([[1, 2, 3, 4], [9, 2, 3, 5]]).find([1, 2, 3]).ids.tolist() == [4]
    assert table([[1, 2]]).find([]) is None


def test_its_size_is_that_of_its_tokens():
    one = table([list(np.arange(1000) % 7)])
    assert len(one) == 1000
    assert one.nbytes == 1000 * 22
