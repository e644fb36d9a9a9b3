"""One completion, whoever began it: what is typed along costs nothing, nobody waits for another's long prefill."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from kvlsp.config import Settings
from kvlsp.engine.oneshot import complete_text
from kvlsp.errors import TokenizationError
from kvlsp.messages import (
    Complete,
    Completed,
    DescribeDocument,
    DocumentDescribed,
    Feedback,
    Notice,
    OpenDocument,
    PrefillProgress,
)
from kvlsp.reasons import Reason
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.engine_bench import CARET, SETTINGS, TEXT, URI, Bench, complete, watched_model

AT = TEXT.index("width\n\n") - 2
"""Behind what the bench types here, the model offers ten characters."""


def offered(bench: Bench, offset: int) -> str:
    """What a fresh start offers."""
    return complete_text(watched_model(), str(bench.snapshot.text), offset, settings=SETTINGS).text


def typing_bench(settings: Settings = SETTINGS) -> tuple[Bench, str]:
    """An editor that asks by itself has typed a character behind which nothing is known; with what is offered there
    where there are tokens enough."""
    bench = Bench(TEXT, settings)
    bench.edit(AT, AT, "x")
    complete(bench, AT + 1)
    bench.edit(AT + 1, AT + 1, "(")
    text = offered(bench, AT + 2)
    assert len(text) >= 9, "choose another place: here the model has too little to say"
    return bench, text


def forwards_until(bench: Bench, number: int, action: Callable[[], None]) -> int:
    """Forwards until nothing is left to do at once; ``action`` happens before the one behind ``number``."""
    counted: list[int] = []

    def before() -> None:
        counted.append(1)
        if len(counted) == number + 1:
            action()

    bench.decoder.before = before
    bench.work()
    return len(counted)


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "begun ahead"])
@pytest.mark.parametrize("number", [3, 6, 10])
def test_a_key_that_agrees_costs_one_forward_whoever_began(number, asked):
    bench, text = typing_bench()
    if asked:
        bench.request(AT + 2)
    second: list[Complete] = []

    def type_along() -> None:
        bench.edit(AT + 2, AT + 2, text[0])
        second.append(bench.request(AT + 3))

    assert forwards_until(bench, number, type_along) <= 12
    answer = bench.answer(second[0])
    assert [item.text for item in answer.items] == [text[1:]]
    bench.session.cache.check_integrity()


def test_a_burst_of_agreeing_keys_is_one_generation():
    bench, text = typing_bench()
    last: list[Complete] = []
    forwards: list[int] = []
    bench.decoder.before = lambda: forwards.append(1)
    while len(forwards) < 2:
        bench.engine.turn(0)
    for typed in range(4):
        bench.engine.turn(0)  # two tokens of it, one key
        bench.engine.turn(0)
        bench.edit(AT + 2 + typed, AT + 2 + typed, text[typed])
        last.append(bench.request(AT + 3 + typed))
    bench.work()
    assert len(forwards) <= 12
    assert [bench.answer(request).reason for request in last[:-1]] == [Reason.SUPERSEDED] * 3
    assert [item.text for item in bench.answer(last[-1]).items] == [text[4:]]


def test_a_key_that_disagrees_ends_it_at_the_next_forward():
    bench, _ = typing_bench()
    request = bench.request(AT + 2)
    bench.at_forward(4, lambda: bench.edit(AT + 2, AT + 2, "#"))
    bench.work()
    assert bench.answer(request).reason is Reason.SUPERSEDED
    assert [item.text for item in complete(bench, AT + 3).items] == [offered(bench, AT + 3)]


def test_typing_all_of_it_asks_the_model_for_more():
    bench, text = typing_bench()
    bench.request(AT + 2)
    bench.work()
    bench.edit(AT + 2, AT + 2, text)
    answer = complete(bench, AT + 2 + len(text))
    more = offered(bench, AT + 2 + len(text))
    assert [item.text for item in answer.items] == ([more] if more else [])
    assert "remembered" not in answer.report


def test_who_types_along_and_waits_for_what_ends_in_nothing_is_offered_what_a_fresh_start_offers():
    few = dataclasses.replace(SETTINGS, max_tokens=8)
    bench, text = typing_bench(few)
    bench.request(AT + 2)
    while (job := bench.document.job) is None or len(job.text) < 3:
        bench.engine.turn(0)
    bench.edit(AT + 2, AT + 2, text[:3])
    both = [bench.request(AT + 5), bench.request(AT + 5)]
    bench.work()
    assert [[item.text for item in bench.answer(request).items] for request in both] == [[text[3:]]] * 2


def open_other(bench: Bench, text: str) -> str:
    uri = "file:///large.txt"
    bench.engine.post(OpenDocument(Snapshot(uri, 1, Rope.of(text), "")))
    return uri


def ask_in(bench: Bench, uri: str, offset: int) -> Complete:
    request = Complete(next(bench.tickets), uri, 1, offset, "automatic", bench.clock())
    bench.engine.post(request)
    return request


def answers(bench: Bench, request: Complete) -> list[Completed]:
    return [e for e in bench.events if isinstance(e, Completed) and e.ticket == request.ticket]


def test_nobody_waits_for_the_prefill_of_another_document():
    bench = Bench(TEXT)
    uri = open_other(bench, "value = compute(limit)\n" * 40)
    large = ask_in(bench, uri, 23 * 20)
    bench.engine.turn(0)
    bench.engine.turn(0)
    small = bench.request(CARET - 1)
    turns = 0
    while not answers(bench, small):
        bench.engine.turn(0)
        turns += 1
    assert not answers(bench, large), "the large one was first to come and needs many more rows"
    assert turns <= 2 + SETTINGS.max_tokens
    bench.work()
    assert len(answers(bench, large)) == 1


def test_a_question_is_answered_between_two_forwards_of_a_prefill():
    bench = Bench(TEXT)
    uri = open_other(bench, "value = compute(limit)\n" * 40)
    large = ask_in(bench, uri, 23 * 20)
    bench.engine.turn(0)
    bench.engine.post(DescribeDocument(7, uri))
    bench.engine.turn(0)
    (described,) = [e for e in bench.events if isinstance(e, DocumentDescribed)]
    assert not answers(bench, large)
    assert 0 < described.description["cachedTokens"] < described.description["tokens"]


def test_a_panic_ends_neither_the_engine_nor_another_document(monkeypatch):
    class Panic(BaseException):
        """As a library in another language raises it."""

    bench = Bench(TEXT)

    def panic() -> None:
        raise Panic

    bench.at_forward(2, panic)
    assert complete(bench, CARET - 1).reason is Reason.MODEL_ERROR
    bench.at_forward(0, lambda: None)
    assert [item.text for item in complete(bench, CARET - 1).items] == [
        complete_text(watched_model(), TEXT, CARET - 1, settings=SETTINGS).text]


def test_a_text_that_cannot_be_followed_is_kept_and_tokenized_again():
    bench = Bench(TEXT)
    complete(bench, CARET - 1)
    session = bench.session
    session.token_edits.append(lambda edit: 1 / 0)
    bench.edit(0, 0, "import os\n")
    bench.work()
    assert str(bench.document.snapshot.text) == "import os\n" + TEXT
    answer = complete(bench, CARET + 9)
    expected = complete_text(watched_model(), "import os\n" + TEXT, CARET + 9, settings=SETTINGS)
    assert [item.text for item in answer.items] == ([expected.text] if expected.text else [])


def test_each_candidate_has_a_number_of_its_own():
    bench = Bench(TEXT, dataclasses.replace(SETTINGS, candidates=3))
    request = Complete(next(bench.tickets), URI, 1, CARET - 1, "invoked", bench.clock())
    bench.engine.post(request)
    bench.work()
    numbers = [item.completion for item in bench.answer(request).items]
    assert len(numbers) > 1
    assert len(set(numbers)) == len(numbers)


def test_a_large_prefill_that_somebody_waits_for_is_told_to_its_end():
    text = "value = compute(limit)\n" * 60
    bench = Bench("", dataclasses.replace(SETTINGS, full_prefill=True))
    bench.edit(0, 0, text)
    complete(bench, 23 * 30)
    told = [event for event in bench.events if isinstance(event, PrefillProgress)]
    assert len(told) > 2
    assert told[0].done < told[0].total == told[-1].total == told[-1].done


def test_a_text_that_the_tokenizer_gives_up_on_is_an_error_of_that_document_alone(monkeypatch):
    bench = Bench(TEXT)

    def gives_up(*_: object, **__: object) -> None:
        raise TokenizationError("The tokenizer of this model gives up on a part of this text.")

    with monkeypatch.context() as broken:
        broken.setattr(bench.session.tokens, "apply", gives_up)
        bench.edit(0, 0, "x")
        bench.edit(0, 0, "y")
        bench.work()
    assert [event for event in bench.events if isinstance(event, Notice)] == [
        Notice("The tokenizer of this model gives up on a part of this text.")]
    assert not [event for event in bench.events if getattr(event, "kind", "") == "error"]
    assert complete(bench, CARET + 1).reason is not Reason.MODEL_ERROR


def test_the_second_candidate_is_turned_down_and_the_first_is_not():
    bench = Bench(TEXT, dataclasses.replace(SETTINGS, candidates=3))
    request = Complete(next(bench.tickets), URI, 1, CARET - 1, "invoked", bench.clock())
    bench.engine.post(request)
    bench.work()
    first, second, *_ = bench.answer(request).items
    bench.engine.post(Feedback(URI, second.completion, "rejected"))
    answer = complete(bench, CARET - 1)
    assert [item.text for item in answer.items] == [first.text]
    bench.engine.post(Feedback(URI, answer.items[0].completion, "rejected"))
    assert complete(bench, CARET - 1).reason is Reason.REJECTED_BEFORE


@pytest.mark.parametrize("asked", [True, False])
def test_a_document_that_cannot_be_tokenized_at_all_ends_nothing(asked, monkeypatch):
    bench = Bench(TEXT)

    def gives_up(*_: object, **__: object) -> None:
        raise TokenizationError("The tokenizer of this model gives up on a part of this text.")

    with monkeypatch.context() as broken:
        broken.setattr("kvlsp.engine.document_text.TokenizedText.of", gives_up)
        uri = open_other(bench, "x = 1\n")
        request = ask_in(bench, uri, 5) if asked else None
        bench.engine.turn(0)
        assert bench.engine.patience() is None
        bench.engine.turn(0)
    if request is not None:
        assert [answer.reason for answer in answers(bench, request)] == [Reason.MODEL_ERROR]
    assert len([event for event in bench.events if isinstance(event, Notice)]) == 1
    assert complete(bench, CARET - 1).items
