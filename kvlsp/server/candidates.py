"""Numbers for what is offered: each candidate of a completion has its own, so that an acceptance says which one it was.

The engine knows a completion by one number. This module keeps which candidate of which completion a number stands for.
"""

from __future__ import annotations

import itertools
from typing import Final

from kvlsp.engine.messages import Feedback

REMEMBERED: Final = 1024
"""Candidates, the newest: feedback on older ones is of no use to anybody."""


class Candidates:
    """The candidates that were offered lately."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._offered: dict[int, tuple[int, int]] = {}

    def number(self, completion: int, index: int) -> int:
        """A new number for candidate ``index`` (0: the first) of the engine's ``completion``."""
        number = next(self._numbers)
        self._offered[number] = completion, index
        if len(self._offered) > REMEMBERED:
            del self._offered[next(iter(self._offered))]
        return number

    def feedback(self, message: Feedback) -> Feedback | None:
        """The message in the engine's number. None where that would say something else: the candidate is forgotten, or
        it is not the first and was turned down, which the engine would take to be the first one's fate."""
        offered = self._offered.get(message.completion)
        if offered is None or (offered[1] > 0 and message.kind == "rejected"):
            return None
        return Feedback(message.uri, offered[0], message.kind, message.length)
