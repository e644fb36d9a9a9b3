"""One request, one answer: a promise that is kept exactly once, whoever comes first.

The engine, a cancellation, a newer request, a closing document and a shutdown all may want to answer the same
request. The first wins, the others learn that they came late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
NOT_INITIALIZED: Final = -32002
CANCELLED: Final = -32800


@dataclass(frozen=True, slots=True)
class Result:
    value: Any


class Refusal(Exception):
    """An error answer; handlers may raise it. ``message`` is a sentence without text of the user's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


Outcome: TypeAlias = Result | Refusal


class Answer:
    """The answer to one request, perhaps not known yet. Used by the editor's thread only."""

    __slots__ = ("_outcome", "_receiver", "_when_cancelled")

    def __init__(self, when_cancelled: Callable[[], None] | None = None) -> None:
        self._outcome: Outcome | None = None
        self._receiver: Callable[[Outcome], None] | None = None
        self._when_cancelled = when_cancelled

    @property
    def given(self) -> bool:
        return self._outcome is not None

    def give(self, outcome: Outcome) -> bool:
        """Answer, if nobody has yet; False when it came late."""
        if self._outcome is not None:
            return False
        self._outcome = outcome
        if self._receiver is not None:
            self._receiver(outcome)
        return True

    def cancel(self) -> None:
        """The client lost interest: say so to whoever works on it."""
        if not self.given and self._when_cancelled is not None:
            self._when_cancelled()
        self.give(Refusal(CANCELLED, "The request was cancelled."))

    def deliver_to(self, receiver: Callable[[Outcome], None]) -> None:
        """Where the outcome goes: now if it is known, else when it comes."""
        self._receiver = receiver
        if self._outcome is not None:
            receiver(self._outcome)
