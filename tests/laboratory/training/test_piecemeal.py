from __future__ import annotations

from random import Random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.laboratory.training.examples import Cursor
from kvlsp.laboratory.training.piecemeal import Unseen, before_pieces, history, mark_unseen, pieces_apart
from kvlsp.laboratory.training.vocabulary import FILE, REPOSITORY
from tests.laboratory.training.test_examples import stream
from tests.laboratory.training.test_network import small


def test_a_piece_sees_the_head_and_itself():
    mask = np.zeros((10, 10), np.bool_)
    mark_unseen(mask, pieces_apart(2, [2, 5, 7], 9))
    assert [np.flatnonzero(mask[row]).tolist() for row in range(10)] == [
        *[[]] * 5, *[[2, 3, 4]] * 2, *[[2, 3, 4, 5, 6]] * 2, [],
    ]


def test_rows_before_the_hole_have_been_repaired_and_see_the_pieces():
    for seed in range(50):
        for one in before_pieces(20, 300, (3, 15), Random(seed)):
            assert (one.first, one.key_first, one.key_end) == (20, 3, 15)
            assert 200 < one.end <= 300


@given(st.integers(0, 400), st.integers(0, 400), st.booleans(), st.integers())
def test_only_text_goes_unseen_and_the_completion_sees_all(suffix: int, prefix: int, suffix_first: bool, seed: int):
    texts = ((2, 2 + suffix), (3 + suffix, 3 + suffix + prefix))
    hole = texts[1][1]
    for one in history(texts, hole, suffix_first, Random(seed)):
        assert texts[0][0] <= one.key_first < one.key_end <= one.first < one.end <= hole


def test_all_that_may_happen_to_a_document_happens():
    found = [history(((2, 102), (103, 403)), 403, True, Random(seed)) for seed in range(200)]
    assert any(not unseen for unseen in found)
    assert any(len(unseen) > 1 for unseen in found)
    assert any(one.key_first == 2 and one.key_end == one.first > 103 for unseen in found for one in unseen)


def test_rows_of_a_stream_hold_pieces_that_were_encoded_apart():
    rows, cursor, apart = stream(512), Cursor(), 0
    for _ in range(60):
        row, cursor = rows.row(cursor)
        files = np.flatnonzero(row.ids == FILE).tolist()
        for one in row.unseen:
            assert 0 <= one.key_first < one.key_end <= one.first < one.end
            # each side begins or ends where a file does
            if row.ids[0] == REPOSITORY and one.first in files:
                assert one.key_first == files[0]
                assert one.key_end == one.first
                apart += 1
    assert apart > 5


def test_a_row_that_does_not_see_is_a_row_without_what_it_does_not_see():
    """The network's word: rows behind a hidden stretch at the start are those of a text that stands as far back."""
    network, ids = small(), torch.randint(7, 400, (1, 40))
    unseen = torch.zeros(1, 40, 40, dtype=torch.bool)
    mark_unseen(unseen[0], [Unseen(10, 40, 0, 10)])
    with torch.no_grad():
        torch.testing.assert_close(network(ids, unseen)[:, 10:], network(ids[:, 10:]), rtol=1e-4, atol=1e-5)
