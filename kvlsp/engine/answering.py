"""The one answer to a request, with its numbers: told to whoever asked, counted, and remembered for feedback."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kvlsp.engine.completion import CompletionJob
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.offers import Offer, Offers
from kvlsp.engine.slowness import Slowness
from kvlsp.engine.statistics import Statistics
from kvlsp.messages import Complete, Completed, Event, Feedback, Item, Notice, StatusChanged
from kvlsp.reasons import Reason

log = logging.getLogger(__name__)


class Answering:
    """Turns texts or a reason into a :class:`Completed`. Nothing here asks a model."""

    def __init__(self, statistics: Statistics, clock: Callable[[], float], events: Callable[[Event], None]) -> None:
        self.offers = Offers()
        self.slowness = Slowness()
        self._said: set[str] = set()
        self._statistics, self._clock, self._events = statistics, clock, events
        self._computing = self._news = False

    def offer(self, request: Complete, job: CompletionJob, texts: Sequence[str], reason: Reason | None,
              report: Mapping[str, Any]) -> None:
        """``texts`` to insert at the request's place, each an offer of its own, or the ``reason`` why there is none."""
        start = end = request.offset
        before, selected = "", request.selected
        if selected is not None:
            start, end, before = selected.start, selected.end, selected.text
        prefix = job.prefix + job.text[: job.typed]
        items = tuple(
            Item(start, end, before + text, self.offers.add(Offer(request.uri, prefix, job.suffix, text)))
            for text in texts
        )
        self._news = True
        first = not (job.told.late or "remembered" in report)
        job.told.late = job.told.late or reason is Reason.DEADLINE
        self._answer(request, items, None if items else reason or Reason.NOTHING_TO_SAY, report, judged=first)

    def refuse(self, request: Complete, reason: Reason, report: Mapping[str, Any] = {}) -> None:
        """Nothing, and why."""
        self._answer(request, (), reason, report)

    def _answer(self, request: Complete, items: tuple[Item, ...], reason: Reason | None,
                report: Mapping[str, Any], *, judged: bool = True) -> None:
        """``judged``: whether it says how quick the model is; what was late already, or known, does not."""
        took = round(1000 * (self._clock() - request.received), 1)
        completed = Completed(request.ticket, items, reason, {**report, "latency_ms": took})
        self._statistics.answered(None if reason is None else str(reason), completed.report)
        if reason is not None:
            log.info("Nothing offered: %s (%s ms).", reason, took)
        self._events(completed)
        sentence = self.slowness.answered(reason) if judged and request.trigger == "automatic" else None
        if sentence is not None:
            self.say(sentence)

    def say(self, sentence: str) -> None:
        """Show people a sentence, once."""
        if sentence not in self._said:
            self._said.add(sentence)
            log.warning("%s", sentence)
            self._events(Notice(sentence))

    def heard(self, message: Feedback, document: DocumentState | None) -> None:
        """What became of an offer."""
        offer = self.offers.get(message.completion)
        if offer is None or document is None:
            return
        self._statistics.feedback[message.kind] += 1
        if message.kind == "accepted":
            self._statistics.accepted_characters += len(offer.text)
            document.expected = document.resident and not document.completing  # people accept in runs
        elif message.kind == "partially_accepted":
            self._statistics.accepted_characters += message.length
        elif message.kind == "rejected":
            document.answers.reject(offer.prefix, offer.suffix, offer.text, self._clock())

    def tell(self, waiting: bool) -> None:
        """Keep the status in step: computing while somebody is ``waiting``, ready with the last answer's numbers."""
        if waiting and not self._computing:
            self._computing = True
            self._events(StatusChanged("computing", "completing"))
        elif not waiting and (self._computing or self._news):
            self._computing = self._news = False
            self._events(StatusChanged("ready", "ready", detail=self._statistics.last))
