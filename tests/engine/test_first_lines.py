"""The first lines of a longer suggestion: told soon to who asks again, once, and never another text than all of it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.confidence import Confidence
from kvlsp.completion.stop import StopRule
from kvlsp.engine.first_lines import SOON, Told
from kvlsp.messages import Complete, Completed, Feedback
from kvlsp.opening.model import Model
from kvlsp.reasons import Reason
from kvlsp.syntax.language import Language
from tests.support.engine_bench import SETTINGS, Bench
from tests.support.writing import saying_model

BEFORE = "def area(shapes):\n    "
AFTER = "\n\n\nprint(area([]))\n"
SAID = "total = 0\n    for shape in shapes:\n        total += shape.size\n    return total\n\n\n"
WHOLE = SAID.rstrip()
SPEED = 0.004
"""Seconds of a forward."""
AGAIN = {"asks_again": True}
LONG = dataclasses.replace(SETTINGS, multi_line="auto", max_tokens=160, ahead=False)


class Timed(Bench):
    """Every turn takes time, and what is answered is known with its moment."""

    def __init__(self, said: str = SAID, settings=LONG, *, hesitates: bool = False) -> None:
        model: Model = saying_model(said, hesitates=hesitates)
        super().__init__(BEFORE + AFTER, settings, lambda *_: model, "python")

    def until_answered(self, request: Complete) -> Completed:
        for _ in range(2_000):
            for event in self.events:
                if isinstance(event, Completed) and event.ticket == request.ticket:
                    return event
            self.clock.pass_(SPEED)
            self.engine.turn(0)
        raise AssertionError("There is no answer.")

    def ask(self, **changes) -> Complete:
        return self.request(len(BEFORE), **changes)


def texts(answer: Completed) -> list[str]:
    return [item.text for item in answer.items]


def test_first_lines_come_before_the_last_and_all_of_it_with_the_next_request():
    bench = Timed()
    began = bench.clock()
    first = bench.until_answered(bench.ask(**AGAIN))
    soon = bench.clock() - began
    assert texts(first) == ["total = 0"]
    assert first.report["more"]
    second = bench.until_answered(bench.ask(**AGAIN))
    assert texts(second) == [WHOLE]
    assert "more" not in second.report
    assert SOON <= soon < (bench.clock() - began) / 2
    assert second.report["forwards"] >= len(WHOLE) // 2  # of all that was generated, once


@pytest.mark.parametrize("changes", [{}, {"asks_again": False}])
def test_who_does_not_ask_again_gets_all_of_it(changes):
    bench = Timed()
    answer = bench.until_answered(bench.ask(**changes))
    assert texts(answer) == [WHOLE]
    assert "more" not in answer.report


LISTED = "total = sum([\n        1,\n        2,\n        3,\n    ])\n    return total\n\n\n"


@pytest.mark.parametrize("trigger", ["automatic", "invoked"])
def test_at_the_deadline_what_was_begun_is_closed_for_who_does_not_ask_again(trigger):
    short = dataclasses.replace(LONG, deadline_ms=130, invoked_deadline_ms=130)
    bench = Timed(LISTED, short)
    request = Complete(99, bench.snapshot.uri, 1, len(BEFORE), trigger, bench.clock())
    bench.engine.post(request)
    early = bench.until_answered(request)
    assert texts(early) == ["total = sum([\n        1,\n    ])"]
    later = dataclasses.replace(request, ticket=100, received=bench.clock())
    bench.engine.post(later)
    assert texts(bench.until_answered(later)) == ["total = sum([\n        1,\n        2,\n        3,\n    ])"]


@pytest.mark.parametrize("asks", [AGAIN, {"asks_late": True}])
def test_at_the_deadline_nothing_is_closed_for_who_asks_again(asks):
    bench = Timed(LISTED, dataclasses.replace(LONG, deadline_ms=130))
    assert bench.until_answered(bench.ask(**asks)).reason is Reason.DEADLINE


def test_at_the_deadline_a_line_that_is_not_finished_is_not_offered():
    bench = Timed(LISTED, dataclasses.replace(LONG, deadline_ms=40))
    assert bench.until_answered(bench.ask()).reason is Reason.DEADLINE


def test_who_asks_by_hand_gets_all_of_it():
    bench = Timed()
    request = Complete(99, bench.snapshot.uri, 1, len(BEFORE), "invoked", bench.clock(), asks_again=True)
    bench.engine.post(request)
    assert texts(bench.until_answered(request)) == [WHOLE]


def test_what_is_whole_soon_is_told_at_once():
    said = "pass\n\n\n"
    bench = Timed(said)
    answer = bench.until_answered(bench.ask(**AGAIN))
    assert texts(answer) == ["pass"]
    assert "more" not in answer.report


def test_typing_the_first_lines_lets_the_rest_come():
    bench = Timed()
    assert texts(bench.until_answered(bench.ask(**AGAIN))) == ["total = 0"]
    bench.edit(len(BEFORE), len(BEFORE), "total")
    answer = bench.until_answered(bench.request(len(BEFORE) + 5, **AGAIN))
    assert texts(answer) == [WHOLE.removeprefix("total")]
    assert "generated" in answer.report


def test_of_a_line_of_which_some_is_typed_the_rest_is_judged():
    """The model hesitates before the first letter; who has typed that is offered what follows."""
    sure = dataclasses.replace(LONG, confidence=0.9)
    bench = Timed(settings=sure, hesitates=True)
    assert bench.until_answered(bench.ask()).reason is Reason.LOW_CONFIDENCE
    bench = Timed(settings=sure, hesitates=True)
    begun = bench.ask()
    for _ in range(4):
        bench.engine.turn(0)
    bench.edit(len(BEFORE), len(BEFORE), "t")
    assert bench.until_answered(begun).reason is Reason.SUPERSEDED
    assert texts(bench.until_answered(bench.request(len(BEFORE) + 1))) == [WHOLE.removeprefix("t")]


def test_who_turns_the_first_lines_down_is_not_shown_all_of_it():
    bench = Timed()
    first = bench.until_answered(bench.ask(**AGAIN))
    bench.engine.post(Feedback(bench.snapshot.uri, first.items[0].completion, "rejected"))
    assert bench.until_answered(bench.ask(**AGAIN)).reason is Reason.REJECTED_BEFORE
    assert bench.until_answered(bench.ask()).reason is Reason.REJECTED_BEFORE


def test_another_key_ends_it():
    bench = Timed()
    bench.until_answered(bench.ask(**AGAIN))
    waiting = bench.ask(**AGAIN)
    bench.edit(len(BEFORE), len(BEFORE), "?")
    assert bench.until_answered(waiting).reason is Reason.SUPERSEDED


def test_at_the_deadline_complete_lines_are_told_with_more_to_come():
    bench = Timed(settings=dataclasses.replace(LONG, deadline_ms=int(1000 * SPEED * 55)))
    first = bench.until_answered(bench.ask(**AGAIN))
    found = [texts(first)]
    while found[-1] != [WHOLE]:
        assert len(found) < 20
        answer = bench.until_answered(bench.ask(**AGAIN))
        assert answer.items
        assert answer.items[0].text.startswith(found[-1][0])
        found.append(texts(answer))
    assert len(found) > 2


@given(st.lists(st.sampled_from(["x", " = ", "1", "\n", "\n    ", "(", ")", ",\n", ":", "\r\n", "  \n"]), max_size=20),
       st.sampled_from(["", "foo(", "def f():", "    ", "x = [\n    "]), st.sampled_from(["", "\n)", "\n]\n"]))
def test_what_stands_there_is_not_taken_back_for_what_follows(pieces, before, after):
    """Once lines are complete, how sure the model is of the others changes nothing."""
    rule = StopRule.begin(before, after, Language.of("python"))
    confidence, at_first = Confidence(), None
    for piece in pieces:
        rule.push(piece)
        confidence.push(piece, -1.0)
        if rule.stop is not None:
            break
        at_first = confidence.value if at_first is None and rule.complete_part() else at_first
        assert at_first in (None, confidence.value)


def test_lines_are_looked_at_once_and_told_once():
    told = Told()
    assert not told.due(0)
    assert told.due(3)
    assert not told.due(3)
    assert told.due(9)
    told.something = True
    assert not told.due(20)
