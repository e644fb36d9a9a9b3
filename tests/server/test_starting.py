"""Where no engine can be put together, every question has its answer all the same."""

from __future__ import annotations

import threading

import pytest

from kvlsp.messages import (
    Complete,
    Completed,
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    DocumentDescribed,
    EngineDescribed,
    Event,
    NextEdit,
    Reason,
    StatusChanged,
    TokensDescribed,
)
from kvlsp.server.server import EngineLike
from kvlsp.server.starting import StartingEngine

TIMEOUT = 30.0
QUESTIONS = (Complete(1, "u", 1, 0, "automatic", 0.0), NextEdit(2, "u", 1, 0, "automatic", 0.0),
             DescribeDocument(3, "u"), DescribeEngine(4), DescribeTokens(5, (1,)))
ANSWERS = {1: Completed, 2: Completed, 3: DocumentDescribed, 4: EngineDescribed, 5: TokensDescribed}


@pytest.mark.parametrize("early", [True, False])
def test_every_question_is_answered_where_there_will_be_no_engine(early):
    go_on, failed = threading.Event(), threading.Event()
    told: list[Event] = []

    def build() -> EngineLike:
        assert go_on.wait(TIMEOUT)
        raise ImportError("no torch here")

    def note(event: Event) -> None:
        told.append(event)
        if len([one for one in told if not isinstance(one, StatusChanged)]) == len(QUESTIONS):
            failed.set()

    engine = StartingEngine(build, note)
    engine.start()
    if not early:
        go_on.set()
    for question in QUESTIONS:
        engine.post(question)
    go_on.set()
    assert failed.wait(TIMEOUT)
    assert {event.ticket: type(event) for event in told if not isinstance(event, StatusChanged)} == ANSWERS


def test_every_question_is_answered_where_nobody_waits_for_the_engine_any_more():
    go_on = threading.Event()
    told: list[Event] = []

    def build() -> EngineLike:
        assert go_on.wait(TIMEOUT)
        raise ImportError("no torch here")

    engine = StartingEngine(build, told.append)
    engine.start()
    for question in QUESTIONS:
        engine.post(question)
    engine.stop()
    assert {event.ticket: type(event) for event in told if not isinstance(event, StatusChanged)} == ANSWERS
    go_on.set()


def test_who_asks_for_an_edit_does_not_wait_for_an_engine_that_is_being_put_together():
    go_on = threading.Event()
    told: list[Event] = []

    def build() -> EngineLike:
        go_on.wait(TIMEOUT)
        raise ImportError("no torch here")

    engine = StartingEngine(build, told.append)
    engine.start()
    engine.post(NextEdit(1, "u", 1, 0, "automatic", 0.0))
    assert told[1:] == [Completed(1, (), Reason.NOT_READY, {})]
    engine.post(DescribeDocument(2, "u"))
    assert told[2:] == [DocumentDescribed(2, None)], "the server knows the text"
    go_on.set()
