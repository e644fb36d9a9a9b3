"""The one thread that owns the model and every cache: take what has arrived, then one step of the work that is next.

    turn:  apply every message that waits     texts and tokens follow at once, no forward
           answer what is at its deadline
           one step of what schedule() says   at most one forward

Who listens to the events, and over which protocol, is not known here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

from kvlsp import tracing
from kvlsp.config import Settings
from kvlsp.engine.answering import Answering
from kvlsp.engine.completer import Completer
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.engine.facts import facts_of
from kvlsp.engine.inbox import Inbox
from kvlsp.engine.line_ends import LineEnds
from kvlsp.engine.models import Models
from kvlsp.engine.next_edits import NextEdits
from kvlsp.engine.questions import Questions
from kvlsp.engine.reporting import Reporting
from kvlsp.engine.schedule import Decision, schedule
from kvlsp.engine.shelving import Fetched
from kvlsp.engine.statistics import Statistics
from kvlsp.engine.tidying import Tidying
from kvlsp.engine.unloading import Unloading
from kvlsp.engine.upkeep import Upkeep
from kvlsp.engine.watching import Watching
from kvlsp.messages import (
    CloseDocument,
    Complete,
    Completed,
    Configure,
    EditDocument,
    Event,
    Feedback,
    Message,
    NextEdit,
    OpenDocument,
    PlaceContext,
    Question,
    Shutdown,
    Watch,
)
from kvlsp.model.memory import give_back
from kvlsp.opening.loading import Load, Loaded
from kvlsp.opening.ready import open_ready
from kvlsp.reasons import Reason

log = logging.getLogger(__name__)

SLOW_TURN = 0.02
"""Seconds from which on a turn is told, with ``trace`` set to spans."""


class Engine:
    """Messages in by :meth:`post` from any thread, events out through ``events`` on the engine's thread. Without
    :meth:`start` that is whoever calls :meth:`load` and :meth:`turn`, and whom ``arrived`` tells of messages."""

    def __init__(self, settings: Settings, events: Callable[[Event], None], load: Load = open_ready,
                 clock: Callable[[], float] = time.monotonic, arrived: Callable[[], None] = lambda: None) -> None:
        self._line_ends, self._clock = LineEnds(), clock
        self._events = events = self._line_ends.outwards(events)
        self._inbox: Inbox[Message | Loaded | Fetched] = Inbox(arrived)
        self._thread = threading.Thread(target=self._run, name="kvlsp-engine", daemon=True)
        self.documents = Documents(settings, clock)
        self._statistics = Statistics()
        self._answering = Answering(self._statistics, clock, events)
        self._completer = Completer(self.documents, self._answering, clock)
        self._next_edits = NextEdits(self.documents, self._answering.offers, clock, events)
        self._upkeep = Upkeep(self.documents, self._completer, self._next_edits, clock, events)
        self._tidying = Tidying(clock, give_back)
        self._models = Models(self.documents, self._completer, load, self._inbox.post, events)
        self._watching = Watching(self.documents, self._statistics, self._models, clock, events)
        self._questions = Questions(self.documents, self._statistics, self._models, self._line_ends, events)
        self._unloading = Unloading(self.documents, self._models, clock, self._give_back)
        self._reporting = Reporting(self._answering.say, events)

    def start(self) -> None:
        """Begin to take messages; the model loads beside it."""
        self.load()
        self._thread.start()

    def load(self) -> None:
        """Begin to load the model."""
        self._models.load()

    def post(self, message: Message) -> None:
        """Hand over a message; never waits."""
        self._inbox.post(message)

    def stop(self, timeout: float = 10.0) -> None:
        """Answer what waits, end the thread."""
        self._inbox.post(Shutdown())
        if self._thread.is_alive():
            self._thread.join(timeout)
        self.documents.shelving.end()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def owes(self) -> bool:
        """Whether messages wait to be applied, or requests for their answer."""
        return bool(self._inbox) or self._completer.waiting or self._next_edits.waiting

    def _give_back(self) -> None:
        self._next_edits.forget_readers()
        give_back()

    # --- the loop --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with (tracing.to(lambda turn: log.info(turn.text(SLOW_TURN / 4)), SLOW_TURN)
              if self.documents.settings.trace == "spans" else nullcontext()):
            while self.turn(self.patience()):
                pass

    def turn(self, patience: float | None) -> bool:
        """Wait up to ``patience`` seconds for a message (None: as long as it takes), then work; False at the end."""
        message = self._inbox.take(patience)
        with self._watching.turn(), tracing.span("turn"):
            goes_on = self._turn(message)
        self._guarded(self._watching.tell, self._completer.waiting)
        return goes_on

    def _turn(self, message: Message | Loaded | Fetched | None) -> bool:
        while message is not None:
            if isinstance(message, Shutdown):
                self._shut_down()
                return False
            with tracing.span(f"apply {type(message).__name__}"):
                self._guarded(self._apply, message)
            message = self._inbox.take(0)
        self._guarded(self._work)
        self._answering.tell(self._completer.waiting)
        return True

    def patience(self) -> float | None:
        """Seconds until there is something to do without a message; None when there never will be."""
        if self._inbox:
            return 0.0
        decision = self._decide(self._next())
        waits = (0.0 if decision.work is not None else decision.wait, self._tidying.wait(), self._watching.wait(),
                 self._unloading.wait(), self._next_edits.wait())
        return min((wait for wait in waits if wait is not None), default=None)

    def _guarded(self, act: Callable[..., None], *arguments: object) -> None:
        """A defect, or a panic in a library, does not end the daemon: a cache may be dropped, the text is kept."""
        try:
            act(*arguments)
        except BaseException as error:
            self._reporting.failed(error, ", ".join(type(argument).__name__ for argument in arguments) or "its work")

    # --- messages --------------------------------------------------------------------------------------------

    def _apply(self, message: Message | Loaded | Fetched) -> None:
        if isinstance(message, Watch):  # to look on changes nothing
            return self._watching.ask(message)
        if isinstance(message, Fetched):
            return self.documents.fetched(message)
        if not isinstance(message, Loaded):
            message = self._line_ends.incoming(message)
        documents, completer = self.documents, self._completer
        self._watching.heard(message)
        self._unloading.heard(message)
        documents.try_again()
        if isinstance(message, Question):
            self._questions.answer(message)
        match message:
            case EditDocument(uri):
                self._edit(message, documents.get(uri))
            case Complete():
                completer.ask(message)
            case NextEdit():
                self._next_edits.ask(message)
            case OpenDocument(snapshot):
                self._leave(snapshot.uri)
                completer.enter(documents.open(snapshot))
            case CloseDocument(uri):
                self._leave(uri)
                documents.close(uri)
                self._tidying.closed()
            case PlaceContext():
                documents.show(message)
            case Feedback():
                self._answering.heard(message, documents.get(message.uri))
                self._next_edits.heard(message)
            case Configure(settings):
                self._models.configure(settings)
                self._next_edits.forget_readers()
            case Loaded():
                self._models.loaded(message)
                self._next_edits.forget_readers()
                self._answering.slowness.reset()

    def _edit(self, message: EditDocument, document: DocumentState | None) -> None:
        if document is None:
            self._completer.enter(self.documents.open(message.after))
            return
        self._next_edits.follow(document, message)
        self._completer.follow(document, message)
        self._completer.enter(document)
        self.documents.edit(document, message)

    def _leave(self, uri: str) -> None:
        """A document is closed, or opened again: nobody waits for it any more."""
        document = self.documents.get(uri)
        self._next_edits.forget(uri)
        if document is not None:
            self._completer.end(document)
            document.unsync()

    def _shut_down(self) -> None:
        """What still waits gets its answer."""
        for document in self.documents:
            self._guarded(self._completer.end, document, Reason.SHUTTING_DOWN)
        self._guarded(self._next_edits.end, Reason.SHUTTING_DOWN)
        while (message := self._inbox.take(0)) is not None:
            if isinstance(message, Complete):
                self._answering.refuse(message, Reason.SHUTTING_DOWN)
            elif isinstance(message, NextEdit):
                self._events(Completed(message.ticket, (), Reason.SHUTTING_DOWN, {}))
            elif isinstance(message, Question):
                self._guarded(self._apply, message)
        self._guarded(self.documents.end)

    # --- work ------------------------------------------------------------------------------------------------

    def _next(self) -> DocumentState | None:
        """The document whose turn it is: one that somebody waits for, else the one that the user is in."""
        return self._completer.next() or self._next_edits.next() or self.documents.get(self.documents.current)

    def _decide(self, document: DocumentState | None) -> Decision:
        if document is None or document.failed or not self.documents.serves(document):
            return Decision(None)
        try:
            facts = facts_of(self.documents, document, self._completer.asked(document), self._next_edits.due(document))
            return schedule(facts, self._clock())
        except BaseException as error:  # its text could not be tokenized, say: the thread goes on for the others
            self._completer.fail(document)
            self._reporting.failed(error, "a document")
            return Decision(None)

    def _work(self) -> None:
        self._completer.expire()
        self._next_edits.expire()
        document = self._next()
        decision = self._decide(document)
        self._tidying.work(idle=decision.work is None)
        if document is None or decision.work is None:
            self._unloading.work()
            return
        try:
            with tracing.span(decision.work.value):
                self._upkeep.do(decision.work, document)
        except BaseException:
            self._completer.fail(document)
            self._next_edits.fail(document.snapshot.uri)
            raise
