"""Long documents: their tokens come in pieces between messages, and a request waits for them no longer than it may."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from kvlsp.engine.oneshot import complete_text
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.oracle import token_mismatches
from kvlsp.messages import (
    CancelToken,
    CloseDocument,
    Complete,
    Completed,
    Configure,
    DescribeDocument,
    EditDocument,
    OpenDocument,
    Shutdown,
)
from kvlsp.reasons import Reason
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.document import TokenizedText
from tests.support.engine_bench import CARET, SETTINGS, TEXT, URI, Bench, watched_model

LONG = "file:///long.txt"
BODY = TEXT * 12
PIECE = 100


def expected(text: str, offset: int) -> list[str]:
    """The answer of a fresh start."""
    found = complete_text(watched_model(), text, offset, settings=SETTINGS).text
    assert found, "choose another place: here the model has nothing to say"
    return [found]


class Reader(Bench):
    """A short document that the user is in, and a long one that was just opened; tokens come in pieces of 100."""

    def __init__(self) -> None:
        super().__init__(TEXT)
        self.engine.documents.piece = PIECE
        self.long = Snapshot(LONG, 1, Rope.of(BODY), "")
        self.engine.post(OpenDocument(self.long))
        self.engine.turn(0)

    def ask(self, offset: int, **changes: Any) -> Complete:
        """A request in the long document."""
        request = Complete(next(self.tickets), LONG, self.long.version, offset, "automatic", self.clock(), **changes)
        self.engine.post(request)
        return request

    def change(self, edit: Edit) -> None:
        """The long document is edited."""
        after = Snapshot(LONG, self.long.version + 1, self.long.text.replace(edit), "")
        self.engine.post(EditDocument(LONG, self.long.version, (Change(edit, after.text),), after))
        self.long = after

    @property
    def session(self) -> Session | None:
        desk = self.engine.documents.get(LONG)
        return desk.session if desk is not None else None

    def offered_at_rest(self, offset: int) -> list[str]:
        """What is offered once all is read and laid out, with nothing remembered."""
        self.rest()
        self.engine.post(Configure(dataclasses.replace(SETTINGS, idle_ms=SETTINGS.idle_ms + 1)))
        request = self.ask(offset)
        self.work()
        return [item.text for item in self.answers(request)[0].items]

    def answers(self, request: Complete) -> list[Completed]:
        return [e for e in self.events if isinstance(e, Completed) and e.ticket == request.ticket]


@pytest.fixture
def tokenized(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Characters that each call of the tokenizer got, in order."""
    lengths: list[int] = []
    whole, apply = TokenizedText.__init__, TokenizedText.apply

    def counted_whole(self: TokenizedText, tokenizer: Any, text: Rope, most: int | None = None) -> None:
        lengths.append(len(text))
        whole(self, tokenizer, text, most)

    def counted_apply(self: TokenizedText, edit: Edit, after: Rope) -> Any:
        lengths.append(len(edit.text))
        return apply(self, edit, after)

    monkeypatch.setattr(TokenizedText, "__init__", counted_whole)
    monkeypatch.setattr(TokenizedText, "apply", counted_apply)
    return lengths


def test_other_documents_are_served_between_two_pieces(tokenized: list[int]) -> None:
    bench = Reader()
    request = bench.ask(len(BODY) - 1)
    served = 0
    while not bench.answers(request):
        before = len(tokenized)
        bench.engine.turn(0)
        assert sum(tokenized[before:]) <= PIECE
        if bench.session is not None and bench.session.behind and served < 3:
            other, pieces = bench.request(CARET - 1 - served), len(tokenized)
            while not [e for e in bench.events if isinstance(e, Completed) and e.ticket == other.ticket]:
                bench.engine.turn(0)  # the very next turns are its
            assert len(tokenized) <= pieces + 1
            assert bench.answer(other).reason is not Reason.DEADLINE
            served += 1
    assert served == 3
    assert sum(tokenized) >= len(BODY)
    bench.ask(5)  # the user is here
    assert bench.offered_at_rest(len(BODY) - 1) == expected(BODY, len(BODY) - 1)


def test_what_nobody_asks_for_is_read_at_rest_and_settled() -> None:
    bench = Reader()
    turns = 0
    while bench.engine.patience() == 0:
        bench.engine.turn(0)
        turns += 1
    assert turns > len(BODY) / PIECE
    assert bench.session is not None
    assert not bench.session.behind
    assert len(bench.session.cache.rows) > 0
    assert token_mismatches(bench.session, 0) == 0
    drafter = bench.engine.documents.get(LONG).drafter
    assert drafter.size >= len(bench.session.tokens)


def test_a_request_is_answered_at_its_deadline_and_reading_goes_on() -> None:
    bench = Reader()
    request = bench.ask(len(BODY) - 1)
    for _ in range(3):
        bench.engine.turn(0)
    assert not bench.answers(request)
    bench.clock.pass_(5)
    bench.engine.turn(0)
    (answer,) = bench.answers(request)
    assert answer.reason is Reason.DEADLINE
    assert 0 < answer.report["unread"] < len(BODY)
    assert bench.offered_at_rest(len(BODY) - 1) == expected(BODY, len(BODY) - 1)


