"""The open documents on the model's side: text always, a session once there is a model, caches within a bound.

Used from the engine's thread only. It does not know requests, nor what is done with a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from kvlsp.cache.store import Holding, to_drop
from kvlsp.cache.worth import Budget, worthiest
from kvlsp.completion.answers import Answers
from kvlsp.completion.drafts import BLOCKED, Adaptation, CopyDrafter, Drafting
from kvlsp.config import Settings
from kvlsp.engine.messages import EditDocument, PlaceContext
from kvlsp.engine.model import Model
from kvlsp.engine.pace import Pace
from kvlsp.engine.placing import Placing
from kvlsp.engine.room import room_for
from kvlsp.engine.session import Session
from kvlsp.text.document import Snapshot
from kvlsp.tokens.backlog import PIECE, Backlog

UNASKED = 8
"""Edits without a request of the editor's own after which none is expected any more: it waits for a rest, or the user
asks when they want something."""


@dataclass(slots=True)
class Desk:
    """One open document. ``unsettled``: its cache is not yet at the layout of its caret. ``expected``: a request at its
    caret is to be expected, so that its work is worth beginning; ``unasked`` edits came since the last one that an
    editor sent by itself. ``context`` is what it should see of other files, placed or not."""

    snapshot: Snapshot
    session: Session | None = None
    drafter: CopyDrafter | None = None
    answers: Answers = field(default_factory=Answers)
    unsettled: bool = True
    expected: bool = False
    unasked: int = UNASKED
    context: PlaceContext | None = None
    used_at: float = 0.0

    @property
    def resident(self) -> bool:
        """Whether there are rows of it in memory."""
        return self.session is not None and len(self.session.cache.rows) > 0


class Desks:
    """All open documents by URI. ``bound`` is in bytes over all caches."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._desks: dict[str, Desk] = {}
        self._adaptation = Adaptation()
        self.placing = Placing(clock)
        self.current: str | None = None
        self.bound = 0
        self.piece = PIECE
        """Characters that are tokenized in one go."""
        self.host_bound = 0
        """Bytes of host memory that rows of idle documents may take; apart from ``bound``, which is the device's."""

    def __len__(self) -> int:
        return len(self._desks)

    def __iter__(self) -> Iterator[Desk]:
        return iter(self._desks.values())

    def get(self, uri: str | None) -> Desk | None:
        return self._desks.get(uri) if uri is not None else None

    def open(self, snapshot: Snapshot) -> None:
        known = self._desks.get(snapshot.uri)
        self._desks[snapshot.uri] = Desk(snapshot, context=known.context if known is not None else None)
        self.touch(snapshot.uri)

    def close(self, uri: str) -> None:
        self._desks.pop(uri, None)
        self.placing.stop()
        if self.current == uri:
            self.current = None

    def place(self, message: PlaceContext) -> None:
        """Remember what a document should see of other files; one that is not open needs none."""
        desk = self._desks.get(message.uri)
        if desk is not None:
            desk.context = message

    def context_due(self, desk: Desk, settings: Settings) -> tuple[PlaceContext, int] | None:
        """What the document should see of other files and does not, and of how many tokens at most; None if all is in
        place."""
        asked, session = desk.context, desk.session
        if asked is None or session is None:
            return None
        if not settings.reads_workspace:
            asked = PlaceContext(asked.uri, ())
        if session.asked is None and not asked.chunks:
            return None
        due = (asked, settings.cross_file_tokens)
        return None if session.asked == due else due

    def place_due(self, desk: Desk, session: Session, due: tuple[PlaceContext, int], pace: Pace) -> bool:
        """At most one forward towards what is ``due``; True once it is in place.

        Answers that were given behind another context are forgotten then: they know nothing of this one. What the user
        turned down stays turned down.
        """
        before = session.placed.shown
        if not self.placing.advance(session, *due, pace):
            return False
        if session.placed.shown != before:
            desk.answers.forget()
        return True

    def edit(self, message: EditDocument) -> None:
        """Follow changes; where the base is not the version we have, the text is taken over whole, never guessed."""
        desk = self._desks.get(message.uri)
        if desk is None:
            self.open(message.after)
            return
        session = desk.session
        if session is not None and session.snapshot.version == message.base_version:
            session.edit(message.changes, message.after)
        else:
            desk.session = None
        desk.snapshot = message.after
        desk.unsettled = True
        desk.unasked = min(desk.unasked + 1, UNASKED)
        desk.expected = desk.resident and (desk.expected or desk.unasked < UNASKED)
        self.touch(message.uri)

    def touch(self, uri: str) -> None:
        """The user is here now."""
        self.current = uri
        self._desks[uri].used_at = self._clock()

    def session(self, desk: Desk, model: Model, settings: Settings) -> Session:
        """The document's session, made from its text when there is none. That of a long text is behind it at first:
        :meth:`catch_up` comes before all else."""
        if desk.session is None:
            room = room_for(model.decoder, settings, self.bound)
            session = Session(model, desk.snapshot, context=room.tokens, generation_rows=settings.max_tokens,
                              advice=room.advice, backlog=Backlog(self.piece))
            session.full_prefill = settings.full_prefill or model.full_prefill
            budget = model.repair_budget if settings.repair_budget < 0 else Budget.of(settings.repair_budget)
            session.choose = worthiest(budget) if budget else None
            desk.session, desk.drafter = session, None
        if desk.drafter is None and not desk.session.behind:
            desk.drafter = CopyDrafter(desk.session.tokens.ids)
            desk.session.token_edits.append(desk.drafter.apply)
        return desk.session

    def catch_up(self, desk: Desk) -> None:
        """Tokenize the next piece of a text that is not tokenized yet. One that fails is begun again when wanted."""
        session = desk.session
        if session is None:
            return
        try:
            session.catch_up()
        except Exception:
            desk.session, desk.drafter = None, None
            raise

    def drafting(self, desk: Desk, offset: int) -> Drafting | None:
        """Drafts for a completion at ``offset``: copied from this document first, then from the others."""
        if desk.drafter is None or desk.session is None:
            return None
        others = [other.drafter for other in self if other is not desk and other.drafter is not None]
        tokens = desk.session.tokens
        cut = tokens.cut(offset)
        following = np.concatenate((cut.head_ids, tokens.ids[cut.right : cut.right + BLOCKED]))
        return Drafting(desk.drafter, others, following, self._adaptation)

    def forget_sessions(self) -> None:
        """The model or its limits changed: caches and tokens are made anew when they are needed; what was answered is
        forgotten."""
        self.placing.forget()
        for desk in self:
            desk.answers.forget()
            desk.session, desk.drafter, desk.unsettled, desk.expected = None, None, True, False

    def forget_answers(self) -> None:
        """What was answered under other settings is no answer any more."""
        for desk in self:
            desk.answers.forget()

    def evict(self) -> None:
        """Drop the least useful caches and chunks beyond the bound; the current document's never."""
        holdings: list[Holding[str | bytes]] = [
            Holding(uri, desk.session.cache.nbytes, desk.used_at, len(desk.session.cache.rows))
            for uri, desk in self._desks.items() if desk.session is not None
        ]
        holdings += self.placing.store.holdings()
        for key in to_drop(holdings, self.bound, self._clock(), self.current):
            if isinstance(key, bytes):
                self.placing.store.drop(key)
                continue
            self._leave(self._desks[key])
        parked = [Holding(uri, desk.session.cache.host_nbytes, desk.used_at, len(desk.session.cache.rows))
                  for uri, desk in self._desks.items() if desk.session is not None]
        for uri in to_drop(parked, self.host_bound, self._clock(), self.current):
            session = self._desks[uri].session
            if session is not None:
                session.cache.forget()

    def _leave(self, desk: Desk) -> None:
        """Give back the device's memory: the rows go to the host where that pays, else they are dropped."""
        session = desk.session
        if session is None:
            return
        if session.model.parks and self.host_bound:
            session.cache.park()
        else:
            session.cache.forget()
        desk.unsettled = True


def limits(settings: Settings) -> tuple[object, ...]:
    """What sessions are made with: where it changes, they are made anew."""
    return (settings.context_tokens, settings.max_tokens, settings.full_prefill, settings.cache_mib,
            settings.repair_budget)
