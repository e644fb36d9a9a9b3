import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.periods import Periods, Tally, Unit, compounded


@given(st.lists(st.integers(0, 2), max_size=40))
def test_runs_are_those_of_the_slow_search(symbols):
    periods = Periods(8)
    for symbol in symbols:
        periods.push(symbol)
    for period in range(1, 9):
        run = 0
        while run + period < len(symbols) and symbols[-1 - run] == symbols[-1 - run - period]:
            run += 1
        assert periods.run(period) == run


@pytest.mark.parametrize("copies", [2, 5])
def test_only_own_copies_are_due(copies):
    periods = Periods(4)
    for _ in range(copies):
        periods.push("a")
        periods.push("b")
    assert Unit(copies - 1, 2) in periods.due(own=2 * copies)
    assert periods.due(own=0) == []


def test_copies_before_the_own_ones_make_as_many_free():
    periods = Periods(2)
    for _ in range(6):
        periods.push("a")
    assert Unit(5, 1) in periods.due(own=6)
    assert Unit(2, 1) in periods.due(own=4)
    assert [unit for unit in periods.due(own=3) if unit.period == 1] == []


def test_rotations_of_a_unit_are_counted_together():
    tally = Tally()
    assert [tally.add(("a", "b")), tally.add(("b", "a")), tally.count(("a", "b"))] == [1, 2, 2]
    assert tally.count(("a",)) == 0


def test_the_exponent_compounds():
    assert [compounded(copies) for copies in range(5)] == [0, 1, 3, 6, 10]
