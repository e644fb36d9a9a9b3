"""Which resident caches stay when memory is short: a bound in bytes over all documents.

Integers and floats only: the owner of the caches asks which to drop, and drops them. A dropped cache can always be
prefilled again from the document's tokens, so dropping loses time, never text.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

_SHARE = 0.25
"""Default bound: this share of the memory that is free at start."""

_LEAST = 64 << 20


@dataclass(frozen=True, slots=True)
class Holding(Generic[Key]):
    """One document's cache: its size, when it was last used (seconds), and the rows a rebuild would encode."""

    key: Key
    nbytes: int
    used_at: float
    rows: int


def to_drop(holdings: Iterable[Holding[Key]], bound: int, now: float, keep: Collection[Key] = ()) -> list[Key]:
    """The least useful documents whose removal brings the total within ``bound`` bytes; never those to ``keep``.

    A cache is worth the more the dearer its rebuild is per byte and the more recently it was used.
    """
    holdings = list(holdings)
    excess = sum(holding.nbytes for holding in holdings) - bound

    def worth(holding: Holding[Key]) -> float:
        # attention makes a rebuild cost more than linear in its rows
        rebuild = holding.rows * (1.0 + holding.rows / 4096)
        return rebuild / (holding.nbytes * (1.0 + now - holding.used_at))

    dropped = []
    for holding in sorted((h for h in holdings if h.nbytes and h.key not in keep), key=worth):
        if excess <= 0:
            break
        dropped.append(holding.key)
        excess -= holding.nbytes
    return dropped


def default_bound(free_bytes: int) -> int:
    """Bytes that caches may take when the user has not said, of ``free_bytes`` where they lie."""
    return max(_LEAST, int(free_bytes * _SHARE))
