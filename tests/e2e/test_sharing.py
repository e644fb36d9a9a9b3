"""Several real daemons at one real engine: joined, stopped, killed, and nothing of a text lost."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.e2e import kills
from tests.e2e.support.sharing import Sharing, alive, sharing

PATIENCE = kills.PATIENCE

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def shared() -> Iterator[Sharing]:
    with sharing() as made:
        yield made


def test_editors_share_one_engine_and_it_comes_again_after_it_was_stopped(shared):
    one, other = shared.join("one"), shared.join("other")
    for typist in (one, other):
        typist.suggested(PATIENCE)
    [engine] = shared.engines()
    assert (engine["clients"], engine["process"]) == (2, shared.process())
    assert one.process != other.process != engine["process"]

    shared.stop()
    assert not alive(engine["process"])
    assert shared.engines() == [], "nobody has typed"
    one.suggested(PATIENCE)
    [again] = shared.engines()
    assert again["process"] != engine["process"]
    other.suggested(PATIENCE)
    for typist in (one, other):
        assert typist.same_text()
        assert typist.in_engine()
        shared.leave(typist)
    shared.stop()
    assert shared.left_behind() == []


@pytest.mark.slow
def test_it_outlives_the_editor_that_started_it_and_all_that_is_killed_with_that(shared):
    first = shared.join("first", start_new_session=True)
    first.suggested(PATIENCE)
    engine = shared.process()
    assert engine is not None
    os.killpg(first.process, signal.SIGKILL)  # as a terminal that is closed ends what runs in it
    first.client.process.wait()
    shared.typists.remove(first)
    second = shared.join("second")
    second.suggested(PATIENCE)
    assert shared.process() == engine
    assert [one["clients"] for one in shared.engines()] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("of", ["engine", "front"])
def test_killed_at_random_moments_under_typing(shared, of):
    sums = kills.run(shared, of, 5, 3, random.Random(3))
    assert sums["problems"] == []


@pytest.mark.slow
def test_one_that_was_stopped_by_a_signal_hangs_and_is_replaced(shared):
    typist = shared.join("one")
    typist.suggested(PATIENCE)
    hanging = shared.process()
    assert hanging is not None
    os.kill(hanging, signal.SIGSTOP)
    typist.type("x")
    until = time.monotonic() + PATIENCE
    while alive(hanging) and time.monotonic() < until:
        time.sleep(0.5)
    assert not alive(hanging)
    typist.suggested(PATIENCE)
    assert typist.same_text()
    assert shared.process() != hanging


@pytest.mark.slow
def test_unused_it_ends_and_leaves_nothing():
    with sharing(linger=1.0) as shared:
        typist = shared.join("one")
        typist.suggested(PATIENCE)
        shared.leave(typist)
        until = time.monotonic() + 60
        while shared.left_behind() and time.monotonic() < until:
            time.sleep(0.2)
        assert shared.left_behind() == []
