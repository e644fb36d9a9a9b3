"""The bench of the first place, its counts on a tiny model: no more than a refresh, and nothing where it is off."""

from __future__ import annotations

import itertools

import pytest

from kvlsp.config import Settings
from kvlsp.errors import DocumentError
from kvlsp.laboratory.evaluation.next_edit_cost import NEW, measure, rename
from tests.support.models import tiny_model

TEXT = "".join(f"def task_{number}(amount):\n    return amount + {number}\n\n\n" for number in range(20))


def test_the_first_place_costs_no_more_than_a_refresh():
    ticks = itertools.count()
    (row,) = measure(tiny_model(), [TEXT], Settings(next_edit_minimum_gain=0.0), repeats=1,
                     clock=lambda: next(ticks) / 1000)
    assert 0 < row["place_rows"] <= 1.3 * row["plain_rows"]
    assert row["plain_rows"] <= row["whole_rows"]


def test_a_parameter_is_renamed_where_it_is_defined():
    edit = rename(TEXT)
    assert TEXT[edit.start:edit.end] == "amount"
    assert TEXT[:edit.start].endswith("(")
    assert edit.text == NEW
    with pytest.raises(DocumentError):
        rename("x = 1\n")
