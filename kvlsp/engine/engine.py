"""The one thread that owns the model and every cache: take what has arrived, then one step of the work that is next.

    turn:  apply every message that waits     texts and tokens follow at once, no forward
           answer what is at its deadline
           one step of what schedule() says   at most one forward
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext

from kvlsp import tracing
from kvlsp.config import Settings
from kvlsp.engine.applying import Applying
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.engine.eviction import evict, give_way, held
from kvlsp.engine.facts import facts_of
from kvlsp.engine.inbox import Inbox
from kvlsp.engine.parts import Parts
from kvlsp.engine.schedule import Decision, Work, schedule
from kvlsp.engine.shelving import Fetched
from kvlsp.messages import (
    Complete,
    Completed,
    Event,
    Message,
    NextEdit,
    Question,
    Shutdown,
)
from kvlsp.model.limits import is_shortage
from kvlsp.opening.keeping import open_and_keep
from kvlsp.opening.loading import Load, Loaded
from kvlsp.reasons import Reason

log = logging.getLogger(__name__)

SLOW_TURN = 0.02
"""Seconds from which on a turn is told, with ``trace`` set to spans."""


class Engine:
    """Messages in by :meth:`post` from any thread, events out through ``events`` on the engine's thread. Without
    :meth:`start` that is whoever calls :meth:`load` and :meth:`turn`, and whom ``arrived`` tells of messages."""

    def __init__(self, settings: Settings, events: Callable[[Event], None], load: Load = open_and_keep,
                 clock: Callable[[], float] = time.monotonic, arrived: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._inbox: Inbox[Message | Loaded | Fetched] = Inbox(arrived)
        self._thread = threading.Thread(target=self._run, name="kvlsp-engine", daemon=True)
        self._parts = Parts(settings, events, load, clock, self._inbox.post)
        self._apply = Applying(self._parts).apply

    @property
    def documents(self) -> Documents:
        return self._parts.documents

    def start(self) -> None:
        """Begin to take messages; the model loads beside it."""
        self.load()
        self._thread.start()

    def load(self) -> None:
        """Begin to load the model."""
        self._parts.models.load()

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
        return bool(self._inbox) or self._parts.completer.waiting or self._parts.next_edits.waiting

    # --- the loop --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with (tracing.to(lambda turn: log.info(turn.text(SLOW_TURN / 4)), SLOW_TURN)
              if self.documents.settings.trace == "spans" else nullcontext()):
            while self.turn(self.patience()):
                pass

    def turn(self, patience: float | None) -> bool:
        """Wait up to ``patience`` seconds for a message (None: as long as it takes), then work; False at the end."""
        message = self._inbox.take(patience)
        with self._parts.watching.turn(), tracing.span("turn"):
            goes_on = self._turn(message)
        self._guarded(self._parts.watching.tell, self._parts.completer.waiting)
        return goes_on

    def hear(self) -> bool:
        """Take what has come and answer what is at its deadline, without a forward: between the turns of other engines
        that share the model. False at the end."""
        with self._parts.watching.turn(), tracing.span("turn"):
            return self._hear(self._inbox.take(0))

    @property
    def rest(self) -> float:
        """Seconds since the user was at work; 0 while they wait for something."""
        return 0.0 if self.owes else self._clock() - self.documents.active_at

    @property
    def held(self) -> tuple[int, int]:
        """Bytes that rows take now, of documents and of pieces of other files: on the device, and in host memory."""
        return held(self.documents)

    def give_way(self, *, rests: bool) -> None:
        """Hold no more than the share of memory, which has become less; to be called between two turns. If the user
        ``rests``, the rows of the document that they are in may go, too."""
        if rests:
            self._parts.next_edits.forget_readers()
        self._guarded(give_way if rests else evict, self.documents, self._clock())

    def _turn(self, message: Message | Loaded | Fetched | None) -> bool:
        if not self._hear(message):
            return False
        self._guarded(self._work)
        self._parts.answering.tell(self._parts.completer.waiting)
        return True

    def _hear(self, message: Message | Loaded | Fetched | None) -> bool:
        while message is not None:
            if isinstance(message, Shutdown):
                self._shut_down()
                return False
            with tracing.span(f"apply {type(message).__name__}"):
                self._guarded(self._apply, message)
            message = self._inbox.take(0)
        self._guarded(self._parts.completer.expire)
        self._guarded(self._parts.next_edits.expire)
        return True

    def patience(self) -> float | None:
        """Seconds until there is something to do without a message; None when there never will be."""
        if self._inbox:
            return 0.0
        decision = self._decide(self._next())
        parts = self._parts
        waits = (0.0 if decision.work is not None else decision.wait, parts.tidying.wait(), parts.watching.wait(),
                 parts.unloading.wait(), parts.next_edits.wait())
        return min((wait for wait in waits if wait is not None), default=None)

    def _guarded(self, act: Callable[..., None], *arguments: object) -> None:
        """Call ``act`` so that a defect, or a panic in a library, does not end the daemon: a cache may be dropped, the
        text is kept."""
        try:
            act(*arguments)
        except BaseException as error:
            what = ", ".join(type(argument).__name__ for argument in arguments) or "its work"
            self._parts.reporting.failed(error, what)

    def _shut_down(self) -> None:
        """What still waits gets its answer."""
        for document in self.documents:
            self._guarded(self._parts.completer.end, document, Reason.SHUTTING_DOWN)
        self._guarded(self._parts.next_edits.end, Reason.SHUTTING_DOWN)
        while (message := self._inbox.take(0)) is not None:
            if isinstance(message, Complete):
                self._parts.answering.refuse(message, Reason.SHUTTING_DOWN)
            elif isinstance(message, NextEdit):
                self._parts.events(Completed(message.ticket, (), Reason.SHUTTING_DOWN, {}))
            elif isinstance(message, Question):
                self._guarded(self._apply, message)
        self._guarded(self.documents.end)

    # --- work ------------------------------------------------------------------------------------------------

    def _next(self) -> DocumentState | None:
        """The document whose turn it is: one that somebody waits for, else the one that the user is in."""
        parts = self._parts
        return parts.completer.next() or parts.next_edits.next() or self.documents.get(self.documents.current)

    def _decide(self, document: DocumentState | None) -> Decision:
        if document is None or document.failed or not self.documents.serves(document):
            return Decision(None)
        try:
            parts = self._parts
            edits = parts.next_edits
            facts = facts_of(self.documents, document, parts.completer.asked(document), edits.due(document),
                             edits.asked(document))
            return schedule(facts, self._clock())
        except BaseException as error:  # its text could not be tokenized, say: the thread goes on for the others
            self._parts.completer.fail(document)
            self._parts.reporting.failed(error, "a document")
            return Decision(None)

    def _work(self) -> None:
        document = self._next()
        decision = self._decide(document)
        self._parts.tidying.work(idle=decision.work is None)
        if document is None or decision.work is None:
            self._parts.unloading.work()
            return
        if decision.work in (Work.GROW, Work.KEEP):  # what passes through these is large
            self._parts.tidying.worked()
        try:
            with tracing.span(decision.work.value):
                self._parts.upkeep.do(decision.work, document)
        except BaseException as error:
            self._parts.completer.fail(document)
            self._parts.next_edits.fail(document.snapshot.uri)
            if is_shortage(error):
                self.documents.shortage.met(document, decision.work)
            raise
