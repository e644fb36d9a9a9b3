from __future__ import annotations

from datetime import datetime

import pytest

from kvlsp.laboratory.training.clock import BudgetClock, deadline


class Times:
    """Processor and wall time, set by hand."""

    def __init__(self) -> None:
        self.work = self.wall = 1000.0

    def run(self, seconds: float, paused: float = 0.0) -> None:
        self.work += seconds
        self.wall += seconds + paused


def clock(times: Times, minutes: float = 10, until: float | None = None, fraction: float = 0.0) -> BudgetClock:
    return BudgetClock(minutes, until, fraction, lambda: times.work, lambda: times.wall)


def test_a_pause_costs_nothing_of_the_budget():
    times = Times()
    budget = clock(times)
    times.run(60)
    assert budget.tick() == pytest.approx(0.1)
    times.run(60, paused=100_000)
    assert budget.tick() == pytest.approx(0.2)
    assert budget.worked == pytest.approx(120)


def test_a_deadline_is_reached_evenly_on_a_busy_machine():
    times = Times()
    budget = clock(times, until=times.wall + 1000)
    fractions = []
    for _ in range(100):
        times.run(4, paused=6)  # the process gets 40 % of a processor
        fractions.append(budget.tick())
    assert fractions == pytest.approx([0.01 * (i + 1) for i in range(100)])


def test_a_pause_before_a_deadline_is_spread_over_the_rest():
    times = Times()
    budget = clock(times, until=times.wall + 1000)
    times.run(10, paused=490)
    assert budget.tick() == pytest.approx(0.05)  # five times the work, not the half of the time that passed
    steps = 0
    while budget.fraction < 1.0:
        times.run(10)
        budget.tick()
        steps += 1
    assert times.wall == pytest.approx(2000)
    assert steps == 50


def test_after_the_deadline_all_is_spent():
    times = Times()
    budget = clock(times, until=times.wall + 10)
    times.run(1, paused=20)
    assert budget.tick() == 1.0


def test_a_resumed_clock_goes_on():
    times = Times()
    budget = clock(times, fraction=0.5)
    times.run(60)
    assert budget.tick() == pytest.approx(0.6)


def test_deadlines_are_the_next_such_time():
    now = datetime(2026, 11, 20, 22, 0)
    assert deadline("23:30", now) == datetime(2026, 11, 20, 23, 30).timestamp()
    assert deadline("00:05", now) == datetime(2026, 11, 21, 0, 5).timestamp()
