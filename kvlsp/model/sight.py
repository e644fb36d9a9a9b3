"""Which slots the rows of a forward can see at all, so that attention reads no others.

A row sees nothing behind its own position. Rows in the middle of a document therefore need half of what is resident,
and a refresh, which goes from left to right, half of it on average; with a mask alone all of it would be multiplied
and thrown away. Rows far apart are taken in parts, since the last one sees everything. Slots are in no order: those
seen are gathered, or read where they lie if nothing else lies between them. Where each length costs a compilation,
whole steps of slots are read from the first that is seen to the last, and nothing is gathered. Who owns what is left
to the masks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from kvlsp.model.attention import attend
from kvlsp.model.keyvalues import KeyValues

# Gathering a key and a value takes as long as attending to them from about so many rows, shared among the query heads
# of a key head (measured at 4 heads over 2 of 64, and doubled: a mask is gathered as well, and a draw is a loss).
GATHER = 16
# Products of rows and slots that another call of attention must spare.
CALL = 8192


# Fewer rows than this read all slots: to find out what they see takes longer than to read it.
FEW = 16

Seen = slice | torch.Tensor


class Part(NamedTuple):
    """Rows [first, last) see nothing but the slots ``seen``: a range, or those in a tensor, int64."""

    first: int
    last: int
    seen: Seen


class Sight:
    """The parts of one forward. Its two methods take the places of a mask's and of :func:`attend`.

    ``group`` query heads share a key head. With a ``step`` there is one part, which reads a range of whole steps.
    """

    def __init__(self, document: KeyValues, positions: torch.Tensor, group: int, step: int | None = None) -> None:
        self._gathered: dict[tuple[int, int, torch.Size], torch.Tensor] = {}
        if step is not None:
            self.parts = [Part(0, len(positions), _steps(document, positions, step))]
            return
        gather = max(1, GATHER // group)
        self.parts = [
            Part(first, last, _seen(document, highest, last - first, gather))
            for first, last, highest in _cuts(positions, 0, len(positions), gather)
        ]

    def masks(self, whole: Callable[[int | None], torch.Tensor]) -> Callable[[int | None], list[torch.Tensor]]:
        """``whole`` gives the mask (rows, read) of a window: the same for each part, made once a window."""
        made: dict[int | None, list[torch.Tensor]] = {}

        def masks(window: int | None) -> list[torch.Tensor]:
            if window not in made:
                mask = whole(window)
                made[window] = [_only(mask[first:last], seen) for first, last, seen in self.parts]
            return made[window]

        return masks

    def attend(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, masks: list[torch.Tensor],
               scale: float) -> torch.Tensor:
        """As :func:`attend`, part by part."""
        mixed = [
            attend(queries[:, first:last], self._at(keys, seen, 0), self._at(values, seen, 1), mask, scale)
            for (first, last, seen), mask in zip(self.parts, masks, strict=True)
        ]
        return mixed[0] if len(mixed) == 1 else torch.cat(mixed, 1)

    def _at(self, rows: torch.Tensor, seen: Seen, which: int) -> torch.Tensor:
        """As :func:`_only`; all layers gather into the same memory, since new memory costs more than what is put in."""
        if isinstance(seen, slice):
            return rows[:, seen]
        name = (id(seen), which, rows.shape)
        if name not in self._gathered:
            self._gathered[name] = rows.new_empty((rows.shape[0], len(seen), rows.shape[2]))
        return torch.index_select(rows, 1, seen, out=self._gathered[name])


def _only(rows: torch.Tensor, seen: Seen) -> torch.Tensor:
    """``seen`` of the second dimension."""
    return rows[:, seen] if isinstance(seen, slice) else rows.index_select(1, seen)


def _steps(document: KeyValues, positions: torch.Tensor, step: int) -> slice:
    """Whole steps of slots from the first to the last that rows at ``positions`` can see; all for a few rows."""
    read = document.read
    if len(positions) < FEW:
        return slice(0, read)
    (seen,) = (document.position[:read] <= positions.max()).nonzero(as_tuple=True)
    return slice(int(seen[0]) // step * step, min(read, -(-(int(seen[-1]) + 1) // step) * step))


def _seen(document: KeyValues, highest: int, rows: int, gather: int) -> Seen:
    """Slots at positions up to ``highest``, or all of them where so many rows do not make up for choosing."""
    read = document.read
    if rows * (read - highest) <= gather * highest:  # about as many slots as positions: most forwards end here
        return slice(0, read)
    (seen,) = (document.position[:read] <= highest).nonzero(as_tuple=True)
    first, last = int(seen[0]), int(seen[-1])
    return slice(first, last + 1) if last - first == len(seen) - 1 else seen


def _cuts(positions: torch.Tensor, first: int, last: int, gather: int) -> Iterator[tuple[int, int, int]]:
    """Ranges of rows with their highest position, cut at gaps of the positions while that spares enough."""
    some = positions[first:last]
    lowest, highest = (int(one) for one in some.aminmax())
    if (last - first - 1) * (highest - lowest) > CALL:
        gaps = some.diff()
        spared = gaps * torch.arange(1, len(gaps) + 1)
        widest = int(spared.argmax())
        if int(spared[widest]) > CALL + gather * int(some[widest]) and bool((gaps >= 0).all()):
            yield from _cuts(positions, first, first + widest + 1, gather)
            yield from _cuts(positions, first + widest + 1, last, gather)
            return
    yield first, last, highest
