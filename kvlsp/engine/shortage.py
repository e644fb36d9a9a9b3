"""Memory ran out over a document: its rows make room, and work that nobody waits for is not tried again at once.

A window that grows until there is no memory left would otherwise be read again, and fail again, at every rest.
"""

from __future__ import annotations

from collections.abc import Callable

from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.schedule import Work

PAUSE = 300.0
"""Seconds after which it may have become better: other programs end, too."""
WANTED = frozenset({Work.TOKENIZE, Work.COMPLETE, Work.BEGIN, Work.SYNC})
"""What a user waits for, or is about to: it is tried whenever they do something."""


class Shortage:
    """Used from the engine's thread only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[Work, float] = {}

    def met(self, document: DocumentState, work: Work) -> None:
        """There was no memory for a step of ``work`` on ``document``."""
        if document.session is not None:
            document.session.cache.forget()
        if work not in WANTED:
            self._until[work] = self._clock() + PAUSE

    @property
    def paused(self) -> frozenset[Work]:
        """What is not tried now."""
        now = self._clock()
        return frozenset(work for work, until in self._until.items() if now < until)

    def over(self) -> None:
        """The model or its limits changed: nothing is known of the memory that there is for them."""
        self._until.clear()
