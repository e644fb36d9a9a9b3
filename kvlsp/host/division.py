"""How the memory for rows is divided among clients: evenly among those who type, and to the others what is left.

Integers only. Whoever rests keeps what they have as long as nobody who types needs it: then those who have rested
longest give way first, and have their share back with the next key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RESTING: Final = 60.0
"""Seconds without a key or a request after which somebody rests."""


@dataclass(frozen=True, slots=True)
class Use:
    """One client's: bytes of rows that are ``held``, seconds of ``rest``, and bytes that their user has ``wished`` for
    all caches, 0 for no such wish."""

    held: int
    rest: float
    wished: int = 0

    @property
    def rests(self) -> bool:
        return self.rest > RESTING


def shares(uses: Sequence[Use], bound: int) -> list[int]:
    """Bytes for each, in their order; ``bound`` is for all of them. Who wished for more counts with that much where it
    is about their own; the others have no more for it."""
    typing = max(1, sum(not use.rests for use in uses))
    given, taken = [0] * len(uses), 0
    for number, use in enumerate(uses):
        if not use.rests:
            given[number] = max(bound, use.wished) // typing
            taken += min(use.held, given[number])
    for number in sorted((number for number, use in enumerate(uses) if use.rests), key=lambda one: uses[one].rest):
        use = uses[number]
        given[number] = max(0, max(bound, use.wished) - taken)
        taken += min(use.held, given[number])
    return given
