"""What forwards of some rows cost beside one of a single row, as averages of those that were timed."""

import pytest

from kvlsp.completion.forward_costs import ForwardCosts


def test_costs_are_averages_of_what_was_seen():
    costs = ForwardCosts()
    for _ in range(16):
        costs.timed(1, 0.01)
        costs.timed(9, 0.02)
    assert (costs.of(1), costs.of(5), costs.of(9)) == pytest.approx((1.0, 1.5, 2.0), abs=0.01)
    for _ in range(3):
        costs.timed(9, 5.0)
        costs.timed(9, 0.02)
    assert costs.of(9) < 2.5
    for _ in range(400):
        costs.timed(9, 0.05)
    assert costs.of(9) == pytest.approx(5.0, abs=0.1)


def test_the_first_forward_of_a_size_is_not_counted():
    costs = ForwardCosts()
    costs.timed(8, 100.0)
    for _ in range(16):
        costs.timed(1, 1.0)
        costs.timed(8, 1.5)
    assert costs.of(8) == pytest.approx(1.5)
