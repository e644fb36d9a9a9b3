"""Answer one completion request: memory first, then the model, with an eye on the queue and on the clock.

Between two forwards it looks at what has arrived. Newest wins: a newer request or edit of the same document ends the
work, with two exceptions: an edit that types the next characters of what is being generated lets it go on, and the
request that follows finds it in memory; so does a second request for the same place. At the deadline complete lines
are answered and decoding goes on for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from kvlsp.completion.answers import Answers
from kvlsp.completion.reasons import Reason
from kvlsp.engine.completing import Completing
from kvlsp.engine.messages import (
    CloseDocument,
    Complete,
    Completed,
    EditDocument,
    Item,
    OpenDocument,
    Shutdown,
)

Answer = Callable[[Completed], None]


class Arrivals(Protocol):
    """A queue that can be looked at without taking."""

    def waiting(self) -> Iterator[object]: ...


class Serving:
    """One request at work. ``deadline`` is in seconds of ``clock``; ``completion`` names what is offered.

    ``completing`` may be under way already (:mod:`kvlsp.engine.ahead`)."""

    def __init__(self, request: Complete, completing: Completing, answers: Answers, *, inbox: Arrivals,
                 clock: Callable[[], float], deadline: float, answer: Answer, completion: int,
                 least_confidence: float = 0.0) -> None:
        self.request, self.completing, self.answers = request, completing, answers
        self._inbox, self._clock, self._deadline = inbox, clock, deadline
        self._answer, self._completion = answer, completion
        self._least_confidence = least_confidence
        self._answered = False
        self._begun_before = completing.prepared

    def run(self, chunk: int = 256) -> None:
        """Serve to the end; answers exactly once. An exception of the model is answered, then passed on."""
        try:
            if self._begun_before or not self._known():
                self._generate(chunk)
        except Exception:
            self._offer((), Reason.MODEL_ERROR)
            raise
        finally:
            self.completing.close()

    def _known(self) -> bool:
        """Answer what takes no model; whether that was all."""
        remembered, reason = self._remembered()
        if remembered or reason is not None:
            self._offer(remembered, reason, {"remembered": True})
            return True
        refused = self.completing.refused
        if refused is not None:
            self._offer((), refused)
        return refused is not None

    def _generate(self, chunk: int) -> None:
        completing = self.completing
        if not self._begun_before and not completing.prepare(lambda: self._stopped() is not None, chunk):
            self._offer((), self._stopped() or Reason.SUPERSEDED)
            return
        done = False
        while not done:
            stopped = self._stopped()
            if stopped is not None:
                self._offer((), stopped)
                return
            done = completing.step()
        texts, reason = completing.answers()
        # What was asked for explicitly is offered however sure the model is, and typed through.
        sure = completing.confidence if self.request.trigger == "automatic" else 1.0
        for text in reversed(texts):
            self.answers.remember(completing.prefix, completing.suffix, text, sure)
        self._offer(*self._judged(texts, reason))

    def _remembered(self) -> tuple[Sequence[str], Reason | None]:
        """Earlier answers that agree with what stands before the caret now, one for an automatic request; or why the
        one for this place is not offered."""
        prefix, suffix, answers = self.completing.prefix, self.completing.suffix, self.answers
        if self.request.trigger != "automatic":
            found = answers.recall_all(prefix, suffix)  # asked for explicitly: one known answer is no reason to stop
            return (found if len(found) > 1 else ()), None
        known = answers.at(prefix, suffix)
        if known is not None and known.confidence < self._least_confidence:
            return (), Reason.LOW_CONFIDENCE
        rest = answers.recall(prefix, suffix, self._least_confidence)
        if rest and answers.rejected(prefix, suffix, rest, self._clock()):
            return (), Reason.REJECTED_BEFORE
        return ((rest,) if rest else ()), None

    def _judged(self, texts: Sequence[str], reason: Reason | None) -> tuple[Sequence[str], Reason | None]:
        """What an automatic request should not be bothered with is left out."""
        if not texts or self.request.trigger == "invoked":
            return texts, reason
        completing = self.completing
        if completing.confidence < self._least_confidence:
            return (), Reason.LOW_CONFIDENCE
        if self.answers.rejected(completing.prefix, completing.suffix, texts[0], self._clock()):
            return (), Reason.REJECTED_BEFORE
        return texts[:1], None

    # ---------------------------------------------------------------------------------------------------------

    def _stopped(self) -> Reason | None:
        """Why the work must end now, or None. Answers on the way what need not wait for the end."""
        request = self.request
        typed = 0
        for message in self._inbox.waiting():
            if isinstance(message, Shutdown):
                return Reason.SHUTTING_DOWN
            if isinstance(message, EditDocument) and message.uri == request.uri:
                more = self._typed_on(message, typed)
                if more is None:
                    return Reason.SUPERSEDED
                typed += more
                self._offer((), Reason.SUPERSEDED)
            elif isinstance(message, Complete) and message.uri == request.uri:
                if message.asks_the_same(request):
                    continue  # it will find this answer in memory
                follows = typed and message.offset == request.offset + typed and message.selected is None
                if not follows or message.cancel.cancelled or self._clock() >= message.received + self._patience:
                    return Reason.SUPERSEDED
            elif (isinstance(message, CloseDocument) and message.uri == request.uri) or (
                isinstance(message, OpenDocument) and message.snapshot.uri == request.uri
            ):
                return Reason.SUPERSEDED
        if request.cancel.cancelled and not typed:
            return Reason.CANCELLED
        if self._clock() >= self._deadline and not self._answered:
            texts, reason = self.completing.answers(partial=True)
            self._offer(*self._judged(texts, reason or Reason.DEADLINE))
        return None

    @property
    def _patience(self) -> float:
        return 0.5 * (self._deadline - self.request.received)

    def _typed_on(self, message: EditDocument, typed: int) -> int | None:
        """How many generated characters the edit types, or None when it does anything else."""
        if self.request.selected is not None:
            return None
        generated = self.completing.text
        start = typed
        for change in message.changes:
            edit = change.edit
            agrees = (
                edit.start == edit.end == self.request.offset + typed
                and generated[typed : typed + len(edit.text)] == edit.text
            )
            if not agrees:
                return None
            typed += len(edit.text)
        return typed - start

    def _offer(self, texts: Sequence[str], reason: Reason | None, extra: Mapping[str, Any] = {}) -> None:
        """The one answer; later ones are swallowed."""
        if self._answered:
            return
        self._answered = True
        request, selected = self.request, self.request.selected
        start, end, before = request.offset, request.offset, ""
        if selected is not None:
            start, end, before = selected.start, selected.end, selected.text
        items = tuple(Item(start, end, before + text, self._completion) for text in texts)
        ahead = {"ahead": True} if self._begun_before else {}
        report = {**self.completing.report(), **ahead, **extra,
                  "latency_ms": round(1000 * (self._clock() - request.received), 1)}
        self._answer(Completed(request.ticket, items, None if items else reason or Reason.NOTHING_TO_SAY, report))
