"""The worker, turned by hand: a manual clock, no thread, messages that arrive between two forwards."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from kvlsp.engine.engine import Engine
from kvlsp.engine.oneshot import complete_text
from kvlsp.messages import (
    CancelToken,
    Complete,
    Completed,
    Configure,
    DescribeDocument,
    DescribeEngine,
    EngineDescribed,
    Feedback,
    OpenDocument,
    Selected,
    Shutdown,
    StatusChanged,
)
from kvlsp.reasons import Reason
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.engine_bench import CARET, SETTINGS, TEXT, URI, Bench, complete, watched_model
from tests.support.models import tiny_model


@pytest.fixture
def offered() -> str:
    """What the model offers at CARET of TEXT, as the one-shot path says."""
    text = complete_text(watched_model(), TEXT, CARET - 1, settings=SETTINGS).text
    assert len(text) > 4, "choose another place: this one offers too little to be tested with"
    return text


def test_an_answer_is_what_the_one_shot_path_gives(offered):
    answer = complete(Bench(TEXT), CARET - 1)
    assert [item.text for item in answer.items] == [offered]
    assert (answer.items[0].start, answer.items[0].end) == (CARET - 1, CARET - 1)
    assert answer.reason is None


def test_after_edits_the_answer_is_that_of_the_edited_text():
    bench = Bench(TEXT)
    complete(bench, CARET - 1)
    bench.edit(4, 8, "surface")
    bench.edit(0, 0, "# a comment\n")
    bench.work()
    offset = CARET - 1 + 3 + 12
    bench.rest()  # refreshed to exactness
    answer = complete(bench, offset)
    expected = complete_text(watched_model(), str(bench.snapshot.text), offset, settings=SETTINGS)
    assert [item.text for item in answer.items] == [expected.text]


def test_rest_makes_the_cache_exact_and_then_sleeps():
    bench = Bench(TEXT)
    complete(bench, CARET - 1)
    bench.edit(0, 0, "x")
    bench.work()
    bench.engine.post(DescribeDocument(7, URI))
    bench.work()
    assert bench.events[-1].description["staleTokens"] > 0
    assert 0 < bench.engine.patience() <= 0.15
    bench.clock.pass_(0.2)
    turns = 0
    while bench.engine.patience() is not None:
        bench.engine.turn(0)
        turns += 1
        assert turns < 100
    bench.engine.post(DescribeDocument(8, URI))
    bench.work()
    description = bench.events[-1].description
    assert description["staleTokens"] == 0
    assert description["characters"] == len(TEXT) + 1


def test_a_newer_request_supersedes_one_that_waits():
    bench = Bench(TEXT)
    first, second = bench.request(3), bench.request(CARET - 1)
    bench.work()
    assert bench.answer(first).reason is Reason.SUPERSEDED
    assert bench.answer(second).items


def test_two_requests_for_one_place_are_both_answered_by_one_generation(offered):
    bench = Bench(TEXT)
    list_, ghost = bench.request(CARET - 1), bench.request(CARET - 1)
    bench.work()
    assert [item.text for item in bench.answer(list_).items] == [offered]
    assert [item.text for item in bench.answer(ghost).items] == [offered]
    assert bench.answer(ghost).report["remembered"]


def test_a_second_request_for_the_place_at_work_lets_the_generation_go_on(offered):
    bench = Bench(TEXT)
    second: list[Complete] = []
    bench.at_forward(3, lambda: second.append(bench.request(CARET - 1)))
    first = bench.request(CARET - 1)
    bench.work()
    assert [item.text for item in bench.answer(first).items] == [offered]
    assert bench.answer(second[0]).report["remembered"]


def test_an_edit_stops_the_running_generation_at_the_next_token():
    bench = Bench(TEXT)
    bench.at_forward(3, lambda: bench.edit(0, 0, "import os\n"))
    request = bench.request(CARET - 1)
    bench.work()
    assert bench.answer(request).reason is Reason.SUPERSEDED
    assert bench.answer(request).report["generated"] <= 3


def test_typing_what_is_being_generated_lets_it_go_on(offered):
    bench = Bench(TEXT)

    def type_on() -> None:
        bench.edit(CARET - 1, CARET - 1, offered[0])
        bench.second = bench.request(CARET)

    bench.at_forward(4, type_on)
    first = bench.request(CARET - 1)
    bench.work()
    assert bench.answer(first).reason is Reason.SUPERSEDED
    second = bench.answer(bench.second)
    assert [item.text for item in second.items] == [offered[1:]]
    assert second.report["ahead"]
    assert second.report["generated"] > 4


def test_typing_through_an_answer_needs_no_model(offered):
    bench = Bench(TEXT)
    complete(bench, CARET - 1)
    bench.edit(CARET - 1, CARET - 1, offered[:2])
    bench.at_forward(1, lambda: None)
    answer = complete(bench, CARET + 1)
    assert [item.text for item in answer.items] == [offered[2:]]
    assert answer.report["remembered"]


def test_cancelling_is_answered_once():
    bench = Bench(TEXT)
    token = CancelToken()
    bench.at_forward(3, token.cancel)
    assert complete(bench, CARET - 1, cancel=token).reason is Reason.CANCELLED
    token = CancelToken()
    token.cancel()
    assert complete(bench, CARET - 1, cancel=token).reason is Reason.CANCELLED


def test_the_deadline_is_answered_and_decoding_goes_on_for_type_through(offered):
    bench = Bench(TEXT)
    bench.at_forward(3, lambda: bench.clock.pass_(5))
    assert complete(bench, CARET - 1).reason is Reason.DEADLINE
    again = complete(bench, CARET - 1)
    assert [item.text for item in again.items] == [offered]
    assert again.report["remembered"]


def test_a_deadline_between_the_turns_of_others_is_answered_without_a_forward(offered):
    bench = Bench(TEXT)
    request = bench.request(CARET - 1)
    bench.engine.turn(0)
    forwards: list[int] = []
    bench.decoder.before = lambda: forwards.append(1)
    assert bench.engine.hear()
    assert not [event for event in bench.events if isinstance(event, Completed)]
    bench.clock.pass_(5)
    assert bench.engine.hear()
    assert bench.answer(request).reason is Reason.DEADLINE
    assert not forwards
    again = complete(bench, CARET - 1)  # the work went on from where it was
    assert [item.text for item in again.items] == [offered]


def test_reasons_that_need_no_work():
    bench = Bench(TEXT)
    stale = dataclasses.replace(bench.request(3), version=99, ticket=50)
    unknown = dataclasses.replace(stale, uri="file:///other", ticket=51)
    bench.work()
    bench.engine.post(stale)
    bench.engine.post(unknown)
    bench.work()
    assert bench.answer(stale).reason is Reason.STALE_VERSION
    assert bench.answer(unknown).reason is Reason.UNKNOWN_DOCUMENT
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, enable=False)))
    assert complete(bench, 3).reason is Reason.DISABLED
    assert [e.kind for e in bench.events if isinstance(e, StatusChanged)][-1] == "paused"


def test_a_caret_inside_a_word_is_no_place():
    assert complete(Bench(TEXT), CARET + 2).reason is Reason.WRONG_PLACE


def test_a_failing_forward_is_answered_and_the_next_request_works(offered):
    bench = Bench(TEXT)

    def fail() -> None:
        raise RuntimeError("out of memory")

    bench.at_forward(2, fail)
    assert complete(bench, CARET - 1).reason is Reason.MODEL_ERROR
    bench.at_forward(0, lambda: None)
    assert [item.text for item in complete(bench, CARET - 1).items] == [offered]


def test_a_version_gap_is_bridged_from_the_full_text():
    bench = Bench(TEXT)
    bench.edit(0, 3, "DEF", base=41)
    bench.work()
    bench.engine.post(DescribeDocument(9, URI))
    bench.work()
    described = bench.events[-1].description
    assert described["version"] == 2
    assert described["tokens"] == len(TEXT)


def test_a_selected_entry_is_continued_and_replaced():
    bench = Bench(TEXT)
    start = TEXT.index("area(3")
    answer = complete(bench, start + 2, selected=Selected(start, start + 4, "areas"))
    supposed = TEXT[:start] + "areas" + TEXT[start + 4 :]
    expected = complete_text(watched_model(), supposed, start + 5, settings=SETTINGS).text
    if expected:
        assert [(i.start, i.end, i.text) for i in answer.items] == [(start, start + 4, "areas" + expected)]
    bench.engine.post(DescribeDocument(9, URI))
    bench.work()
    assert bench.events[-1].description["characters"] == len(TEXT)


def test_a_rejected_text_counts_and_acceptance_too(offered):
    bench = Bench(TEXT)
    answer = complete(bench, CARET - 1)
    completion = answer.items[0].completion
    bench.engine.post(Feedback(URI, completion, "accepted"))
    bench.engine.post(DescribeEngine(77))
    bench.work()
    (described,) = [e for e in bench.events if isinstance(e, EngineDescribed)]
    assert described.statistics["acceptedCharacters"] == len(offered)
    assert described.statistics["answers"] == {"offered": 1}


def test_after_an_acceptance_the_next_answer_is_already_there(offered):
    bench = Bench(TEXT)
    answer = complete(bench, CARET - 1)
    taken = offered + "\n    x"
    bench.edit(CARET - 1, CARET - 1, taken)
    bench.engine.post(Feedback(URI, answer.items[0].completion, "accepted"))
    bench.work()
    caret = CARET - 1 + len(taken)
    expected = complete_text(watched_model(), str(bench.snapshot.text), caret, settings=SETTINGS).text
    assert expected, "choose another place: here the model has nothing to say"
    bench.at_forward(1, lambda: pytest.fail("the model was asked again"))
    following = complete(bench, caret)
    assert [item.text for item in following.items] == [expected]
    assert following.report["ahead"]


def test_shutdown_answers_what_waits():
    bench = Bench(TEXT)
    bench.engine.post(Shutdown())
    request = bench.request(3)
    assert bench.engine.turn(0) is False
    assert bench.answer(request).reason is Reason.SHUTTING_DOWN


def test_a_shutdown_ends_a_running_generation():
    bench = Bench(TEXT)
    bench.at_forward(3, lambda: bench.engine.post(Shutdown()))
    request = bench.request(CARET - 1)
    bench.work()
    assert bench.answer(request).reason is Reason.SHUTTING_DOWN


def test_the_thread_starts_answers_and_stops():
    events: list[Any] = []
    engine = Engine(SETTINGS, events.append, lambda *_: tiny_model(2))
    engine.start()
    engine.post(OpenDocument(Snapshot(URI, 1, Rope.of(TEXT), "")))
    engine.stop()
    assert not engine.running
