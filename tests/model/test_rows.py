"""A batch of rows says what is wrong with it before a model is asked."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from kvlsp.model.rows import DOCUMENT, EVERY, NONE, Branch, RowBatch


def ints(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.int64)


def test_a_batch_is_the_documents_unless_it_says_otherwise():
    rows = RowBatch(ints(7, 8), ints(0, 1), ints(5, 3), NONE)
    assert (len(rows), rows.branch) == (2, DOCUMENT)
    assert len(RowBatch(ints(), ints(), ints(), NONE)) == 0
    assert RowBatch(ints(7, 8), ints(0, 0), ints(5, 3), EVERY, [Branch(1), Branch(2)]).branch == [Branch(1), Branch(2)]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((ints(7, 8), ints(0), ints(5, 3), EVERY), r"\(2,\), \(1,\) and \(2,\), not one length"),
        ((ints(7), ints(0), ints(5, 3), EVERY), r"\(1,\), \(1,\) and \(2,\), not one length"),
        ((ints(7)[None], ints(0)[None], ints(5)[None], EVERY), r"\(1, 1\), .* not one length"),
        ((ints(7).int(), ints(0), ints(5), EVERY), r"torch.int32, torch.int64 and torch.int64, not int64"),
        ((ints(7), ints(0).double(), ints(5), EVERY), "torch.float64"),
        ((ints(7), ints(0), ints(5).short(), EVERY), "torch.int16"),
        ((ints(7, 8), ints(0, 0), ints(5, 3), EVERY, [Branch(1)]), "2 rows have 1 branches"),
        ((ints(7, 8), ints(0, 0), ints(5, 3), EVERY, []), "2 rows have 0 branches"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        RowBatch(*parts)


def test_a_batch_stays_as_it_was_made():
    rows = RowBatch(ints(7), ints(0), ints(5), EVERY)
    with pytest.raises(dataclasses.FrozenInstanceError):
        rows.ids = ints(8)  # type: ignore[misc]