def test_edits_of_a_text_that_is_being_read_are_followed_in_order() -> None:
    bench = Reader()
    for number in range(6):
        bench.engine.turn(0)
        size = len(bench.long.text)
        bench.change(Edit(number * 7, number * 7 + 3, "new\n"))  # read already
        bench.change(Edit(size - 9, size - 5, "x"))  # not read yet
        bench.change(Edit(size // 2, size // 2, TEXT * 3))  # itself longer than a piece
        bench.engine.turn(0)
    bench.work()
    text = str(bench.long.text)
    assert bench.session is not None
    assert str(bench.session.tokens.text) == text
    assert bench.session.tokens.ids.tolist() == TokenizedText.of(bench.model.tokenizer, Rope.of(text)).ids.tolist()
    assert bench.offered_at_rest(len(text) - 1) == expected(text, len(text) - 1)


def test_a_text_that_is_replaced_as_a_whole_is_read_in_pieces(tokenized: list[int]) -> None:
    bench = Reader()
    bench.work()
    other = "".join(f"name_{number} = {number}\n" for number in range(80))
    bench.change(Edit(0, len(BODY), other))
    request = bench.ask(len(other) - 1)
    held = 0
    while not bench.answers(request):
        before = len(tokenized)
        bench.engine.turn(0)
        assert sum(tokenized[before:]) <= 2 * PIECE  # lines that both have in common may part it
        held += bench.session is not None and bench.session.behind > 0
    assert held > 3
    assert bench.offered_at_rest(len(other) - 1) == expected(other, len(other) - 1)


def test_who_waits_is_told_what_has_become_of_the_document() -> None:
    token = CancelToken()
    cases = {
        "cancelled": (Reason.CANCELLED, lambda bench: token.cancel()),
        "edited": (Reason.SUPERSEDED, lambda bench: bench.change(Edit(0, 0, "x"))),
        "closed": (Reason.SUPERSEDED, lambda bench: bench.engine.post(CloseDocument(LONG))),
        "asked elsewhere": (Reason.SUPERSEDED, lambda bench: bench.ask(5)),
        "the end": (Reason.SHUTTING_DOWN, lambda bench: bench.engine.post(Shutdown())),
    }
    for reason, happens in cases.values():
        bench = Reader()
        request = bench.ask(len(BODY) - 1, cancel=token if reason is Reason.CANCELLED else CancelToken())
        bench.engine.turn(0)
        bench.engine.turn(0)
        assert not bench.answers(request)
        happens(bench)
        bench.engine.turn(0)
        assert [answer.reason for answer in bench.answers(request)] == [reason]


def test_two_requests_for_one_place_both_wait() -> None:
    bench = Reader()
    list_, ghost = bench.ask(len(BODY) - 1), bench.ask(len(BODY) - 1)
    bench.work()
    first, second = (bench.answers(request)[0].items for request in (list_, ghost))
    assert [item.text for item in first] == [item.text for item in second]
    assert bench.offered_at_rest(len(BODY) - 1) == expected(BODY, len(BODY) - 1)


def test_a_piece_that_fails_is_told_to_who_waits_and_the_text_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Reader()
    request = bench.ask(len(BODY) - 1)
    bench.engine.turn(0)
    bench.engine.turn(0)
    with monkeypatch.context() as broken:
        broken.setattr(TokenizedText, "apply", lambda *_: 1 / 0)
        bench.engine.turn(0)
    assert [answer.reason for answer in bench.answers(request)] == [Reason.MODEL_ERROR]
    assert bench.engine.patience() is None  # not tried again and again
    bench.ask(5)
    assert bench.offered_at_rest(len(BODY) - 1) == expected(BODY, len(BODY) - 1)


def test_a_selected_entry_longer_than_a_piece_is_supposed_at_once() -> None:
    bench = Reader()
    bench.work()
    session = bench.session
    assert session is not None
    session.replace(4, 8, "y" * 3 * PIECE)
    assert not session.behind
    assert str(session.tokens.text) == BODY[:4] + "y" * 3 * PIECE + BODY[8:]


def test_a_document_that_is_being_read_can_be_described() -> None:
    bench = Reader()
    bench.engine.turn(0)
    bench.engine.post(DescribeDocument(9, LONG))
    bench.engine.turn(0)
    assert bench.events[-1].description["characters"] == len(BODY)
    assert 0 < bench.events[-1].description["tokens"] < len(BODY)
    bench.engine.post(DescribeDocument(10, URI))
    bench.engine.turn(0)
    assert bench.events[-1].description["tokens"] == len(TEXT)


def test_what_is_read_while_a_completion_is_under_way_is_looked_at_again() -> None:
    """Tokens next to a piece may change when it is read, so that the layout that was prepared is not today's."""
    bench = Reader()
    bench.change(Edit(0, 0, BODY * 12))
    bench.ask(len(BODY) - 1)
    bench.engine.turn(0)
    document = bench.engine.documents.get(LONG)
    assert document is not None
    while document.job is None or document.job.repaired is None:
        bench.engine.turn(0)
    assert document.synced
    assert document.session is not None
    assert document.session.behind
    bench.clock.pass_(SETTINGS.deadline_ms / 1000)
    while document.session.behind:
        bench.engine.turn(0)
    assert document.completing
    bench.engine.turn(0)
    assert not document.synced
    bench.rest()
    assert document.synced
