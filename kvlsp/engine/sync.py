"""A session's cache on its way to the layout at a caret, a forward at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kvlsp.cache.repair import Repair, Repaired
from kvlsp.prompt.layout import Layout


@dataclass(slots=True)
class Totals:
    """Rows counted over the life of a session, for statistics."""

    kept: int = 0
    moved: int = 0
    encoded: int = 0
    repaired: int = 0
    adopted: int = 0
    copied: int = 0
    refreshed: int = 0
    slid: int = 0

    def add(self, repaired: Repaired, *, slide: bool) -> None:
        self.kept += repaired.kept
        self.moved += repaired.moved
        self.repaired += repaired.repaired
        self.adopted += repaired.adopted
        self.copied += repaired.copied
        if slide:
            self.slid += repaired.encoded
        else:
            self.encoded += repaired.encoded


class Sync:
    """``step`` until it is ``complete``, then ``close``. What a later plan finds half done it finishes."""

    def __init__(self, layout: Layout, repair: Repair, count: Callable[[Repaired], None]) -> None:
        self.layout = layout
        self._repair, self._count = repair, count

    @property
    def complete(self) -> bool:
        return self._repair.complete

    @property
    def left(self) -> int:
        """Rows that are still to be encoded."""
        return self._repair.total - self._repair.done

    @property
    def total(self) -> int:
        return self._repair.total

    def step(self, rows: int) -> int:
        """One forward of up to ``rows`` rows; how many it encoded."""
        return self._repair.step(rows)

    def close(self) -> Repaired:
        """What it took; rows that it has not come to are taken out again."""
        repaired = self._repair.close()
        self._count(repaired)
        return repaired
