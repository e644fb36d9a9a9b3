"""The open documents on the model's side: text always, a session once there is a model, caches within a bound.

Used from the engine's thread only. Who asks for completions, and when, is :mod:`kvlsp.engine.completer`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from kvlsp.cache.witness import Witness
from kvlsp.cache.worth import Budget, worthiest
from kvlsp.completion.answers import Answers
from kvlsp.completion.drafts import BLOCKED, Adaptation, CopyDrafter, Drafting
from kvlsp.config import Settings
from kvlsp.engine.completion import CompletionJob, Phase
from kvlsp.engine.placing import Placing
from kvlsp.engine.room import room_for
from kvlsp.engine.session import Session
from kvlsp.engine.sync import Sync
from kvlsp.messages import EditDocument, PlaceContext
from kvlsp.opening.model import Model
from kvlsp.text.document import Snapshot
from kvlsp.tokens.reading import PIECE

UNASKED = 8
"""Edits without a request of the editor's own after which none is expected any more: it waits for a rest, or the user
asks when they want something."""


@dataclass(slots=True, eq=False)
class DocumentState:
    """One open document. ``synced``: its cache is at the layout of its caret, and ``sync`` is on the way there.
    ``job`` is the newest completion, under way or done. ``expected``: the editor is likely to ask at the caret, so that
    the work is worth beginning; ``unasked`` edits came since the last request that an editor sent by itself.
    ``refreshed``: overdue rows had a forward since the last edit. ``growing``: its window has grown since then.
    ``failed``: its own work failed and waits until something happens. ``context`` is what it should see of other files,
    placed or not."""

    snapshot: Snapshot
    session: Session | None = None
    drafter: CopyDrafter | None = None
    answers: Answers = field(default_factory=Answers)
    job: CompletionJob | None = None
    sync: Sync | None = None
    synced: bool = False
    expected: bool = False
    unasked: int = UNASKED
    refreshed: bool = False
    growing: bool = False
    failed: bool = False
    context: PlaceContext | None = None
    used_at: float = 0.0

    @property
    def resident(self) -> bool:
        """Whether there are rows of it in memory."""
        return self.session is not None and len(self.session.cache.rows) > 0

    @property
    def completing(self) -> bool:
        """Whether a completion is under way."""
        return self.job is not None and self.job.phase is not Phase.DONE

    def unsync(self) -> None:
        """Its text, caret or context has changed: the cache has to follow."""
        self.synced = False
        self.stop_sync()

    def stop_sync(self) -> None:
        """What is under way towards a layout ends; what is encoded stays, what is not is missing in the cache."""
        sync, self.sync = self.sync, None
        if sync is not None:
            self.synced = self.synced and sync.complete
            sync.close()

    def forget(self) -> None:
        """Drop tokens and cache; they are made from the text again when they are wanted."""
        self.sync = self.job = self.session = self.drafter = None
        self.synced = self.expected = False


class Documents:
    """All open documents by URI, with their model and settings. ``bound`` is in bytes over all caches."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.model: Model | None = None
        self._clock, self._adaptation = clock, Adaptation()
        self._documents: dict[str, DocumentState] = {}
        self.placing = Placing(clock)
        self.current: str | None = None
        """The document that the user is in."""
        self.active_at = clock()
        """When something was last opened, edited or answered, in seconds of the clock."""
        self._bound = 0
        self.share: int | None = None
        """No ``bound`` exceeds it, in bytes: the rest is for documents of other clients."""
        self.piece = PIECE
        """Characters that are tokenized in one go."""
        self.witness: Callable[[], Witness] | None = None
        """Makes who looks on at a cache."""
        self.host_bound = 0
        """Bytes of host memory that rows of idle documents may take; apart from ``bound``, the device's."""

    def __len__(self) -> int:
        return len(self._documents)

    def __iter__(self) -> Iterator[DocumentState]:
        return iter(self._documents.values())

    @property
    def bound(self) -> int:
        return self._bound if self.share is None else min(self._bound, self.share)

    @bound.setter
    def bound(self, bound: int) -> None:
        self._bound = bound

    @property
    def uris(self) -> list[str]:
        return list(self._documents)

    def get(self, uri: str | None) -> DocumentState | None:
        return self._documents.get(uri) if uri is not None else None

    def open(self, snapshot: Snapshot) -> DocumentState:
        known = self._documents.get(snapshot.uri)
        document = DocumentState(snapshot, context=known.context if known is not None else None)
        self._documents[snapshot.uri] = document
        self.touch(document)
        self.used()
        return document

    def close(self, uri: str) -> None:
        self._documents.pop(uri, None)
        self.placing.stop()
        if self.current == uri:
            self.current = None

    def touch(self, document: DocumentState) -> None:
        """The user is here now."""
        self.current = document.snapshot.uri
        document.used_at = self._clock()

    def used(self) -> None:
        """The user is at work: rest begins anew."""
        self.active_at = self._clock()

    def serves(self, document: DocumentState) -> bool:
        """Whether there is a model, and suggestions are wanted in this language."""
        return self.model is not None and self.settings.serves(document.snapshot.language)

    def edit(self, document: DocumentState, message: EditDocument) -> None:
        """Follow changes; where the base is not the version we have, the text is taken over whole, never guessed. The
        text is taken over whatever fails."""
        session, document.snapshot = document.session, message.after
        document.unasked = min(document.unasked + 1, UNASKED)
        document.expected = document.resident and (document.expected or document.unasked < UNASKED)
        document.refreshed = document.growing = False
        self.touch(document)
        self.used()
        if session is None:
            return
        if session.snapshot.version != message.base_version:
            document.forget()
            return
        try:
            document.unsync()
            session.edit(message.changes, message.after)
        except BaseException:
            document.forget()
            raise

    def session(self, document: DocumentState) -> Session:
        """The document's session, made from its text when there is none. That of a long text has not read all of it at
        first: :meth:`read` comes before all else."""
        model, settings = self.model, self.settings
        assert model is not None
        if document.session is None:
            room = room_for(model.decoder, settings, self.bound)
            whole = settings.full_prefill or model.full_prefill
            session = Session(model, document.snapshot, context=room.tokens, generation_rows=settings.max_tokens,
                              advice=room.advice, piece=self.piece, grows=not whole)
            session.full_prefill = whole
            budget = model.repair_budget if settings.repair_budget < 0 else Budget.of(settings.repair_budget)
            session.choose = worthiest(budget) if budget else None
            session.cache.witness = self.witness() if self.witness is not None else None
            document.session, document.drafter = session, None
        if document.drafter is None and not document.session.behind:
            document.drafter = CopyDrafter(document.session.tokens.ids)
            document.session.token_edits.append(document.drafter.apply)
        return document.session

    def read(self, document: DocumentState) -> None:
        """Tokenize the next piece of a text that has no tokens yet. One that fails is begun again when wanted."""
        session = document.session
        if session is None:
            return
        try:
            session.catch_up(document.job.offset if document.job is not None else None)
            document.unsync()  # tokens next to what was read may have changed
        except BaseException:
            document.forget()
            raise

    # --- other files -----------------------------------------------------------------------------------------

    def show(self, message: PlaceContext) -> None:
        """Remember what a document should see of other files; one that is not open needs none."""
        document = self.get(message.uri)
        if document is not None:
            document.context = message

    def context_due(self, document: DocumentState) -> tuple[PlaceContext, int] | None:
        """What the document should see of other files and does not, and of how many tokens at most; None if all is in
        place."""
        asked, session = document.context, document.session
        if asked is None or session is None:
            return None
        if not self.settings.reads_workspace:
            asked = PlaceContext(asked.uri, ())
        if session.asked is None and not asked.chunks:
            return None
        due = (asked, self.settings.cross_file_tokens)
        return None if session.asked == due else due

    def drafting(self, document: DocumentState, offset: int) -> Drafting | None:
        """Drafts for a completion at ``offset``: copied from this document first, then from the others."""
        if document.drafter is None or document.session is None or not self.settings.drafts:
            return None
        others = [other.drafter for other in self if other is not document and other.drafter is not None]
        tokens, cut = document.session.tokens, document.session.cut(offset)
        following = np.concatenate((cut.head_ids, tokens.ids[cut.right : cut.right + BLOCKED]))
        return Drafting(document.drafter, others, following, self._adaptation)

    # --- memory ----------------------------------------------------------------------------------------------

    def forget_sessions(self) -> None:
        """The model or its limits changed: caches and tokens are made anew when they are needed; what was answered is
        forgotten."""
        self.placing.forget()
        self.forget_answers()
        for document in self:
            document.forget()

    def forget_answers(self) -> None:
        """What was answered under other settings is no answer any more."""
        for document in self:
            document.answers.forget()


def limits(settings: Settings) -> tuple[object, ...]:
    """What sessions are made with: where it changes, they are made anew."""
    return (settings.context_tokens, settings.max_tokens, settings.full_prefill, settings.cache_mib,
            settings.repair_budget)
