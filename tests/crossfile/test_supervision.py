"""When a process counts as failed, and when the next one may start: times in, verdicts out."""

from __future__ import annotations

import pytest

from kvlsp.crossfile.supervision import LONG, PATIENCE, PAUSES, Supervision


@pytest.fixture
def supervision() -> Supervision:
    return Supervision()


def test_a_question_has_a_deadline(supervision):
    assert supervision.due(0.0) is None
    supervision.asked(1, 0.0)
    supervision.asked(2, 5.0)
    assert supervision.due(1.0) == PATIENCE - 1
    assert not supervision.silent(PATIENCE - 1)
    supervision.answered(1)
    assert supervision.due(1.0) == PATIENCE + 4
    assert not supervision.silent(PATIENCE)
    assert supervision.silent(PATIENCE + 5)
    supervision.answered(2)
    assert not supervision.silent(10 * PATIENCE)
    assert supervision.due(0.0) is None


def test_who_reports_progress_is_not_silent(supervision):
    supervision.asked(1, 0.0)
    supervision.heard(PATIENCE - 1)
    assert not supervision.silent(PATIENCE + 1)
    assert supervision.silent(2 * PATIENCE - 1)
    supervision.answered(1)
    supervision.heard(3 * PATIENCE)
    assert supervision.due(3 * PATIENCE) is None


def test_failures_are_counted_and_the_pauses_grow(supervision):
    supervision.asked(1, 0.0)
    supervision.failed("silent", 100.0)
    assert supervision.again == 100 + PAUSES[0]
    assert supervision.due(100.0) == PAUSES[0]
    supervision.gone()
    assert supervision.due(100.0) is None
    supervision.failed("ended", 200.0)
    assert supervision.again == 200 + PAUSES[1] > 200 + PAUSES[0]
    assert not supervision.given_up
    supervision.failed("ended", 300.0)
    assert supervision.given_up
    assert supervision.again is None
    assert supervision.failures == {"ended": 2, "silent": 1}


def test_old_failures_are_forgotten_and_all_are_forgiven(supervision):
    for number in range(10):
        supervision.failed("ended", LONG * number)
        assert not supervision.given_up
    for number in range(len(PAUSES) + 1):
        supervision.failed("ended", LONG * 20 + number)
    assert supervision.given_up
    supervision.forgive()
    assert not supervision.given_up
    supervision.failed("ended", LONG * 20 + 5)
    assert supervision.again == LONG * 20 + 5 + PAUSES[0]
