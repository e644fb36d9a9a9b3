"""Requests that wait for a completion: each for one job, with a deadline, answered once.

Several may wait for one job: an editor asks for its list and for ghost text at once, and types on while it waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kvlsp.engine.completion import CompletionJob
from kvlsp.messages import Complete
from kvlsp.reasons import Reason


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """``request`` waits for ``job`` until ``deadline`` (seconds of the engine's clock). ``begun``: work on it had begun
    when the request came."""

    request: Complete
    job: CompletionJob
    deadline: float
    begun: bool


class Requests:
    """In order of arrival."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []

    def __iter__(self) -> Iterator[Waiting]:
        return iter(tuple(self._waiting))

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)

    def remove(self, waiting: Waiting) -> None:
        self._waiting.remove(waiting)

    def on(self, job: CompletionJob | None) -> list[Waiting]:
        """Those that wait for ``job``."""
        return [waiting for waiting in self._waiting if waiting.job is job]

    def take(self, *, uri: str | None = None, job: CompletionJob | None = None) -> list[Waiting]:
        """Those for a document, or for a ``job``; they wait no longer."""
        taken = [waiting for waiting in self._waiting if waiting.job is job or waiting.request.uri == uri]
        self._waiting = [waiting for waiting in self._waiting if waiting not in taken]
        return taken

    def ended(self, now: float) -> list[tuple[Waiting, Reason]]:
        """Those that wait no longer: cancelled by the editor, or at their deadline."""
        found = []
        for waiting in self._waiting:
            if waiting.request.cancel.cancelled:
                found.append((waiting, Reason.CANCELLED))
            elif now >= waiting.deadline:
                found.append((waiting, Reason.DEADLINE))
        return found
