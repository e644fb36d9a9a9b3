"""Place the pieces of other files that were asked for before a document, while nothing else waits, a forward at a time.

New chunks are encoded apart; until all are, the old layout stays in use. Then the new one takes its place in one step,
and the chunks' rows are copied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from kvlsp.cache.chunks import ChunkEncoding, ChunkStore
from kvlsp.engine.context import Context, Piece, compose
from kvlsp.engine.pace import Pace
from kvlsp.engine.session import Session
from kvlsp.messages import PlaceContext


class Placing:
    """Owns the encoded chunks of one model, for all documents. ``rows`` counts chunk rows kept, copied, encoded."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.store = ChunkStore()
        self.rows: Counter[str] = Counter()
        self._clock = clock
        self._towards: tuple[Session, PlaceContext, int] | None = None
        self._context: Context
        self._encoding: ChunkEncoding | None = None
        self._tried: set[bytes] = set()

    def forget(self) -> None:
        """Another model: nothing that was encoded is of use."""
        self.store.clear()
        self.stop()

    def stop(self) -> None:
        """Drop what was begun, and the session it was for; what is encoded stays."""
        self._towards, self._encoding = None, None

    def advance(self, session: Session, asked: PlaceContext, most: int, pace: Pace) -> bool:
        """At most one forward towards what is ``asked``, ``most`` tokens of it; True once it is in place.

        Then the session has a layout that its cache does not know yet. What was begun and is not wanted any more is
        dropped.
        """
        towards = (session, asked, most)
        if self._towards != towards:
            room = min(most, session.context_room)
            self._context = compose(session.model, asked, session.snapshot.language, room, session.placed)
            self._towards, self._tried = towards, set()
        self.store.touch((piece.key for piece in self._context.chunks), self._clock())
        missing = None if session.full_prefill else self._missing(session)
        if missing is not None:
            self._encode(session, missing, pace)
            return False
        context = self._context if session.full_prefill else self._context.only(self._available(session))
        self._count(session, context)
        session.store = self.store
        session.place(asked, most, context)
        self.stop()
        return True

    def _available(self, session: Session) -> set[bytes]:
        """Chunks that take no forward. One that was dropped from memory as soon as it was encoded is left out."""
        placed = {piece.key for piece in session.placed.chunks} if len(session.cache.rows) else set()
        return {piece.key for piece in self._context.chunks if piece.key in self.store or piece.key in placed}

    def _missing(self, session: Session) -> Piece | None:
        available = self._available(session) | self._tried
        return next((piece for piece in self._context.chunks if piece.key not in available), None)

    def _encode(self, session: Session, piece: Piece, pace: Pace) -> None:
        encoding = self._encoding
        if encoding is None or encoding.key != piece.key:
            encoding = ChunkEncoding(session.model.decoder, piece.key, self._context.behind, piece.ids)
            self._encoding = encoding
        try:
            with pace as rows:
                self.rows["encoded"] += encoding.advance(rows)
        except BaseException:
            self._encoding = None
            raise
        if encoding.complete:
            self._tried.add(piece.key)
            self.store.put(piece.key, encoding.chunk(), self._clock())
            self._encoding = None

    def _count(self, session: Session, context: Context) -> None:
        before = {piece.key for piece in session.placed.chunks}
        for piece in context.chunks:
            self.rows["kept" if piece.key in before else "copied"] += len(piece)
