"""What the engine does for a document that nobody waits for: read it, bring its cache to the caret, make it exact.

Each method is one step: at most one forward, or one piece of text. When each is due is decided in
:mod:`kvlsp.engine.schedule`.
"""

from __future__ import annotations

from collections.abc import Callable

from kvlsp.cache.refresh import read_likelihoods
from kvlsp.engine.completer import Completer
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.engine.eviction import evict
from kvlsp.engine.facts import open_texts
from kvlsp.engine.next_edits import NextEdits
from kvlsp.engine.pace import Pace
from kvlsp.engine.schedule import Work
from kvlsp.engine.sync import Sync
from kvlsp.messages import Event, PrefillProgress

REFRESH_SECONDS = 0.016
"""A forward that makes rows exact takes about so long: a keystroke waits for it."""
PREFILL_SECONDS = 0.06
"""A forward that somebody waits for, or that begins a document."""
LEAST, LEAST_WAITED = 32, 64
"""Rows of such a forward at least, and of one that somebody waits for: a model that takes longer for so many takes
nearly as long for a fourth of them, since the time goes by reading its weights."""
LARGE_PREFILL = 1024
"""Rows from which on a prefill is worth a progress bar."""


class Upkeep:
    """Used from the engine's thread only."""

    def __init__(self, documents: Documents, completer: Completer, next_edits: NextEdits, clock: Callable[[], float],
                 events: Callable[[Event], None]) -> None:
        self._documents, self._completer, self._clock, self._events = documents, completer, clock, events
        self._steps: dict[Work, Callable[[DocumentState], None]] = {
            Work.TOKENIZE: documents.read,
            Work.COMPLETE: self._complete,
            Work.BEGIN: completer.begin_ahead,
            Work.SYNC: self._sync,
            Work.REFRESH_OLDEST: self._refresh_oldest,
            Work.REFINE: self._refine,
            Work.PLACE: self._place,
            Work.GROW: self._grow,
            Work.REFRESH: self._refresh,
            Work.KEEP: self._keep,
            Work.NEXT_EDIT: next_edits.step,
            Work.JUDGE: self._judge,
            Work.REMEMBER: self._remember,
        }
        self._refresh_pace = Pace(clock, REFRESH_SECONDS)
        self._prefill_pace = documents.shelving.pace = Pace(clock, PREFILL_SECONDS, least=LEAST)
        self._waited_pace = Pace(clock, PREFILL_SECONDS, least=LEAST_WAITED, beside=self._prefill_pace)

    def do(self, work: Work, document: DocumentState) -> None:
        """One step of it; then caches are within their bounds."""
        self._steps[work](document)
        if not document.completing:
            evict(self._documents, self._clock())

    def _complete(self, document: DocumentState) -> None:
        """A forward of the completion that is under way."""
        job = document.job
        if job is None:
            return
        begun, pace = job.total, self._waited_pace if self._completer.asked(document) else self._prefill_pace
        with pace as rows:
            pace.did(self._completer.step(document, rows))
        total = job.total or begun  # 0 as soon as its layout is resident
        self._tell(document, total - job.left, total)

    def _sync(self, document: DocumentState) -> None:
        """Bring the cache to the layout at the caret ahead of the request that will want it."""
        session = self._documents.session(document)
        if document.sync is None:
            document.sync = session.begin_sync(session.caret)
        with self._prefill_pace as rows:
            self._prefill_pace.did(self._step(document, document.sync, rows))

    def _grow(self, document: DocumentState) -> None:
        """Lay out more of the document, behind rows that are exact: then each row is encoded once."""
        document.growing = True
        session = self._documents.session(document)
        with self._prefill_pace as rows:
            if document.sync is None:
                first = session.growth(rows)
                before = (first or 0) - session.cache.frontier
                if before > 0:
                    self._prefill_pace.did(session.refresh(min(rows, before)))
                    return
                document.sync = session.begin_sync(session.caret, grow=rows)
            self._prefill_pace.did(self._step(document, document.sync, rows))

    def _step(self, document: DocumentState, sync: Sync, rows: int) -> int:
        done = sync.step(rows)
        self._tell(document, sync.total - sync.left, sync.total)
        if sync.complete:
            document.stop_sync()
            document.synced = True
        return done

    def _tell(self, document: DocumentState, done: int, total: int) -> None:
        """Of a prefill that people wait for."""
        if total >= LARGE_PREFILL:
            self._events(PrefillProgress(document.snapshot.uri, done, total))

    def _refine(self, document: DocumentState) -> None:
        """Make tokens certain that an edit of a long run left in doubt."""
        if self._documents.session(document).refine():
            document.unsync()

    def _refresh(self, document: DocumentState) -> None:
        """Make the next rows exact; those that a window has grown before end its growth, in forwards like its own."""
        document.stop_sync()
        pace = self._prefill_pace if document.growing else self._refresh_pace
        with pace as rows:
            pace.did(self._documents.session(document).refresh(rows))

    def _judge(self, document: DocumentState) -> None:
        """Rows that have not said yet how likely what follows them is say so."""
        with self._refresh_pace as rows:
            self._refresh_pace.did(read_likelihoods(self._documents.session(document).cache, rows))

    def _remember(self, document: DocumentState) -> None:
        """A piece of another file, whatever document the user is in."""
        documents = self._documents
        if documents.model is not None:
            documents.remembering.step(documents.model, open_texts(documents), documents.current)

    def _refresh_oldest(self, document: DocumentState) -> None:
        """Typing goes on: a forward between two keystrokes."""
        document.refreshed = True
        document.stop_sync()
        with self._refresh_pace as rows:
            self._refresh_pace.did(self._documents.session(document).refresh_oldest(rows))

    def _keep(self, document: DocumentState) -> None:
        """A layer's rows for the disk."""
        self._documents.shelving.step(document.snapshot.uri, self._documents.session(document))

    def _place(self, document: DocumentState) -> None:
        """At most one forward towards what the document should see of other files.

        Once it is in place, answers that were given behind another context are forgotten: they know nothing of this
        one. What the user turned down stays turned down.
        """
        due = self._documents.context_due(document)
        if due is None:
            return
        document.stop_sync()
        session = self._documents.session(document)
        before = session.placed.shown
        if not self._documents.placing.advance(session, *due, self._refresh_pace):
            return
        if session.placed.shown != before:
            document.answers.forget()
            document.job = None
        document.unsync()
