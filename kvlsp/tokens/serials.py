"""Names of token occurrences: a serial is given once per document and follows its token through every edit.

At the caret's cut some tokens exist only for the completion (half of a word, for instance), and a keystroke
often turns such a token into one of the document, or the other way round: ``(`` before a line feed is half
of the document's ``(\\n``, and whole once a letter follows it. Their text has not changed, so their names
must not either: a suffix whose text stays must stay resident. So names at a cut are remembered by content:
the same token beside the same neighbour has the same serial, be it the document's or a cut's.

At any time a serial names at most one token of the document and of a cut together. The memory is bounded;
what is forgotten is merely named anew.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal

import numpy as np
import numpy.typing as npt

Side = Literal["tail", "head"]
Ids = npt.NDArray[np.int32]
Serials = npt.NDArray[np.int64]

EDGE = -1
"""The neighbour's serial where the document begins or ends."""

REACH = 32
"""Tokens on each side of an edit whose names are remembered when the document drops them."""


class SerialBook:
    """Gives serials, and remembers those of tokens at cuts: a tail is named from left to right beside the
    token before it, a head from right to left beside the token after it."""

    def __init__(self, capacity: int = 4096) -> None:
        self._next = 0
        self._capacity = capacity
        self._known: OrderedDict[tuple[Side, int, int], int] = OrderedDict()

    def __len__(self) -> int:
        """Number of remembered names."""
        return len(self._known)

    def fresh(self, count: int) -> Serials:
        """``count`` serials that were never given before."""
        first = self._next
        self._next += count
        return np.arange(first, self._next, dtype=np.int64)

    def of_tail(self, before: int, ids: Ids) -> Serials:
        """Serials of tokens of a cut that follow the token ``before``."""
        return self._chain("tail", before, ids.tolist())

    def of_head(self, ids: Ids, after: int) -> Serials:
        """Serials of tokens of a cut that end beside the token ``after``."""
        return self._chain("head", after, ids[::-1].tolist())[::-1]

    def into_document(self, before: int, ids: Ids, after: int) -> Serials:
        """Serials of tokens that enter the document between two others: a cut's names move over, others are
        new."""
        serials = np.empty(len(ids), dtype=np.int64)
        first, last = 0, len(ids)
        while first < last:
            known = self._known.pop(("tail", before, int(ids[first])), None)
            if known is None:
                break
            serials[first] = before = known
            first += 1
        while last > first:
            known = self._known.pop(("head", after, int(ids[last - 1])), None)
            if known is None:
                break
            last -= 1
            serials[last] = after = known
        serials[first:last] = self.fresh(last - first)
        return serials

    def out_of_document(self, side: Side, neighbour: int, ids: Ids, serials: Serials) -> None:
        """Remember tokens that leave the document beside ``neighbour``, in the order in which ``side``
        names them."""
        for number, serial in zip(ids[:REACH].tolist(), serials[:REACH].tolist(), strict=True):
            self._remember((side, neighbour, number), serial)
            neighbour = serial

    def _chain(self, side: Side, neighbour: int, ids: list[int]) -> Serials:
        serials = np.empty(len(ids), dtype=np.int64)
        for index, number in enumerate(ids):
            key = (side, neighbour, number)
            serial = self._known.get(key)
            if serial is None:
                serial = self._next
                self._next += 1
            self._remember(key, serial)
            serials[index] = neighbour = serial
        return serials

    def _remember(self, key: tuple[Side, int, int], serial: int) -> None:
        self._known[key] = serial
        self._known.move_to_end(key)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
