"""Which of the engine's answers belongs to which request, and what becomes of those that never come.

A ticket number goes to the engine with the question and comes back with the answer. Whatever happens (the client
cancels, a newer request comes, the document closes, the engine dies, the daemon shuts down), the request is answered
once, and an empty answer is counted under its reason (invariant 11).
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from kvlsp.messages import (
    CancelToken,
    Completed,
    DocumentDescribed,
    EngineDescribed,
    Reason,
    TokensDescribed,
    Watched,
)
from kvlsp.server.answers import CANCELLED, INTERNAL_ERROR, Answer, Outcome, Refusal

log = logging.getLogger(__name__)

AnswerEvent = Completed | DocumentDescribed | EngineDescribed | TokensDescribed | Watched
"""The events that carry a ticket."""


class Timer(Protocol):
    def cancel(self) -> None: ...


CallLater = Callable[[float, Callable[[], None]], Timer]
"""Seconds from now, what to call: ``loop.call_later``, or a manual clock."""


@dataclass(slots=True)
class Ticket:
    """A question that the engine has not answered yet."""

    number: int
    uri: str | None
    """The document of a completion; None for questions that newer ones do not supersede."""
    answer: Answer
    cancel: CancelToken
    translate: Callable[[Any], tuple[Outcome, Reason | None]]
    kind: str = ""
    """What was asked for: a newer request supersedes only those of its own kind."""
    overtaken: Outcome | None = None
    """The answer when a newer request comes or the document closes; None: a refusal that says which."""
    timer: Timer | None = None


class Tickets:
    """The open questions. Used by the editor's thread only."""

    def __init__(self, call_later: CallLater) -> None:
        self._call_later = call_later
        self._numbers = itertools.count(1)
        self._open: dict[int, Ticket] = {}
        self.offered = 0
        """Completion requests that were answered with at least one item."""
        self.empty: Counter[str] = Counter()
        """Completion requests that were answered without an item, by reason."""
        self.late = 0
        """Answers of the engine that nobody waited for any more."""

    def __len__(self) -> int:
        return len(self._open)

    def issue(self, translate: Callable[[Any], tuple[Outcome, Reason | None]], patience: float,
              uri: str | None = None, kind: str = "", overtaken: Outcome | None = None) -> Ticket:
        """A new ticket.

        ``translate`` makes the engine's event an outcome, and names the reason of an empty completion.
        After ``patience`` seconds without an event the engine is taken for dead and the request is refused.
        """
        number = next(self._numbers)
        cancel = CancelToken()
        answer = Answer(when_cancelled=lambda: self._abandon(number, Reason.CANCELLED))
        ticket = Ticket(number, uri, answer, cancel, translate, kind, overtaken)
        ticket.timer = self._call_later(patience, lambda: self._overdue(number, patience))
        self._open[number] = ticket
        return ticket

    def settle(self, event: AnswerEvent) -> None:
        """The engine's answer came."""
        ticket = self._close(event.ticket)
        if ticket is None:
            self.late += 1
            return
        try:
            outcome, reason = ticket.translate(event)
        except Exception:
            self._count(ticket, Reason.MODEL_ERROR)
            ticket.answer.give(Refusal(INTERNAL_ERROR, "kvlsp could not write down its answer; its log says where."))
            raise
        self._count(ticket, reason)
        ticket.answer.give(outcome)

    def supersede(self, uri: str, kind: str = "") -> None:
        """A newer completion request of this document came: answer the older ones of its kind.

        Their cancel tokens stay as they are: the engine sees the newer request itself, and may carry the
        running generation on for it. Those of another kind are the engine's to answer: an editor that asks for
        its list and for ghost text at one place gets both.
        """
        older = [ticket for ticket in self._open.values() if (ticket.uri, ticket.kind) == (uri, kind)]
        self._refuse_all_of(older, Reason.SUPERSEDED, "A newer request for the same document came.", cancel=False)

    def document_closed(self, uri: str) -> None:
        open_ = [ticket for ticket in self._open.values() if ticket.uri == uri]
        self._refuse_all_of(open_, Reason.CANCELLED, "The document was closed.", cancel=True)

    def engine_gone(self, ticket: Ticket) -> None:
        """The engine took no message."""
        refusal = Refusal(INTERNAL_ERROR, "The model's thread has ended; restart kvlsp.")
        self._refuse(ticket, Reason.MODEL_ERROR, refusal, cancel=True)

    def refuse_all(self, message: str) -> None:
        """The daemon stops: nobody is left waiting."""
        for ticket in list(self._open.values()):
            self._refuse(ticket, Reason.SHUTTING_DOWN, Refusal(CANCELLED, message), cancel=True)

    def nothing(self, reason: Reason) -> None:
        """Counts an empty completion that never reached the engine."""
        self.empty[reason.value] += 1
        log.info("completion: nothing (%s)", reason)

    def _refuse_all_of(self, tickets: list[Ticket], reason: Reason, message: str, cancel: bool) -> None:
        for ticket in tickets:
            self._refuse(ticket, reason, ticket.overtaken or Refusal(CANCELLED, message), cancel)

    def _refuse(self, ticket: Ticket, reason: Reason, refusal: Outcome, cancel: bool) -> None:
        self._abandon(ticket.number, reason, cancel)
        ticket.answer.give(refusal)

    def _abandon(self, number: int, reason: Reason, cancel: bool = True) -> None:
        ticket = self._close(number)
        if ticket is not None:
            if cancel:
                ticket.cancel.cancel()
            self._count(ticket, reason)

    def _overdue(self, number: int, patience: float) -> None:
        ticket = self._open.get(number)
        if ticket is not None:
            log.error("question %d: the model's thread said nothing for %.0f s", number, patience)
            message = (f"The model's thread did not answer within {patience:.0f} s. "
                       "kvlsp's log may say why; restart kvlsp if it does not recover.")
            self._refuse(ticket, Reason.MODEL_ERROR, Refusal(INTERNAL_ERROR, message), cancel=True)

    def _close(self, number: int) -> Ticket | None:
        ticket = self._open.pop(number, None)
        if ticket is not None and ticket.timer is not None:
            ticket.timer.cancel()
        return ticket

    def _count(self, ticket: Ticket, reason: Reason | None) -> None:
        if ticket.uri is None:
            return
        if reason is None:
            self.offered += 1
        else:
            self.empty[reason.value] += 1
            log.info("completion %d: nothing (%s)", ticket.number, reason)
