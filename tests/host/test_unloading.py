"""A shared model's memory is given back when all who are there have rested long enough, and comes again at a key."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator

import pytest

from kvlsp.messages import DescribeEngine, EngineDescribed, StatusChanged
from tests.remote.test_engine import SETTINGS, Typist
from tests.support.clock import ManualClock
from tests.support.served import Served, served

RESTING = dataclasses.replace(SETTINGS, unload_minutes=10)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def place(clock: ManualClock) -> Iterator[Served]:
    with served(clock=clock) as made:
        made.begin()
        yield made


def looks(typist: Typist) -> None:
    """Asks something that is no work: the engine has a turn, in which it sees how late it is."""
    ticket = next(typist.tickets)
    typist.post(DescribeEngine(ticket))
    typist.wait(lambda event: isinstance(event, EngineDescribed) and event.ticket == ticket)


def paused(typist: Typist) -> None:
    typist.wait(lambda event: isinstance(event, StatusChanged) and event.kind == "paused")


def both(place: Served, **second: int) -> tuple[Typist, Typist]:
    one, other = Typist(place, RESTING), Typist(place, dataclasses.replace(RESTING, **second))
    for typist in (one, other):
        typist.open()
        typist.ready()
        typist.check_same_text()  # it has been told: that was the last thing at this time
    return one, other


def test_when_all_rest_it_is_given_back_and_one_key_brings_it_for_all(place, clock):
    one, other = both(place)
    clock.pass_(601)
    for typist in (one, other):
        looks(typist)
        paused(typist)
    gc.collect()
    for typist in (one, other):
        seen = len(typist.events)
        typist.type("gamma = ")
        typist.ready(seen)
        assert typist.answer(typist.ask()).items
        typist.check_same_text()
    assert place.loads == 2
    for typist in (one, other):
        typist.engine.stop()


@pytest.mark.parametrize("second", [{"unload_minutes": 0}, {"unload_minutes": 20}])
def test_one_who_keeps_it_keeps_it_for_all(place, clock, second):
    one, other = both(place, **second)
    clock.pass_(601)
    looks(one)
    looks(other)
    paused(one)
    gc.collect()
    assert other.answer(other.ask()).items
    seen = len(one.events)
    one.type("gamma = ")
    one.ready(seen)
    assert place.loads == 1
    for typist in (one, other):
        typist.engine.stop()
