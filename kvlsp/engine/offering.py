"""What a request is offered: from what a job has generated, or from what was generated before.

An automatic request is not offered what the model is unsure of, nor what was rejected here a short while ago; an
explicit one gets whatever there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from kvlsp.completion.answers import Answers
from kvlsp.config import Settings
from kvlsp.engine.completion import CompletionJob
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.messages import Complete
from kvlsp.reasons import Reason

Offered: TypeAlias = tuple[Sequence[str], "Reason | None"]
"""Texts to insert, the best first, or why there is none."""


def refused(request: Complete, document: DocumentState | None, documents: Documents) -> Reason | None:
    """Why a request is answered without any work; None where it is not."""
    if request.cancel.cancelled:
        return Reason.CANCELLED
    if document is None:
        return Reason.UNKNOWN_DOCUMENT
    if documents.model is None:
        return Reason.NOT_READY
    if not documents.serves(document):
        return Reason.DISABLED
    if request.version != document.snapshot.version or request.offset > len(document.snapshot.text):
        return Reason.STALE_VERSION
    if request.trigger == "automatic" and unlearned(document, documents) is not None:
        return Reason.UNKNOWN_LANGUAGE
    return None


def unlearned(document: DocumentState, documents: Documents) -> str | None:
    """What to tell people where the model has not learned the document's language; None where it has."""
    model, snapshot = documents.model, document.snapshot
    knowledge = model.knowledge if model is not None else None
    return knowledge.refusal(snapshot.language, snapshot.uri) if knowledge is not None else None


def deadline(request: Complete, settings: Settings) -> float:
    """When to answer, in seconds of the engine's clock."""
    patience = settings.deadline_ms if request.trigger == "automatic" else settings.invoked_deadline_ms
    return request.received + patience / 1000


def from_job(job: CompletionJob, request: Complete, answers: Answers, least: float, now: float, *,
             partial: bool) -> Offered:
    """What ``job`` has generated; ``partial``: complete lines or statements, for it is still at work, and where there
    are none and nobody asks again, what was begun. ``least`` is the confidence below which nothing is offered by
    itself, ``now`` in seconds."""
    more = request.asks_again or request.asks_late
    texts, reason = job.answers(partial=partial, last=partial and not more)
    if not texts or request.trigger == "invoked":
        return texts, reason
    if job.confidence < least:
        return (), Reason.LOW_CONFIDENCE
    if answers.rejected(job.prefix + job.text[: job.typed], job.suffix, texts[0], now):
        return (), Reason.REJECTED_BEFORE
    return texts[:1], None


def from_memory(job: CompletionJob, answers: Answers, least: float, now: float) -> Offered | None:
    """Earlier answers that agree with what stands before the caret of ``job`` now, one for an automatic request; or why
    the one for this place is not offered; None where the model has to be asked."""
    prefix, suffix = job.prefix, job.suffix
    if job.trigger == "invoked":
        found = answers.recall_all(prefix, suffix)  # asked for explicitly: one known answer is no reason to stop
        return (found, None) if len(found) > 1 else None
    known = answers.at(prefix, suffix)
    if known is not None and known.confidence < least:
        return (), Reason.LOW_CONFIDENCE
    rest = answers.recall(prefix, suffix, least)
    if not rest:
        return None
    if answers.rejected(prefix, suffix, rest, now):
        return (), Reason.REJECTED_BEFORE
    return (rest,), None
