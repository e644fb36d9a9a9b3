"""The pace of forwards beside a typing hand: as many rows as the time allows, never knowingly more."""

from __future__ import annotations

import pytest

from kvlsp.engine.pace import Pace
from tests.support.clock import ManualClock

CLOCK = ManualClock()


def run(pace: Pace, cost: float, forwards: int = 1, rows: int | None = None, fixed: float = 0.0) -> list[float]:
    """Seconds of each forward, with ``cost`` seconds per row and ``fixed`` ones beside."""
    took = []
    for _ in range(forwards):
        began = CLOCK()
        with pace as most:
            done = most if rows is None else min(rows, most)
            CLOCK.pass_(fixed + done * cost)
            pace.did(done)
        took.append(CLOCK() - began)
    return took


def test_it_finds_the_rows_that_take_the_wanted_time():
    pace = Pace(CLOCK, target=0.025, least=16, most=512)
    run(pace, 0.0001, 30)
    assert pace.rows == 224  # of 250, the most that nobody pads
    run(pace, 0.01, 30)
    assert pace.rows == 16


@pytest.mark.parametrize("cost", [0.0002, 0.0006, 0.001])
def test_it_never_takes_longer_than_wanted_on_its_way(cost):
    assert max(run(Pace(CLOCK, target=0.025), cost, 40, fixed=0.002)) <= 0.0271


@pytest.mark.parametrize(("fitting", "rows"), [(25, 24), (63, 56), (95, 80), (140, 128), (300, 288), (600, 512)])
def test_no_time_goes_to_padding(fitting, rows):
    pace = Pace(CLOCK, target=0.06)
    run(pace, 0.0601 / fitting, 60)
    assert pace.rows == rows


def test_one_long_forward_is_enough_to_shorten_the_next():
    pace = Pace(CLOCK, target=0.025)
    run(pace, 0.0001, 30)
    (long,) = run(pace, 0.0002)
    assert 0.044 <= long <= 0.051
    assert run(pace, 0.0002)[0] <= 0.0251


def test_the_short_rest_of_something_does_not_lengthen_the_next():
    pace = Pace(CLOCK, target=0.025)
    run(pace, 0.0005, 30)
    before = pace.rows
    run(pace, 0.0005, rows=3)
    run(pace, 0.0005, rows=0)
    assert pace.rows == before


def test_the_rest_of_something_that_took_long_shortens_the_next():
    pace = Pace(CLOCK, target=0.025)
    run(pace, 0.0005, 30)
    run(pace, 0.002, rows=20)
    assert pace.rows <= 16


def test_who_waits_for_a_slow_model_gets_through_in_forwards_that_are_worth_their_weights():
    """Of a model whose weights take 85 ms to read and each row 5 ms more."""
    beside = Pace(CLOCK, target=0.06, least=32)
    waited = Pace(CLOCK, target=0.06, least=64, beside=beside)
    took = [run(pace, 0.005, 512 // least, fixed=0.085) for pace, least in ((beside, 32), (waited, 64))]
    assert sum(took[1]) < 0.85 * sum(took[0])
    assert waited.per_row == beside.per_row is not None


def test_a_quick_model_keeps_to_the_time_however_many_rows_are_worth_it():
    pace = Pace(CLOCK, target=0.06, least=64)
    assert max(run(pace, 0.0002, 40, fixed=0.008)) <= 0.0601
