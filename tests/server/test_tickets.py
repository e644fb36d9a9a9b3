"""One ticket, one answer, one reason."""

from __future__ import annotations

from typing import Any

import pytest

from kvlsp.messages import Completed, Reason
from kvlsp.server.answers import CANCELLED, INTERNAL_ERROR, Answer, Outcome, Refusal, Result
from kvlsp.server.tickets import Ticket, Tickets
from tests.support.conversation import ManualLoop


def as_it_is(event: Completed) -> tuple[Outcome, Reason | None]:
    return Result(len(event.items)), event.reason


class Desk:
    """Tickets and what was answered."""

    def __init__(self) -> None:
        self.loop = ManualLoop()
        self.tickets = Tickets(self.loop.call_later)
        self.outcomes: dict[int, list[Outcome]] = {}

    def issue(self, uri: str | None = "a", kind: str = "") -> Ticket:
        ticket = self.tickets.issue(as_it_is, 10.0, uri, kind)
        ticket.answer.deliver_to(self.outcomes.setdefault(ticket.number, []).append)
        return ticket

    def codes(self, ticket: Ticket) -> list[Any]:
        return [o.code if isinstance(o, Refusal) else o.value for o in self.outcomes[ticket.number]]


def empty(ticket: Ticket, reason: Reason) -> Completed:
    return Completed(ticket.number, (), reason, {})


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_engine_answers(desk):
    ticket = desk.issue()
    desk.tickets.settle(empty(ticket, Reason.NOTHING_TO_SAY))
    assert desk.codes(ticket) == [0]
    assert desk.tickets.empty == {"nothing_to_say": 1}
    assert len(desk.tickets) == 0
    desk.loop.advance(100)
    assert desk.codes(ticket) == [0]


def test_a_second_answer_is_late(desk):
    ticket = desk.issue()
    desk.tickets.settle(empty(ticket, Reason.NOTHING_TO_SAY))
    desk.tickets.settle(empty(ticket, Reason.DEADLINE))
    assert desk.codes(ticket) == [0]
    assert (desk.tickets.late, desk.tickets.empty) == (1, {"nothing_to_say": 1})


def test_a_cancelled_request_is_answered_at_once_and_its_work_is_told_to_stop(desk):
    ticket = desk.issue()
    ticket.answer.cancel()
    assert ticket.cancel.cancelled
    assert desk.codes(ticket) == [CANCELLED]
    desk.tickets.settle(empty(ticket, Reason.CANCELLED))
    assert desk.codes(ticket) == [CANCELLED]
    assert desk.tickets.empty == {"cancelled": 1}


def test_a_newer_request_answers_the_older_one_but_does_not_stop_its_work(desk):
    old, other = desk.issue("a"), desk.issue("b")
    desk.tickets.supersede("a")
    assert desk.codes(old) == [CANCELLED]
    assert not old.cancel.cancelled
    assert desk.codes(other) == []
    assert desk.tickets.empty == {"superseded": 1}


def test_requests_of_different_kinds_do_not_supersede_each_other(desk):
    ghost, entry = desk.issue("a", "inline"), desk.issue("a", "list")
    desk.tickets.supersede("a", "inline")
    assert desk.codes(ghost) == [CANCELLED]
    assert desk.codes(entry) == []
    desk.tickets.document_closed("a")
    assert desk.codes(entry) == [CANCELLED]


def test_a_closed_document_ends_its_requests(desk):
    ticket = desk.issue("a")
    desk.tickets.document_closed("a")
    assert desk.codes(ticket) == [CANCELLED]
    assert ticket.cancel.cancelled


def test_an_engine_that_never_answers_is_taken_for_dead(desk):
    ticket = desk.issue()
    desk.loop.advance(9.9)
    assert desk.codes(ticket) == []
    desk.loop.advance(0.2)
    assert desk.codes(ticket) == [INTERNAL_ERROR]
    assert desk.tickets.empty == {"model_error": 1}


def test_at_the_end_nobody_is_left_waiting(desk):
    tickets = [desk.issue("a"), desk.issue("b"), desk.issue(None)]
    desk.tickets.refuse_all("bye")
    assert [desk.codes(ticket) for ticket in tickets] == [[CANCELLED]] * 3
    assert desk.tickets.empty == {"shutting_down": 2}  # questions that are no completions are not counted


def test_an_answer_that_cannot_be_translated_is_an_error_answer(desk):
    def fail(event: Completed) -> tuple[Outcome, Reason | None]:
        raise LookupError

    ticket = desk.tickets.issue(fail, 10.0, "a")
    got: list[Outcome] = []
    ticket.answer.deliver_to(got.append)
    with pytest.raises(LookupError):
        desk.tickets.settle(empty(ticket, Reason.DEADLINE))
    assert [o.code for o in got if isinstance(o, Refusal)] == [INTERNAL_ERROR]


def test_an_answer_known_before_anybody_listens_is_delivered():
    answer = Answer()
    assert answer.give(Result(1))
    assert not answer.give(Result(2))
    got: list[Outcome] = []
    answer.deliver_to(got.append)
    assert got == [Result(1)]
