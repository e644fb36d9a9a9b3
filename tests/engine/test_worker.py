"""The worker, turned by hand: a manual clock, no thread, messages that arrive between two forwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from kvlsp.completion.reasons import Reason
from kvlsp.config import Settings
from kvlsp.engine.messages import (
    CancelToken,
    CloseDocument,
    Complete,
    Completed,
    Configure,
    DescribeDocument,
    DescribeEngine,
    DocumentDescribed,
    EditDocument,
    EngineDescribed,
    Feedback,
    OpenDocument,
    Selected,
    Shutdown,
    StatusChanged,
)
from kvlsp.engine.model import Model
from kvlsp.engine.oneshot import complete_text
from kvlsp.engine.worker import Engine
from kvlsp.errors import ModelNotFound
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.clock import ManualClock
from tests.support.models import tiny_model
from tests.support.writing import writing_model

URI = "file:///memory.txt"
SETTINGS = Settings(max_tokens=30, multi_line="never", drafts=False, cross_file="always")


def watched_model() -> Model:
    return writing_model(1, b"abcdefghijklmnopqrstuvwxyz_(), =.0123456789", line=25)


class Bench:
    """An engine, its document, and what came out of it."""

    def __init__(self, text: str = "", settings: Settings = SETTINGS, load: Any = None) -> None:
        self.events: list[Any] = []
        self.clock = ManualClock()
        self.model = watched_model()
        self.decoder: Any = self.model.decoder
        self.settings = settings
        self.engine = Engine(settings, self.events.append, load or (lambda *_: self.model), self.clock)
        self.engine.load()
        self.tickets = count(1)
        self.snapshot = Snapshot(URI, 1, Rope.of(text), "")
        self.engine.turn(None)  # the loading thread reports
        self.engine.post(OpenDocument(self.snapshot))
        self.work()

    def work(self) -> None:
        """Everything that waits, and what can be done at once."""
        while self.engine.turn(0) and (self.engine._inbox or self.engine._patience() == 0):
            pass

    def edit(self, start: int, end: int, text: str, *, base: int | None = None) -> EditDocument:
        version = self.snapshot.version
        after = self.snapshot.text.replace(Edit(start, end, text))
        self.snapshot = Snapshot(URI, version + 1, after, "")
        message = EditDocument(URI, version if base is None else base, (Change(Edit(start, end, text), after),),
                               self.snapshot)
        self.engine.post(message)
        return message

    def request(self, offset: int, **changes: Any) -> Complete:
        request = Complete(next(self.tickets), URI, self.snapshot.version, offset, "automatic", self.clock(),
                           **changes)
        self.engine.post(request)
        return request

    def at_forward(self, number: int, action: Callable[[], Any]) -> None:
        """``action`` happens just before the forward with this number, counted from now."""
        forwards = count(1)

        def before() -> None:
            if next(forwards) == number:
                action()

        self.decoder.before = before

    def answer(self, request: Complete) -> Completed:
        (answer,) = [e for e in self.events if isinstance(e, Completed) and e.ticket == request.ticket]
        return answer


def complete(bench: Bench, offset: int, **changes: Any) -> Completed:
    request = bench.request(offset, **changes)
    bench.work()
    return bench.answer(request)


TEXT = "def area(width, height):\n    return width\n\nprint(area(3, 4))\n"
CARET = TEXT.index("width\n\n")


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
    bench.clock.pass_(1)
    while bench.engine._patience() is not None:
        bench.engine.turn(0)  # refreshed to exactness
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
    assert 0 < bench.engine._patience() <= 0.15
    bench.clock.pass_(0.2)
    turns = 0
    while bench.engine._patience() is not None:
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
    assert second.report["remembered"]


def test_typing_through_an_answer_needs_no_model(offered):
    bench = Bench(TEXT)
    complete(bench, CARET - 1)
    bench.edit(CARET - 1, CARET - 1, offered[:2])
    bench.at_forward(1, lambda: None)
    answer = complete(bench, CARET + 1)
    assert [item.text for item in answer.items] == [offered[2:]]
    assert answer.report["remembered"]


def test_another_model_does_not_offer_what_the_last_one_said(offered):
    bench = Bench(TEXT)
    complete(bench, CARET - 1)
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, model="another")))
    bench.engine.turn(0)
    while bench.engine._model is None:
        bench.engine.turn(None)  # until the loading thread has reported
    answer = complete(bench, CARET - 1)
    assert [item.text for item in answer.items] == [offered]
    assert "remembered" not in answer.report


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


def test_without_a_model_edits_are_followed_and_requests_say_why():
    def load(*_: Any) -> Any:
        raise ModelNotFound("There is no model at nowhere.")

    bench = Bench(TEXT, load=load)
    assert complete(bench, 3).reason is Reason.NOT_READY
    bench.edit(0, 0, "x")
    bench.engine.post(DescribeDocument(9, URI))
    bench.work()
    (described,) = [e for e in bench.events if isinstance(e, DocumentDescribed)]
    assert described.description["version"] == 2
    assert StatusChanged("error", "There is no model at nowhere.") in bench.events


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
    assert following.report["remembered"]


def test_closing_forgets_and_the_bound_evicts_others():
    bench = Bench(TEXT)
    other = Snapshot("file:///other.txt", 1, Rope.of(TEXT * 4), "")
    bench.engine._desks.bound = 512 * bench.model.decoder.bytes_per_slot
    bench.engine.post(OpenDocument(other))
    bench.work()
    held = {desk.snapshot.uri: desk.session.cache.nbytes for desk in bench.engine._desks}
    assert held[URI] == 0
    assert held["file:///other.txt"] > 0
    bench.engine.post(CloseDocument(URI))
    bench.work()
    assert complete(bench, 1).reason is Reason.UNKNOWN_DOCUMENT


def test_two_hundred_documents_stay_within_the_bound_and_the_active_one_is_kept():
    bench = Bench(TEXT)
    bound = 3 * 512 * bench.model.decoder.bytes_per_slot
    bench.engine._desks.bound = bound
    for number in range(200):
        uri = f"file:///{number}.txt"
        bench.engine.post(OpenDocument(Snapshot(uri, 1, Rope.of(TEXT + str(number)), "")))
        bench.work()
        bench.clock.pass_(1)
        held = {desk.snapshot.uri: desk.session.cache.nbytes for desk in bench.engine._desks if desk.session}
        assert sum(held.values()) <= bound
        assert held[uri] > 0
    bench.engine.post(DescribeDocument(5, "file:///3.txt"))
    bench.work()
    assert bench.events[-1].description["tokens"] == len(TEXT) + 1  # its tokens are kept: coming back is one prefill
    assert bench.events[-1].description["cachedTokens"] == 0


def test_a_document_that_does_not_fit_is_reported_once_and_the_daemon_sleeps():
    bench = Bench(TEXT)
    bench.engine._desks.bound = 1
    bench.engine.post(OpenDocument(Snapshot("file:///large.txt", 1, Rope.of(TEXT), "")))
    for _ in range(10):
        if bench.engine._patience() is None and not bench.engine._inbox:
            break
        bench.engine.turn(0)
    errors = [e for e in bench.events if isinstance(e, StatusChanged) and e.kind == "error"]
    assert len(errors) == 1
    assert "kvlsp.cacheMib" in errors[0].message


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
    bench.engine.turn(0)
    assert bench.answer(request).reason is Reason.SHUTTING_DOWN


def test_the_thread_starts_answers_and_stops():
    events: list[Any] = []
    engine = Engine(SETTINGS, events.append, lambda *_: tiny_model(2))
    engine.start()
    engine.post(OpenDocument(Snapshot(URI, 1, Rope.of(TEXT), "")))
    engine.stop()
    assert not engine._thread.is_alive()
