"""A completion begun before anybody asks for it, while nothing else waits.

Editors wait after a key before they ask (Neovim 200 ms), and people accept in runs: behind an edit, and behind an
acceptance, the next request is known. Its work goes on a forward at a time. The request for just this place takes it
over, however far it has come; whatever else touches texts or caches ends it, and if it was finished by then it is
remembered as an answer. It does not know when a request is to be expected.
"""

from __future__ import annotations

from dataclasses import dataclass

from kvlsp.engine.completing import Completing
from kvlsp.engine.desk import Desk
from kvlsp.engine.messages import Complete, DescribeDocument, DescribeEngine, Feedback, PlaceContext
from kvlsp.engine.session import Session


@dataclass(slots=True)
class _Begun:
    completing: Completing
    desk: Desk
    done: bool = False


class Ahead:
    """At most one such completion. Used from the engine's thread only."""

    def __init__(self) -> None:
        self._begun: _Begun | None = None

    @property
    def working(self) -> bool:
        """Whether there is a next :meth:`step`."""
        return self._begun is not None and not self._begun.done

    def covers(self, session: Session) -> bool:
        """Whether what was begun is for the session's caret."""
        completing = self._begun.completing if self._begun is not None else None
        return completing is not None and (completing.session, completing.offset) == (session, session.caret)

    def begin(self, desk: Desk, completing: Completing) -> None:
        """Go on with ``completing``, which is prepared; nothing else is begun."""
        self._begun = _Begun(completing, desk)

    def step(self) -> None:
        """One forward. Once all is generated the cache is free for other work; the text stays."""
        begun = self._begun
        if begun is None or begun.done:
            return
        try:
            begun.done = begun.completing.step()
        except Exception:
            self._begun = None
            raise
        if begun.done:
            begun.completing.close()

    def concerns(self, message: object) -> bool:
        """Whether it may go on beside this message: its own request, or one that touches no text and no cache."""
        if isinstance(message, Complete):
            begun = self._begun
            return begun is not None and _asks_for(message, begun)
        return isinstance(message, Feedback | DescribeDocument | DescribeEngine | PlaceContext)

    def take(self, request: Complete) -> Completing | None:
        """Hand over what was begun for this request; None when there is no such thing."""
        begun = self._begun
        if begun is None or not _asks_for(request, begun):
            return None
        self._begun = None
        return begun.completing

    def end(self, *, holds: bool = True) -> None:
        """Give it up. What is finished is remembered as an answer, if it still ``holds`` in its place, and drafts are
        copied from what there is."""
        begun, self._begun = self._begun, None
        if begun is None or not begun.completing.candidates:
            return
        completing, desk = begun.completing, begun.desk
        completing.close()
        if begun.done and holds:
            texts, _ = completing.answers()
            for text in texts[:1]:
                desk.answers.remember(completing.prefix, completing.suffix, text, completing.confidence)
        if desk.drafter is not None:
            desk.drafter.learn(completing.context_ids, completing.candidates[0].generation.progress.ids)


def _asks_for(request: Complete, begun: _Begun) -> bool:
    snapshot = begun.completing.session.snapshot
    return (request.trigger == "automatic" and request.selected is None
            and (request.uri, request.version) == (snapshot.uri, snapshot.version)
            and request.offset == begun.completing.offset)
