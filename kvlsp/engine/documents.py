"""The open documents on the model's side: text always, a session once there is a model, caches within a bound.

Used from the engine's thread only. Who asks for completions, and when, is :mod:`kvlsp.engine.completer`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kvlsp.cache.worth import Budget, worthiest
from kvlsp.completion.copy_drafter import BLOCKED, CopyDrafter
from kvlsp.completion.draft_length import Adaptation
from kvlsp.completion.drafts import Drafting
from kvlsp.config import Settings
from kvlsp.engine.document_state import UNASKED, DocumentState
from kvlsp.engine.placing import Placing
from kvlsp.engine.remembering import Remembering
from kvlsp.engine.room import room_for
from kvlsp.engine.session import Session
from kvlsp.engine.shelving import Fetched, Shelving
from kvlsp.engine.shortage import Shortage
from kvlsp.engine.taking_back import came, take_back
from kvlsp.messages import EditDocument, PlaceContext
from kvlsp.opening.model import Model
from kvlsp.text.document import Snapshot
from kvlsp.tokens.reading import PIECE


class Documents:
    """All open documents by URI, with their model and settings. ``bound`` is in bytes over all caches."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.model: Model | None = None
        self._clock, self._adaptation = clock, Adaptation()
        self._documents: dict[str, DocumentState] = {}
        self.placing = Placing(clock)
        self.shelving = Shelving(clock)
        self.remembering = Remembering()
        self.shortage = Shortage(clock)
        self.current: str | None = None
        """The document that the user is in."""
        self.active_at = clock()
        """When something was last opened, edited or answered, in seconds of the clock."""
        self._bound = 0
        self.share: int | None = None
        """No ``bound`` exceeds it, in bytes: the rest is for documents of other clients. It may change at any time."""
        self.piece = PIECE
        """Characters that are tokenized in one go."""
        self.begins: Callable[[Session], None] = lambda session: None
        """Told of each session that is made."""
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
        if known is not None:
            self.shelving.keep(snapshot.uri, known.session)
        document = DocumentState(snapshot, context=known.context if known is not None else None)
        self._documents[snapshot.uri] = document
        self.touch(document)
        self.used()
        return document

    def close(self, uri: str) -> None:
        document = self._documents.pop(uri, None)
        if document is not None:
            self.shelving.keep(uri, document.session)
            self.shelving.forget(uri)
        self.placing.stop()
        if self.current == uri:
            self.current = None

    def try_again(self) -> None:
        """Try the failed work of documents again, since something has happened."""
        for document in self:
            document.failed = False

    def touch(self, document: DocumentState) -> None:
        """The user is in this document now."""
        self.current = document.snapshot.uri
        document.used_at = self._clock()

    def used(self) -> None:
        """The user is at work: the time of rest begins anew."""
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
            session.full_prefill, session.remembering = whole, self.remembering
            budget = model.repair_budget if settings.repair_budget < 0 else Budget.of(settings.repair_budget)
            session.choose = worthiest(budget) if budget else None
            self.begins(session)
            document.session, document.drafter = session, None
            document.awaited = self.shelving.fetch(document.snapshot.uri, session)
        elif document.left:
            document.left = False
            document.awaited = self.shelving.fetch(document.snapshot.uri, document.session)
        if document.awaited is not None or document.shelved is not None:
            take_back(document, self.shelving, self._clock())
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

    # --- rows on disk ----------------------------------------------------------------------------------------

    def fetched(self, message: Fetched) -> None:
        """What is on disk of a document has come."""
        document = self.get(message.uri)
        if document is not None and document.session is message.session:
            came(document, message.shelved)

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
        shown = self.settings.cross_file != "never" if asked.of_notebook else self.settings.reads_workspace
        if not shown:
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
        self.shortage.over()
        self.forget_answers()
        for document in self:
            self.shelving.keep(document.snapshot.uri, document.session)
            document.forget()

    def end(self) -> None:
        """The engine ends: rows go to disk, those of the document that was used last first."""
        for document in sorted(self, key=lambda one: -one.used_at):
            document.unsync()
            self.shelving.keep(document.snapshot.uri, document.session)

    def forget_answers(self) -> None:
        """Forget answers that were given under other settings."""
        for document in self:
            document.answers.forget()


def limits(settings: Settings) -> tuple[object, ...]:
    """What sessions are made with: where it changes, they are made anew."""
    return (settings.context_tokens, settings.max_tokens, settings.full_prefill, settings.cache_mib,
            settings.repair_budget)
