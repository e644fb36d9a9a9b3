"""Which slots the rows of a forward can see at all, so that attention reads no others.

A row sees nothing behind its own position. Rows in the middle of a document therefore need half of what is resident,
and a refresh, which goes from left to right, half of it on average; with a mask alone all of it would be multiplied
and thrown away. Rows far apart are taken in parts, since the last one sees everything. Slots are in no order: those
seen are gathered, or read where they lie if they happen to come first. Who owns what
is left to the masks.
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


class Part(NamedTuple):
    """Rows [first, last) see nothing but the slots ``seen``: the first so many, or those in a tensor, int64."""

    first: int
    last: int
    seen: int | torch.Tensor


class Sight:
    """The parts of one forward. Its two methods take the places of a mask's and of :func:`attend`.

    ``group`` query heads share a key head.
    """

    def __init__(self, document: KeyValues, positions: torch.Tensor, group: int) -> None:
        gather = max(1, GATHER // group)
        self.parts = [
            Part(first, last, _seen(document, highest, last - first, gather))
            for first, last, highest in _cuts(positions, 0, len(positions), gather)
        ]
        self._gathered: dict[tuple[int, int, torch.Size], torch.Tensor] = {}

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

    def _at(self, rows: torch.Tensor, seen: int | torch.Tensor, which: int) -> torch.Tensor:
        """As :func:`_only`; all layers gather into the same memory, since new memory costs more than what is put in."""
        if isinstance(seen, int):
            return rows[:, :seen]
        name = (id(seen), which, rows.shape)
        if name not in self._gathered:
            self._gathered[name] = rows.new_empty((rows.shape[0], len(seen), rows.shape[2]))
        return torch.index_select(rows, 1, seen, out=self._gathered[name])


def _only(rows: torch.Tensor, seen: int | torch.Tensor) -> torch.Tensor:
    """``seen`` of the second dimension."""
    return rows[:, :seen] if isinstance(seen, int) else rows.index_select(1, seen)


def _seen(document: KeyValues, highest: int, rows: int, gather: int) -> int | torch.Tensor:
    """Slots at positions up to ``highest``, or all of them where so many rows do not make up for choosing."""
    read = document.read
    if rows * (read - highest) <= gather * highest:  # about as many slots as positions: most forwards end here
        return read
    (seen,) = (document.position[:read] <= highest).nonzero(as_tuple=True)
    return len(seen) if int(seen[-1]) == len(seen) - 1 else seen


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
