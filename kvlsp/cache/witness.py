"""What happens to the rows of a cache, for whoever watches: for each row since when, and in numbers per stroke.

A cache without a witness costs nothing for it. A *stroke* is one thing that the user did, a key or a move of the caret,
with all the work until the next one; the owner says when it begins. Integers only.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from kvlsp.cache.plan import Plan
from kvlsp.cache.slots import Slots


class Origin(IntEnum):
    """How a row came to what it is. The numbers are part of what is told to a page."""

    UNKNOWN = 0
    """It was there before anybody looked."""
    ENCODED = 1
    """A token that was new here, or that the caret has crossed."""
    REPAIRED = 2
    """A stale row, encoded again along with a change."""
    REFRESHED = 3
    """A stale row, encoded again when there was time."""
    ADOPTED = 4
    """Generated for a suggestion, and kept when it was accepted."""
    COPIED = 5
    """Of a piece of another file that was encoded before."""
    WAITING = 6
    """It has its place and is not encoded yet."""


class Witness:
    """Records what happens to one cache. ``stroke`` tells the number of the stroke that is under way, from 1 on.
    ``count`` is told of rows by kind: kept, moved, freed, encoded, repaired, refreshed, adopted, copied; ``behind`` are
    those behind the first difference, which a cache that reuses exact prefixes encodes again; and of plans."""

    def __init__(self, stroke: Callable[[], int], count: Callable[[str, int], None] = lambda kind, rows: None) -> None:
        self._stroke, self._count = stroke, count
        self.forget()

    def forget(self) -> None:
        """Forget what was recorded of the rows: they are gone, or lie elsewhere."""
        self._origin = np.zeros(0, np.int8)
        self._written = np.zeros(0, np.int32)
        self._moved = np.zeros(0, np.int32)

    def planned(self, plan: Plan, slots: Slots, *, adopted: int, counts: bool) -> None:
        """The cache has the rows of ``plan.layout``, in ``slots`` (n,); the first ``adopted`` new ones are written.
        ``counts``: somebody changed something, and the window did not just grow."""
        self._room(slots)
        new, moved = slots[plan.encode_new], plan.kept_new[plan.moved]
        self._origin[new] = self._written[new] = self._moved[new] = 0  # of rows whose slots they have now
        self._moved[slots[moved]] = self._stroke()
        self._wrote(new[:adopted], Origin.ADOPTED)
        if counts:
            self._count("plans", 1)
            self._count("kept", len(plan.kept_new))
            self._count("moved", len(moved))
            self._count("freed", len(plan.freed_old))
            self._count("adopted", adopted)
            self._count("behind", len(plan.layout) - plan.changed_at)

    def copied(self, slots: Slots) -> None:
        """These rows were written without a forward."""
        self._room(slots)
        self._wrote(slots, Origin.COPIED)
        self._count("copied", len(slots))

    def encoded(self, slots: Slots, new: npt.NDArray[np.bool_]) -> None:
        """A forward of a repair has written these rows (n,); ``new`` (n,) are those that were not known."""
        self._room(slots)
        self._wrote(slots[new], Origin.ENCODED)
        self._wrote(slots[~new], Origin.REPAIRED)
        self._count("encoded", int(np.count_nonzero(new)))
        self._count("repaired", len(slots) - int(np.count_nonzero(new)))

    def refreshed(self, slots: Slots) -> None:
        """A refresh, which is a forward for nothing else, has written these rows."""
        self._room(slots)
        self._wrote(slots, Origin.REFRESHED)
        self._count("refreshed", len(slots))

    def of(self, slots: Slots) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Of the rows in ``slots`` (n,), each (n,): :class:`Origin`, and the strokes in which they were last written
        and last moved (0: not since somebody looks)."""
        self._room(slots)
        return self._origin[slots], self._written[slots], self._moved[slots]

    def _wrote(self, slots: Slots, origin: Origin) -> None:
        """A row that was already written in this stroke keeps its first origin."""
        stroke = self._stroke()
        older = slots[self._written[slots] != stroke]
        self._origin[older], self._written[older] = origin, stroke

    def _room(self, slots: Slots) -> None:
        missing = int(slots.max()) + 1 - len(self._origin) if len(slots) else 0
        if missing > 0:
            missing += len(self._origin) // 2  # not once per row
            self._origin = np.append(self._origin, np.zeros(missing, np.int8))
            self._written = np.append(self._written, np.zeros(missing, np.int32))
            self._moved = np.append(self._moved, np.zeros(missing, np.int32))
