"""Whatever fails on the way to an answer: every request has one, and texts stay what the editor shows."""

from __future__ import annotations

import dataclasses
from itertools import count
from typing import Any

import pytest

from kvlsp.engine import completer
from kvlsp.engine.oneshot import complete_text
from kvlsp.messages import CancelToken, Completed, Configure, Selected
from kvlsp.reasons import Reason
from kvlsp.tokens.document import TokenizedText
from tests.support.engine_bench import CARET, SETTINGS, TEXT, Bench, complete, watched_model

PLACE = CARET - 1


class Panic(BaseException):
    """As a library in another language raises it."""


def panic(*_: Any, **__: Any) -> Any:
    raise Panic


def reasons(bench: Bench) -> list[Reason | None]:
    return [event.reason for event in bench.events if isinstance(event, Completed)]


def test_what_cannot_be_offered_at_the_deadline_is_an_answer_too(monkeypatch):
    bench = Bench(TEXT)
    bench.request(PLACE)
    bench.engine.turn(0)
    monkeypatch.setattr(completer, "from_job", panic)
    bench.clock.pass_(SETTINGS.deadline_ms / 1000)
    bench.engine.turn(0)
    assert reasons(bench) == [Reason.MODEL_ERROR]


def test_what_cannot_be_offered_to_one_is_told_to_all(monkeypatch):
    bench = Bench(TEXT)
    bench.request(PLACE)
    bench.request(PLACE)
    monkeypatch.setattr(completer, "from_job", panic)
    bench.work()
    assert reasons(bench) == [Reason.MODEL_ERROR, Reason.MODEL_ERROR]


def test_one_that_cannot_begin_again_under_other_settings_does_not_hold_up_the_next(monkeypatch):
    bench = Bench(TEXT)
    first, second = bench.request(PLACE), bench.request(PLACE)
    bench.engine.turn(0)
    calls, remembered = count(), completer.from_memory
    monkeypatch.setattr(completer, "from_memory", lambda *args: remembered(*args) if next(calls) else panic())
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, candidates=5)))
    bench.work()
    assert bench.answer(first).reason is Reason.MODEL_ERROR
    assert [item.text for item in bench.answer(second).items] == [
        complete_text(watched_model(), TEXT, PLACE, settings=SETTINGS).text]


@pytest.mark.parametrize("ended_by", ["an edit", "a failing forward"])
def test_a_supposed_entry_that_cannot_be_taken_back_costs_tokens_and_no_text(ended_by, monkeypatch):
    bench = Bench(TEXT)
    request = bench.request(PLACE, selected=Selected(PLACE - 2, PLACE, "supposed"))
    bench.engine.turn(0)
    with monkeypatch.context() as broken:
        broken.setattr(TokenizedText, "apply", panic)
        if ended_by == "an edit":
            bench.edit(0, 0, "#")
        else:
            bench.decoder.before = panic
        bench.engine.turn(0)
    bench.decoder.before = lambda: None
    text = str(bench.snapshot.text)
    assert bench.answer(request).reason is (Reason.SUPERSEDED if ended_by == "an edit" else Reason.MODEL_ERROR)
    assert str(bench.document.snapshot.text) == text
    expected = complete_text(watched_model(), text, PLACE, settings=SETTINGS).text
    assert [item.text for item in complete(bench, PLACE).items] == ([expected] if expected else [])
    assert str(bench.session.snapshot.text) == text


def test_forwards_of_a_cancelled_request_are_counted():
    bench = Bench(TEXT)
    token = CancelToken()
    request = bench.request(PLACE, cancel=token)
    bench.at_forward(4, token.cancel)
    bench.work()
    answer = bench.answer(request)
    assert answer.reason is Reason.CANCELLED
    assert answer.report["forwards"] > 1
