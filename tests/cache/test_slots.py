"""Slots: handed out lowest first, never twice."""

from __future__ import annotations

import numpy as np
import pytest

from kvlsp.cache.slots import SlotTable
from kvlsp.errors import IntegrityError


def test_the_lowest_free_slots_are_taken_and_come_back():
    table = SlotTable(6)
    assert list(table.take(3)) == [0, 1, 2]
    table.give_back(np.array([1]))
    assert list(table.take(2, scratch=True)) == [1, 3]
    assert list(table.of_document()) == [0, 2]
    assert list(table.of_scratch()) == [1, 3]
    assert table.free == 2
    table.adopt(np.array([3]))
    assert list(table.of_document()) == [0, 2, 3]
    table.grow(8)
    assert table.free == 4


@pytest.mark.parametrize("act", [
    lambda table: table.take(9),
    lambda table: table.give_back(np.array([5])),
    lambda table: table.adopt(np.array([0])),
])
def test_contradictions_are_refused(act):
    table = SlotTable(6)
    table.take(2)
    with pytest.raises(IntegrityError):
        act(table)
