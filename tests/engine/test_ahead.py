"""Work begun before the editor asks: taken over by its request, ended by anything else, never a different answer."""

from __future__ import annotations

import dataclasses

import pytest

from kvlsp.engine.document_state import UNASKED
from kvlsp.engine.oneshot import complete_text
from kvlsp.messages import (
    CloseDocument,
    Complete,
    Configure,
    DescribeDocument,
    Feedback,
    OpenDocument,
    PlaceContext,
)
from kvlsp.reasons import Reason
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.engine_bench import CARET, SETTINGS, TEXT, URI, Bench, complete, watched_model

AT = CARET - 1


def asked(settings=SETTINGS) -> Bench:
    """An editor that asks by itself, at the end of what was typed, has just done so."""
    bench = Bench(TEXT, settings)
    bench.edit(AT, AT, "x")
    complete(bench, AT + 1)
    return bench


def expected_at(bench: Bench, offset: int) -> list[str]:
    text = complete_text(watched_model(), str(bench.snapshot.text), offset, settings=SETTINGS).text
    assert text, "choose another place: here the model has nothing to say"
    return [text]


def cache_of(bench: Bench):
    return bench.session.cache


def count_forwards(bench: Bench) -> list[int]:
    counted: list[int] = []
    bench.decoder.before = lambda: counted.append(1)
    return counted


def test_what_follows_an_edit_is_ready_when_it_is_asked_for():
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.work()
    forwards = count_forwards(bench)
    answer = complete(bench, AT + 2)
    assert not forwards
    assert [item.text for item in answer.items] == expected_at(bench, AT + 2)
    assert answer.report["ahead"]
    cache_of(bench).check_integrity()


@pytest.mark.parametrize("number", range(1, 8))
def test_a_request_takes_over_what_is_under_way(number):
    """Wherever it comes, the answer is the one of a request without anything begun, and nothing is done twice."""
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    requests = []
    bench.at_forward(number, lambda: requests.append(bench.request(AT + 2)))
    bench.work()
    answer = bench.answer(requests[0])
    assert [item.text for item in answer.items] == expected_at(bench, AT + 2)
    assert answer.report["ahead"]
    cache_of(bench).check_integrity()


@pytest.mark.parametrize("message", [DescribeDocument(5, URI), PlaceContext("file:///other", ())],
                         ids=lambda message: type(message).__name__)
def test_what_touches_no_text_and_no_cache_does_not_end_it(message):
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.at_forward(3, lambda: bench.engine.post(message))
    bench.work()
    assert complete(bench, AT + 2).report["ahead"]


def test_an_edit_ends_it_and_what_was_finished_is_remembered():
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.work()
    (text,) = expected_at(bench, AT + 2)
    bench.edit(AT + 2, AT + 2, text[0])
    forwards = count_forwards(bench)
    answer = complete(bench, AT + 3)
    assert len(forwards) <= 1  # to settle
    assert [item.text for item in answer.items] == [text[1:]]
    assert answer.report["remembered"]


@pytest.mark.parametrize("number", range(2, 6))
def test_an_edit_between_two_forwards_leaves_nothing_behind(number):
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.at_forward(number, lambda: bench.edit(AT + 2, AT + 2, "#"))
    bench.work()
    cache_of(bench).check_integrity()
    assert [item.text for item in complete(bench, AT + 3).items] == expected_at(bench, AT + 3)
    cache_of(bench).check_integrity()


@pytest.mark.parametrize("message", [
    CloseDocument(URI),
    OpenDocument(Snapshot(URI, 1, Rope.of("print("), "")),
    OpenDocument(Snapshot("file:///other.txt", 1, Rope.of("print("), "")),
    Configure(dataclasses.replace(SETTINGS, max_tokens=20)),
    Configure(dataclasses.replace(SETTINGS, enable=False)),
], ids=lambda message: type(message).__name__)
def test_whatever_touches_texts_or_caches_ends_it(message):
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.at_forward(3, lambda: bench.engine.post(message))
    bench.work()
    for document in bench.engine.documents:
        assert not document.completing
        assert document.job is None or document.snapshot.uri == URI
        if document.session is not None:
            document.session.cache.check_integrity()


def test_another_place_is_asked_for():
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.at_forward(3, lambda: bench.request(10))
    bench.work()
    cache_of(bench).check_integrity()
    assert [item.text for item in complete(bench, AT + 2).items] == expected_at(bench, AT + 2)


def test_an_explicit_request_is_not_answered_by_it():
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.work()
    request = Complete(99, URI, bench.snapshot.version, AT + 2, "invoked", bench.clock())
    bench.engine.post(request)
    bench.work()
    assert "ahead" not in bench.answer(request).report
    cache_of(bench).check_integrity()


def test_a_confidence_too_low_counts_as_ever():
    bench = asked(dataclasses.replace(SETTINGS, confidence=0.99))
    bench.edit(AT + 1, AT + 1, "(")
    bench.work()
    answer = complete(bench, AT + 2)
    assert answer.report["ahead"]
    assert answer.reason is Reason.LOW_CONFIDENCE


