"""The first lines of a longer suggestion, shown while the others are generated.

A suggestion of several lines takes a model some tenths of a second, and the next key ends what is not there by then.
So whoever asks again (:attr:`Complete.asks_again`) is told the lines that are complete soon after the request, once,
and waits for all of it with the next request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kvlsp.engine.completion import CompletionJob
    from kvlsp.engine.requests import Waiting

SOON: Final = 0.05
"""Seconds after a request before which all of a suggestion is waited for: lines that come one by one are restless."""


@dataclass(slots=True)
class Told:
    """What of a completion was offered while it was under way. When the model grows unsure nothing of that is taken
    back: only the first line counts (:mod:`kvlsp.completion.confidence`), and it was complete."""

    something: bool = False
    late: bool = False
    """Whether somebody was told at their deadline that there is nothing yet."""
    looked_at: int = 0
    """Characters of complete lines that were judged."""

    def due(self, complete: int) -> bool:
        """Whether the ``complete`` characters should be looked at: nothing was told, and they were not before."""
        if self.something or complete <= self.looked_at:
            return False
        self.looked_at = complete
        return True


def due(job: CompletionJob, waiting: Iterable[Waiting], now: float) -> list[Waiting]:
    """Those of the requests ``waiting`` for ``job``, which is under way, that may be offered its complete lines ``now``
    (seconds of the engine's clock)."""
    ready = [one for one in waiting if one.request.asks_again and one.request.trigger == "automatic"
             and now >= one.request.received + SOON]
    if not ready or job.texts is None or not job.told.due(job.texts.first.rule.complete_part()):
        return []
    return ready
