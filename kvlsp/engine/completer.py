"""Completions: who waits for which job, when one begins, what becomes of it when something happens to its document.

Of one document the newest place wins: a request for another ends what was under way. An edit ends it too, unless it
types what is being generated. Work that nobody has asked for yet is the same job under the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kvlsp.engine.answering import Answering
from kvlsp.engine.completion import CompletionJob, Phase
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.engine.first_lines import due
from kvlsp.engine.offering import Offered, deadline, from_job, from_memory, refused, unlearned
from kvlsp.engine.reporting import log_failure
from kvlsp.engine.requests import Requests, Waiting
from kvlsp.messages import Complete, EditDocument
from kvlsp.reasons import Reason


class Completer:
    """Requests in by :meth:`ask`, answers out through ``answering``. Used from the engine's thread only."""

    def __init__(self, documents: Documents, answering: Answering, clock: Callable[[], float]) -> None:
        self._documents, self._answering, self._clock = documents, answering, clock
        self._requests = Requests()
        self._jobs = 0

    # --- requests --------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._requests)

    def ask(self, request: Complete) -> None:
        """Answer at once where that takes no model, else wait for a job: the one under way if it fits."""
        document = self._documents.get(request.uri)
        reason = refused(request, document, self._documents)
        if reason is not None or document is None:
            self._answering.refuse(request, reason or Reason.UNKNOWN_DOCUMENT)
            if document is not None and reason is Reason.UNKNOWN_LANGUAGE:
                self._answering.say(unlearned(document, self._documents) or "")
            return
        try:
            self._ask(request, document)
        except BaseException:
            self.fail(document)
            self._answering.refuse(request, Reason.MODEL_ERROR)
            raise

    def _ask(self, request: Complete, document: DocumentState) -> None:
        self.enter(document)
        document.failed = False  # who waits is worth another try
        if request.trigger == "automatic" and request.offset == self._documents.session(document).caret:
            document.unasked = 0
        document.expected = False
        job = document.job
        if job is None or not job.serves(request):
            job = self._begin(document, request)
            if job is None:
                return
        job.asked = True
        waiting = Waiting(request, job, deadline(request, self._documents.settings), job.started)
        self._requests.add(waiting)
        if job.phase is Phase.DONE:
            self._deliver(document, waiting)

    def _begin(self, document: DocumentState, request: Complete) -> CompletionJob | None:
        """A job of the request's own; None where it is answered without one."""
        self.end(document)
        wanted = self._documents.settings.candidates if request.trigger == "invoked" else 1
        job = self._job(document, request.offset, trigger=request.trigger, selected=request.selected, wanted=wanted)
        known = self._without_model(document, job)
        if known is None:
            document.job = job
            return job
        job.close()
        self._documents.used()
        refused = known[1] is not None and known[1] is job.refused
        self._answering.offer(request, job, *known, {} if refused else {"remembered": True})
        return None

    def _job(self, document: DocumentState, offset: int, **options: Any) -> CompletionJob:
        self._jobs += 1
        documents = self._documents
        job = CompletionJob(documents.session(document), offset, documents.settings, seed=self._jobs,
                            drafting=lambda place: documents.drafting(document, place), **options)
        document.unsync()
        return job

    def _without_model(self, document: DocumentState, job: CompletionJob) -> Offered | None:
        """An earlier answer that still holds, or why nothing is offered; None if the model has to be asked."""
        known = from_memory(job, document.answers, self._documents.settings.confidence, self._clock())
        return ((), job.refused) if known is None and job.refused is not None else known

    def expire(self) -> None:
        """Answer the requests that are cancelled or at their deadline. Work goes on after a deadline, so that the text
        is there when it is asked for again; it ends when everybody has cancelled."""
        for waiting, reason in self._requests.ended(self._clock()):
            document, job = self._documents.get(waiting.request.uri), waiting.job
            if reason is Reason.DEADLINE and document is not None:
                self._deliver(document, waiting, partial=True)
                continue
            alone = self._requests.on(job) == [waiting]
            if document is not None and document.job is job and not job.typed and alone:
                self.end(document, reason)
                continue
            self._requests.remove(waiting)
            self._answering.refuse(waiting.request, reason, job.counts())

    # --- jobs ------------------------------------------------------------------------------------------------

    def asked(self, document: DocumentState) -> bool:
        """Whether somebody waits for its completion."""
        return document.job is not None and bool(self._requests.on(document.job))

    def next(self) -> DocumentState | None:
        """The document whose completion comes next of those that somebody waits for: the one that needs the fewest rows
        before its first token, of equal ones the one that has waited longest. None: nobody waits."""
        first = min(self._requests, key=lambda waiting: waiting.job.left, default=None)
        return self._documents.get(first.request.uri) if first is not None else None

    def begin_ahead(self, document: DocumentState) -> None:
        """Begin what the editor will ask for, unless an earlier answer holds here or nothing can be offered."""
        document.expected = False
        if not self._documents.settings.ahead:
            return
        self.end(document)
        job = self._job(document, self._documents.session(document).caret)
        if self._without_model(document, job) is None:
            document.job = job

    def step(self, document: DocumentState, rows: int) -> int:
        """One forward of the document's job; whoever waits is answered when it is done. Returns rows encoded on the way
        to the first token. Work that nobody has asked for within the time of an answer is given up: with a slow model
        other things wait behind it."""
        job = document.job
        if job is None:
            return 0
        given_up_at = self._documents.active_at + self._documents.settings.deadline_ms / 1000
        if not job.asked and self._clock() >= given_up_at:
            self.end(document)
            return 0
        encoded = job.step(rows)
        document.synced = job.synced
        if job.phase is Phase.DONE:
            self._done(document, job)
            return encoded
        for waiting in due(job, self._requests.on(job), self._clock()):
            self._deliver(document, waiting, partial=True, early=True)
        return encoded

    def _done(self, document: DocumentState, job: CompletionJob) -> None:
        # What was asked for explicitly is offered however sure the model is, and typed through.
        sure = job.progress.confidence.value if job.progress is not None and job.trigger == "automatic" else 1.0
        for text in reversed(job.answers(whole=True)[0]):
            document.answers.remember(job.prefix, job.suffix, text, sure)
        self._learn(document, job)
        for waiting in [one for one in self._requests.on(job) if job.serves(one.request)]:
            self._deliver(document, waiting)
        self._ask_again(self._requests.take(job=job))  # all of it has been typed: there may be more behind it

    def follow(self, document: DocumentState, message: EditDocument) -> None:
        """Before an edit is applied: it types what is being generated, or ends that."""
        job, known = document.job, document.snapshot.version
        if job is None or message.base_version != known or not job.follows(message.changes):
            self.end(document)
            return
        for waiting in self._requests.take(job=job):  # for a version that is gone
            self._answering.refuse(waiting.request, Reason.SUPERSEDED)

    def enter(self, document: DocumentState) -> None:
        """The user is in this document now: work in others that nobody waits for is given up."""
        for other in self._documents:
            if other is not document and other.completing and not self.asked(other):
                self.end(other)
        self._documents.touch(document)

    def end(self, document: DocumentState, reason: Reason = Reason.SUPERSEDED) -> None:
        """Give up the document's job, if there is one; whoever waits for the document is told why."""
        job, document.job = document.job, None
        counts: Mapping[str, Any] = {}
        if job is not None and job.phase is not Phase.DONE:
            try:
                document.unsync()
                job.close()
                self._learn(document, job)
            except BaseException as error:  # who waits, and what has arrived, must not suffer
                log_failure("A completion could not be ended well", error)
                document.forget()
            counts = job.counts()
        for waiting in self._requests.take(uri=document.snapshot.uri):
            self._answering.refuse(waiting.request, reason, counts)
            counts = {}

    def fail(self, document: DocumentState) -> None:
        """The document's work has failed: whoever waits is told, and nothing more is tried until something happens."""
        document.failed = True
        self.end(document, Reason.MODEL_ERROR)
        document.unsync()
        if document.session is not None and document.session.snapshot is not document.snapshot:
            document.forget()  # a supposed text that could not be taken back

    def restart(self, document: DocumentState, *, forget: bool) -> None:
        """Other settings: what somebody waits for begins again under them, the rest is given up. ``forget``: tokens and
        cache are made anew."""
        taken = self._requests.take(uri=document.snapshot.uri)
        self.end(document)
        if forget:
            document.forget()
        self._ask_again(taken)

    def _ask_again(self, requests: Iterable[Waiting]) -> None:
        for waiting in requests:
            try:
                self.ask(waiting.request)
            except BaseException as error:  # it has its answer; the others must not wait for ever
                log_failure("A request could not be taken up again", error)

    def _learn(self, document: DocumentState, job: CompletionJob) -> None:
        """Drafts are copied from what was generated, too."""
        if document.drafter is not None and job.texts is not None and job.progress is not None:
            document.drafter.learn(job.texts.context_ids, job.progress.ids)

    def _deliver(self, document: DocumentState, waiting: Waiting, *, partial: bool = False,
                 early: bool = False) -> None:
        """Offer what the document's job has by now; ``early``: only if there is anything."""
        request, job = waiting.request, waiting.job
        try:
            texts, reason = from_job(job, request, document.answers, self._documents.settings.confidence,
                                     self._clock(), partial=partial)
        except BaseException as error:  # who waits must not suffer
            log_failure("What was generated could not be offered", error)
            texts, reason = (), Reason.MODEL_ERROR
        if early and not texts:
            return
        self._requests.remove(waiting)
        report = {} if early else dict(job.counts() or {"remembered": True})
        if partial and texts and request.asks_again:
            report["more"] = job.told.something = True
        if waiting.begun:
            report["ahead"] = True
        if document.session is not None and document.session.behind:
            report["unread"] = document.session.behind
        self._documents.used()
        self._answering.offer(request, job, texts, reason, report)
