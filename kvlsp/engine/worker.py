"""The one thread that owns the model and every cache. Its loop: take a message, act on it, look at the queue again.

While nothing waits it rests usefully: the document that was touched last is brought to the layout at its caret, its
window is led away from the edges and, once the keyboard has been quiet, made exact chunk by chunk. When that is done
it sleeps until the next message. It does not know the protocol, nor who listens to its events.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

import torch

from kvlsp.cache.store import default_bound
from kvlsp.completion.reasons import Reason
from kvlsp.config import MEBIBYTE, Settings
from kvlsp.engine import threads
from kvlsp.engine.ahead import Ahead
from kvlsp.engine.completing import Completing
from kvlsp.engine.describe import describe_document, describe_engine
from kvlsp.engine.desk import Desk, Desks, limits
from kvlsp.engine.held import Held
from kvlsp.engine.inbox import Inbox
from kvlsp.engine.loading import Load, Loaded, Loading, names_model
from kvlsp.engine.messages import (
    CloseDocument,
    Complete,
    Completed,
    Configure,
    DescribeDocument,
    DescribeEngine,
    DocumentDescribed,
    EditDocument,
    EngineDescribed,
    Event,
    Feedback,
    Message,
    OpenDocument,
    PlaceContext,
    PrefillProgress,
    Shutdown,
    StatusChanged,
)
from kvlsp.engine.model import Model
from kvlsp.engine.offers import Offer, Offers
from kvlsp.engine.pace import Pace
from kvlsp.engine.ready import open_ready
from kvlsp.engine.serving import Serving
from kvlsp.engine.session import Session
from kvlsp.engine.statistics import Statistics
from kvlsp.errors import KvlspError
from kvlsp.model.memory import free_memory

log = logging.getLogger(__name__)

Clock = Callable[[], float]

REFRESH_SECONDS = 0.016
_PREFILL_SECONDS = 0.06
_LARGE_PREFILL = 1024
"""Rows from which on a prefill is worth a progress bar."""


class Engine:
    """Messages in by :meth:`post` from any thread, events out through ``events`` on the engine's thread."""

    def __init__(self, settings: Settings, events: Callable[[Event], None], load: Load = open_ready,
                 clock: Clock = time.monotonic) -> None:
        self._settings, self._events, self._clock = settings, events, clock
        self._inbox: Inbox[Message | Loaded] = Inbox()
        self._loading = Loading(load, self._inbox.post, self._load_progress)
        self._thread = threading.Thread(target=self._run, name="kvlsp-engine", daemon=True)
        self._model: Model | None = None
        self._failure = "loading"
        self._default_bound = 0
        self._desks = Desks(clock)
        self._held = Held()
        self._offers = Offers()
        self._ahead = Ahead()
        self._statistics = Statistics()
        self._pace = Pace(clock, REFRESH_SECONDS)
        self._prefill_pace = Pace(clock, _PREFILL_SECONDS)
        self._quiet_since = clock()
        self._exhausted = False
        self._freshened = False
        """Whether rows that wait too long got a chunk since the last edit."""
        self._completions = 0

    def start(self) -> None:
        """Begin to take messages; the model loads beside it."""
        self.load()
        self._thread.start()

    def post(self, message: Message) -> None:
        """Hand over a message; never waits."""
        self._inbox.post(message)

    def stop(self, timeout: float = 10.0) -> None:
        """Answer what waits, end the thread."""
        self._inbox.post(Shutdown())
        if self._thread.is_alive():
            self._thread.join(timeout)

    # --- the loop ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while self.turn(self._patience()):
            pass

    def turn(self, patience: float | None) -> bool:
        """Act on the next message, or rest when none comes within ``patience`` seconds; False at the end."""
        message = self._inbox.take(patience)
        if isinstance(message, Shutdown):
            self._refuse_waiting()
            return False
        self._exhausted = message is None  # work of its own that fails is not tried again until something happens
        try:
            if message is None:
                self._rest()
            else:
                if not self._ahead.concerns(message):
                    self._end_ahead()
                self._act(message)
            for held in self._held.out():
                self._complete(held, held=True)
            self._exhausted = False
        except KvlspError as error:
            self._events(StatusChanged("error", str(error)))
        except Exception as error:
            # a defect must not end the daemon: the document's cache is dropped already, its text is kept
            log.error("The engine failed on %s (%s) and goes on.", type(message).__name__, type(error).__name__)
            log.debug("What failed:", exc_info=True)  # its message may hold text of the user's
        return True

    def _act(self, message: Message | Loaded) -> None:
        match message:
            case EditDocument():
                self._quiet_since, self._freshened = self._clock(), False
                self._desks.edit(message)
            case Complete():
                self._complete(message)
            case OpenDocument(snapshot):
                self._quiet_since = self._clock()
                self._desks.open(snapshot)
            case CloseDocument(uri):
                self._desks.close(uri)
            case PlaceContext():
                self._desks.place(message)
            case Feedback():
                self._feedback(message)
            case DescribeDocument(ticket, uri):
                self._events(DocumentDescribed(ticket, describe_document(self._desks.get(uri))))
            case DescribeEngine(ticket):
                self._events(EngineDescribed(ticket, self._description()))
            case Configure(settings):
                self._configure(settings)
            case Loaded():
                self._loaded(message)

    def _refuse_waiting(self) -> None:
        """At the end: what still waits gets its answer."""
        self._answer_held(Reason.SHUTTING_DOWN)
        while (message := self._inbox.take(0)) is not None:
            match message:
                case Complete():
                    self._refuse(message, Reason.SHUTTING_DOWN)
                case DescribeDocument() | DescribeEngine():
                    self._act(message)
                case _:
                    pass

    # --- idle ----------------------------------------------------------------------------------------------

    def _patience(self) -> float | None:
        """Seconds until there is something to do without a message; None when there never will be."""
        if self._held:
            return 0.0
        desk = self._desks.get(self._desks.current)
        if self._exhausted or self._model is None or desk is None or not self._settings.serves(desk.snapshot.language):
            return None
        if desk.unsettled or desk.expected or self._ahead.working:
            return 0.0
        session = desk.session
        due = self._desks.context_due(desk, self._settings)
        if session is None or (session.cache.stale == 0 and due is None and not session.wants_slide):
            return None
        return 0.0 if session.overdue or session.blind else self._until_quiet()

    def _until_quiet(self) -> float:
        """Seconds until the keyboard counts as resting."""
        return max(0.0, self._quiet_since + self._settings.idle_ms / 1000 - self._clock())

    def _rest(self) -> None:
        desk = self._desks.get(self._held.uri or self._desks.current)
        if desk is None or self._model is None:
            return
        session = self._desks.session(desk, self._model, self._settings)
        if session.behind:
            self._catch_up(desk)
        elif desk.expected:
            desk.expected = False
            if self._settings.ahead and not self._ahead.covers(session):
                self._begin_ahead(desk, session)
        elif desk.unsettled:
            self._settle(desk, session)
        elif session.overdue and self._until_quiet() > 0 and not (self._freshened and self._ahead.working):
            self._freshened = True
            self._freshen(session)
        elif self._ahead.working:
            self._go_on_ahead(desk)
        elif session.blind and self._until_quiet() > 0:
            self._freshen(session)
        elif (due := self._desks.context_due(desk, self._settings)) is not None:
            if self._desks.place_due(desk, session, due, self._pace):
                self._end_ahead(holds=False)
                self._settle(desk, session)
        elif session.wants_slide:
            _, settled = session.settle(session.caret, slide=True, interrupted=lambda: bool(self._inbox),
                                        chunk=self._prefill_pace.rows)
            desk.unsettled = not settled.complete
        else:
            with self._pace as rows:
                self._pace.did(session.refresh(rows))
        self._desks.evict()

    def _freshen(self, session: Session) -> None:
        """Typing goes on: a chunk between two keystrokes."""
        with self._pace as rows:
            self._pace.did(session.freshen(rows))

    def _catch_up(self, desk: Desk) -> None:
        """A piece of a long text; who waits for it is told if that fails."""
        try:
            self._desks.catch_up(desk)
        except Exception:
            self._answer_held(Reason.MODEL_ERROR)
            raise

    def _settle(self, desk: Desk, session: Session) -> None:
        """Repair at the caret ahead of the request that will want it; a keystroke interrupts between chunks."""
        _, settled = session.settle(session.caret, interrupted=lambda: bool(self._inbox),
                                    chunk=self._prefill_pace.rows, progress=self._prefilling(desk))
        desk.unsettled = not settled.complete

    def _begin_ahead(self, desk: Desk, session: Session) -> None:
        """Begin what the editor will ask for, unless an earlier answer holds here or nothing can be offered."""
        self._end_ahead()
        completing = self._completing(desk, session, session.caret)
        prefix, suffix = completing.prefix, completing.suffix
        known = desk.answers.at(prefix, suffix) or desk.answers.recall(prefix, suffix, self._settings.confidence)
        if known is not None or completing.refused is not None:
            return
        if completing.prepare(lambda: bool(self._inbox), self._prefill_pace.rows, self._prefilling(desk)):
            desk.unsettled = False
            self._ahead.begin(desk, completing)
        else:
            desk.expected = True  # unless what has arrived says otherwise

    def _go_on_ahead(self, desk: Desk) -> None:
        """One forward, as long as somebody may still ask: with a slow model other things wait behind it."""
        if self._clock() >= self._quiet_since + self._settings.deadline_ms / 1000:
            self._end_ahead()
            return
        try:
            self._ahead.step()
        except Exception:
            desk.unsettled = True  # its cache is dropped
            raise

    def _end_ahead(self, *, holds: bool = True) -> None:
        try:
            self._ahead.end(holds=holds)
        except Exception as error:  # nobody has asked for it: what has arrived must not suffer
            log.error("What was begun ahead could not be kept (%s).", type(error).__name__)
            log.debug("What failed:", exc_info=True)

    def _prefilling(self, desk: Desk) -> Callable[[int, int], None]:
        """Tells of a prefill that people wait for."""
        def progress(done: int, total: int) -> None:
            if total >= _LARGE_PREFILL:
                self._events(PrefillProgress(desk.snapshot.uri, done, total))

        return progress

    # --- completion ----------------------------------------------------------------------------------------

    def _complete(self, request: Complete, *, held: bool = False) -> None:
        model, desk = self._model, self._desks.get(request.uri)
        reason = self._cannot(request, desk)
        if reason is not None or model is None or desk is None:
            self._refuse(request, reason or Reason.NOT_READY)
            return
        if not held:
            self._desks.touch(request.uri)
        session = self._desks.session(desk, model, self._settings)
        if session.behind:
            self._hold(request, session)
            return
        if request.trigger == "automatic" and request.offset == session.caret:
            desk.unasked = 0
        self._events(StatusChanged("computing", "completing"))
        actual, offset, selected = session.snapshot, request.offset, request.selected
        try:
            if selected is not None:  # as if the suggest list's entry had been taken
                session.replace(selected.start, selected.end, selected.text)
                offset = selected.start + len(selected.text)
            self._serve(request, desk, session, offset)
        finally:
            if selected is not None and desk.session is session:
                before = actual.text.slice(selected.start, selected.end)
                session.replace(selected.start, selected.start + len(selected.text), before)
                session.snapshot = actual
                desk.unsettled = True
            self._quiet_since = self._clock()
            self._events(StatusChanged("ready", "ready", detail=self._statistics.last))

    def _hold(self, request: Complete, session: Session) -> None:
        """The document is long and not all of it has tokens: they come piece by piece, while nothing else waits."""
        if self._clock() >= self._deadline(request):
            self._refuse(request, Reason.DEADLINE, unread=session.behind)
            return
        for older in self._held.add(request):
            self._refuse(older, Reason.SUPERSEDED)

    def _answer_held(self, reason: Reason) -> None:
        for request in self._held.out():
            self._refuse(request, reason)

    def _refuse(self, request: Complete, reason: Reason, **counts: int) -> None:
        """Answer without any work, or as much of it as ``counts`` says."""
        took = round(1000 * (self._clock() - request.received), 1)
        self._answer(Completed(request.ticket, (), reason, {**counts, "latency_ms": took}))

    def _deadline(self, request: Complete) -> float:
        """When to answer, in seconds of the clock."""
        settings = self._settings
        patience = settings.deadline_ms if request.trigger == "automatic" else settings.invoked_deadline_ms
        return request.received + patience / 1000

    def _serve(self, request: Complete, desk: Desk, session: Session, offset: int) -> None:
        settings = self._settings
        wanted = settings.candidates if request.trigger == "invoked" else 1
        completing = self._ahead.take(request)
        if completing is None:
            self._end_ahead()
            completing = self._completing(desk, session, offset, wanted)
        completion = completing.seed

        def answer(completed: Completed) -> None:
            for item in completed.items:
                self._offers.add(completion, Offer(request.uri, completing.prefix, completing.suffix, item.text))
            self._answer(completed)

        Serving(
            request, completing, desk.answers, inbox=self._inbox, clock=self._clock,
            deadline=self._deadline(request), answer=answer, completion=completion,
            least_confidence=settings.confidence,
        ).run(chunk=self._prefill_pace.rows)
        desk.expected = False
        settled = completing.settled
        desk.unsettled = settled is None or not settled.complete
        if desk.drafter is not None and completing.candidates:
            desk.drafter.learn(completing.context_ids, completing.candidates[0].generation.progress.ids)

    def _completing(self, desk: Desk, session: Session, offset: int, wanted: int = 1) -> Completing:
        drafter = self._desks.drafting(desk, offset) if self._settings.drafts else None
        self._completions += 1
        return Completing(session, offset, self._settings, wanted=wanted, drafter=drafter, seed=self._completions)

    def _cannot(self, request: Complete, desk: Desk | None) -> Reason | None:
        """Why the request is answered without any work."""
        if request.cancel.cancelled:
            return Reason.CANCELLED
        if desk is None:
            return Reason.UNKNOWN_DOCUMENT
        if self._model is None:
            return Reason.NOT_READY
        if not self._settings.serves(desk.snapshot.language):
            return Reason.DISABLED
        if request.version != desk.snapshot.version or request.offset > len(desk.snapshot.text):
            return Reason.STALE_VERSION
        newer = (m for m in self._inbox.waiting()
                 if isinstance(m, Complete) and m.uri == request.uri and not m.asks_the_same(request))
        return Reason.SUPERSEDED if next(newer, None) is not None else None

    def _answer(self, completed: Completed) -> None:
        reason = None if completed.reason is None else str(completed.reason)
        self._statistics.answered(reason, completed.report)
        if reason is not None:
            log.info("Nothing offered: %s (%s ms).", reason, completed.report.get("latency_ms"))
        self._events(completed)

    def _feedback(self, message: Feedback) -> None:
        self._statistics.feedback[message.kind] += 1
        offer, desk = self._offers.get(message.completion), self._desks.get(message.uri)
        if offer is None or desk is None:
            return
        if message.kind == "accepted":
            self._statistics.accepted_characters += len(offer.text)
            desk.expected = desk.resident
        elif message.kind == "partially_accepted":
            self._statistics.accepted_characters += message.length
        elif message.kind == "rejected":
            desk.answers.reject(offer.prefix, offer.suffix, offer.text, self._clock())

    # --- model and settings ----------------------------------------------------------------------------------

    def load(self) -> None:
        """Load the model beside the loop, so that edits are followed and requests answered meanwhile."""
        self._model, self._failure = None, "loading"
        self._desks.forget_sessions()
        self._events(StatusChanged("loading", "loading the model", 0.0))
        self._loading.begin(self._settings)

    def _load_progress(self, fraction: float | None, text: str) -> None:
        self._events(StatusChanged("loading", text, None if fraction is None else round(100 * fraction, 1)))

    def _loaded(self, loaded: Loaded) -> None:
        if not self._loading.wants(loaded):
            return
        self._model, self._failure = model, error = loaded.model, loaded.error
        if model is None:
            self._events(StatusChanged("error", error))
            return
        threads.use(self._settings.threads)  # PyTorch keeps the number per thread; another one loaded the model
        self._default_bound = default_bound(free_memory(model.decoder.device))
        self._desks.bound = self._bound()
        self._desks.host_bound = default_bound(free_memory(torch.device("cpu"))) if model.parks else 0
        log.info("Ready: %s.", model.description)
        self._events(StatusChanged("ready", model.description))

    def _configure(self, settings: Settings) -> None:
        """New settings at once; a model is loaded again only if what names it has changed."""
        old, self._settings = self._settings, settings
        if old != settings:
            self._desks.forget_answers()
        if names_model(old) != names_model(settings):
            self.load()
            return
        self._desks.bound = self._bound()
        if limits(old) != limits(settings):
            self._desks.forget_sessions()
        if self._model is not None:
            kind: Literal["ready", "paused"] = "ready" if settings.enable else "paused"
            self._events(StatusChanged(kind, "ready" if settings.enable else "switched off"))

    def _bound(self) -> int:
        """Bytes that all caches may take: what the user says, else what was free when the model had been loaded."""
        return self._settings.cache_mib * MEBIBYTE or self._default_bound

    def _description(self) -> dict[str, object]:
        named = self._model.description if self._model is not None else self._failure
        return dict(describe_engine(self._desks, self._statistics, named))
