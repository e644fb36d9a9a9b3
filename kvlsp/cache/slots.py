"""Which slots of a document's cache arrays are taken. Integers only; the arrays themselves are in model/.

A slot is in one of three states: free, a row of the document, or scratch of a running completion. Low slots are
handed out first, so that the arrays' used part stays as short as the document.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kvlsp.errors import IntegrityError

Slots = npt.NDArray[np.int64]

_FREE, _DOCUMENT, _SCRATCH = 0, 1, 2


class SlotTable:
    """States of ``capacity`` slots."""

    def __init__(self, capacity: int = 0) -> None:
        self._state = np.zeros(capacity, dtype=np.int8)

    @property
    def capacity(self) -> int:
        return len(self._state)

    @property
    def free(self) -> int:
        return int(np.count_nonzero(self._state == _FREE))

    def grow(self, capacity: int) -> None:
        added = capacity - len(self._state)
        self._state = np.concatenate([self._state, np.zeros(max(0, added), dtype=np.int8)])

    def take(self, count: int, *, scratch: bool = False) -> Slots:
        """The ``count`` lowest free slots, ascending; the caller has made room (:meth:`grow`)."""
        slots = np.flatnonzero(self._state == _FREE)[:count]
        if len(slots) < count:
            raise IntegrityError(f"{count} slots were asked for where only {len(slots)} are free.")
        self._state[slots] = _SCRATCH if scratch else _DOCUMENT
        return slots

    def give_back(self, slots: Slots) -> None:
        if np.any(self._state[slots] == _FREE):
            raise IntegrityError("A slot was freed twice.")
        self._state[slots] = _FREE

    def adopt(self, slots: Slots) -> None:
        """Scratch slots become rows of the document."""
        if np.any(self._state[slots] != _SCRATCH):
            raise IntegrityError("Only scratch slots can be adopted.")
        self._state[slots] = _DOCUMENT

    def of_document(self) -> Slots:
        return np.flatnonzero(self._state == _DOCUMENT)

    def of_scratch(self) -> Slots:
        return np.flatnonzero(self._state == _SCRATCH)
