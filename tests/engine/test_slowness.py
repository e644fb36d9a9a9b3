"""A machine that is too slow for its model is told so once, and only where it is the machine."""

from __future__ import annotations

import dataclasses

from kvlsp.engine.slowness import ENOUGH, SENTENCE, Slowness
from kvlsp.messages import Configure, Notice
from kvlsp.reasons import Reason
from tests.support.engine_bench import CARET, SETTINGS, TEXT, Bench, complete


def test_most_answers_too_late_is_said_once():
    slowness = Slowness()
    said = [slowness.answered(Reason.DEADLINE) for _ in range(3 * ENOUGH)]
    assert [sentence for sentence in said if sentence] == [SENTENCE]
    slowness.reset()
    assert [slowness.answered(Reason.DEADLINE) for _ in range(ENOUGH)][-1] == SENTENCE


def test_half_of_them_in_time_is_quick_enough():
    slowness = Slowness()
    for _ in range(40):
        assert slowness.answered(None) is None
        assert slowness.answered(Reason.DEADLINE) is None


def test_what_says_nothing_about_speed_is_not_counted():
    slowness = Slowness()
    for _ in range(40):
        assert slowness.answered(Reason.SUPERSEDED) is None
        assert slowness.answered(Reason.CANCELLED) is None


def test_who_asks_again_until_it_is_there_is_told_as_well():
    """Each suggestion is late once, and then known: half of all answers are in time."""
    bench = Bench(TEXT, dataclasses.replace(SETTINGS, ahead=False))
    bench.decoder.before = lambda: bench.clock.pass_(1)
    for number in range(ENOUGH):
        bench.edit(0, 0, f"# {number}\n")
        for _ in range(2):
            last = complete(bench, len(bench.snapshot.text) - len(TEXT) + CARET - 1)
        assert last.reason is not Reason.DEADLINE
    assert [event.text for event in bench.events if isinstance(event, Notice)] == [SENTENCE]


def test_the_engine_says_it_with_what_would_help():
    bench = Bench(TEXT)
    bench.decoder.before = lambda: bench.clock.pass_(1)
    for number in range(ENOUGH):
        bench.edit(0, 0, f"# {number}\n")
        bench.request(bench.snapshot.text.__len__() - len(TEXT) + CARET - 1)
        bench.work()
    assert [event.text for event in bench.events if isinstance(event, Notice)] == [SENTENCE]
    assert "kvlsp.deadlineMs" in SENTENCE
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, deadline_ms=60_000)))
    bench.work()