def test_an_editor_that_does_not_ask_costs_nothing():
    bench = asked()
    for number in range(UNASKED - 1):
        bench.edit(AT + 1 + number, AT + 1 + number, "y")
        bench.work()
        assert bench.document.job is not None
    bench.edit(AT, AT, "z")
    bench.work()
    assert bench.document.job is None


def test_an_editor_that_never_asked_costs_nothing():
    bench = Bench(TEXT)
    bench.edit(AT, AT, "x")
    forwards = count_forwards(bench)
    bench.work()
    assert len(forwards) == 1  # it settles
    assert bench.document.job is None


def test_it_can_be_switched_off():
    bench = asked(dataclasses.replace(SETTINGS, ahead=False))
    bench.edit(AT + 1, AT + 1, "(")
    bench.work()
    assert bench.document.job is None


def test_inside_brackets_that_the_editor_closed():
    bench = asked()
    bench.edit(AT + 1, AT + 1, "()")
    bench.work()
    assert complete(bench, AT + 2).report["ahead"]


def test_a_model_that_fails_takes_nothing_with_it():
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")

    def fail():
        raise RuntimeError("out of luck")

    bench.at_forward(3, fail)
    bench.work()
    assert not bench.document.completing
    bench.engine.post(DescribeDocument(5, URI))
    bench.work()
    assert len(cache_of(bench).rows) > 0  # settled again, as soon as something happened
    assert [item.text for item in complete(bench, AT + 2).items] == expected_at(bench, AT + 2)


@pytest.mark.parametrize("number", range(1, 12))
def test_an_acceptance_told_behind_its_edit_begins_nothing_twice(number):
    bench = Bench(TEXT)
    bench.edit(AT, AT, "x")
    accepted = complete(bench, AT + 1).items[0]
    bench.edit(AT + 1, AT + 1, "(")
    bench.at_forward(number, lambda: bench.engine.post(Feedback(URI, accepted.completion, "accepted")))
    bench.work()
    forwards = count_forwards(bench)
    bench.engine.post(Feedback(URI, accepted.completion, "accepted"))
    bench.work()
    assert not forwards
    (text,) = expected_at(bench, AT + 2)
    bench.edit(AT + 2, AT + 2, text[0])
    bench.work()
    cache_of(bench).check_integrity()
    assert not [event for event in bench.events if getattr(event, "kind", "") == "error"]
    assert complete(bench, AT + 3).items[0].text == text[1:]


def test_what_the_model_is_not_sure_of_is_not_offered_from_memory_either():
    bench = asked(dataclasses.replace(SETTINGS, confidence=0.99))
    bench.edit(AT + 1, AT + 1, "(")
    bench.work()
    (text,) = expected_at(bench, AT + 2)
    assert complete(bench, AT + 2).reason is Reason.LOW_CONFIDENCE
    forwards = count_forwards(bench)
    assert complete(bench, AT + 2).reason is Reason.LOW_CONFIDENCE
    assert not forwards
    bench.edit(AT + 2, AT + 2, text[0])
    bench.work()
    assert complete(bench, AT + 3).reason is Reason.LOW_CONFIDENCE


def test_what_was_turned_down_is_not_offered_from_memory_either():
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.work()
    item = complete(bench, AT + 2).items[0]
    bench.engine.post(Feedback(URI, item.completion, "rejected"))
    bench.edit(AT + 2, AT + 2, item.text[0])
    bench.work()
    bench.edit(AT + 3, AT + 3, item.text[1])
    bench.work()
    assert complete(bench, AT + 4).reason is Reason.REJECTED_BEFORE


def test_what_was_made_under_other_settings_is_no_answer():
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.work()
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, max_tokens=2)))
    bench.work()
    report = complete(bench, AT + 2).report
    assert report["generated"] <= 2


def test_an_acceptance_without_rows_begins_nothing():
    bench = Bench(TEXT)
    bench.edit(AT, AT, "x")
    accepted = complete(bench, AT + 1).items[0]
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, max_tokens=20)))
    bench.engine.post(Feedback(URI, accepted.completion, "accepted"))
    bench.work()
    assert bench.document.job is None


def test_a_slow_model_does_not_keep_other_work_waiting():
    """What nobody has asked for within the time of an answer is given up."""
    bench = asked()
    bench.edit(AT + 1, AT + 1, "(")
    bench.at_forward(3, lambda: bench.clock.pass_(1.0))
    bench.work()
    assert bench.document.job is None
    cache_of(bench).check_integrity()
    assert [item.text for item in complete(bench, AT + 2).items] == expected_at(bench, AT + 2)


def test_every_draw_has_a_seed_of_its_own():
    bench = asked(dataclasses.replace(SETTINGS, temperature=1.0))
    seeds = []
    for number in range(4):
        bench.edit(AT + 1 + number, AT + 1 + number, "(")
        bench.work()
        seeds.append(bench.document.job.seed)
    assert len(set(seeds)) == 4
