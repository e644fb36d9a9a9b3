"""Inputs of one forward in tensors that stay where they are: what a captured graph reads.

A *bucket* is a number of rows. Fewer rows are padded by repeating the last one: whatever the repetitions write is
what that row writes, so padding leaves no trace.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rows import Branch, Branches, RowBatch

HIDDEN = 48  # slots that one row may hide; branches that hide more go the plain way
_IDS, _POSITIONS, _SLOTS, _OWNERS, _HIDES = 0, 1, 2, 3, 4
_STAGES = 4  # pinned buffers in turn, so that the next step is written while the last one is being copied
NOTHING = -1  # hidden by this entry


def fits(branch: Branches) -> bool:
    """Whether the branches hide few enough slots for :class:`StaticRows`."""
    some = [branch] if isinstance(branch, Branch) else branch
    return all(one.hides is None or one.hides.numel() <= HIDDEN for one in some)


class StaticRows:
    """Ids, positions, slots, owners and hidden slots of ``bucket`` rows on a device: one array, one copy."""

    def __init__(self, bucket: int, device: torch.device) -> None:
        self.bucket = bucket
        self.device = device
        pinned = device.type == "cuda"
        shape = (_HIDES + HIDDEN, bucket)
        with torch.inference_mode(False):
            self._numbers = torch.zeros(shape, dtype=torch.int64, device=device)
            self._stages = [torch.zeros(shape, dtype=torch.int64, pin_memory=pinned) for _ in range(_STAGES)]
        self._copied: list[torch.cuda.Event | None] = [None] * _STAGES
        self._turn = 0

    @property
    def ids(self) -> torch.Tensor:
        """int64 (bucket), as all of these."""
        return self._numbers[_IDS]

    @property
    def positions(self) -> torch.Tensor:
        return self._numbers[_POSITIONS]

    @property
    def slots(self) -> torch.Tensor:
        return self._numbers[_SLOTS]

    @property
    def owners(self) -> torch.Tensor:
        return self._numbers[_OWNERS]

    @property
    def hides(self) -> torch.Tensor:
        """int64 (bucket, HIDDEN), :data:`NOTHING` where an entry hides no slot."""
        return self._numbers[_HIDES:].T

    def fill(self, batch: RowBatch) -> None:
        """Put 1 .. ``bucket`` rows in; numbers of the CPU are copied without waiting for the device."""
        rows = len(batch)
        self._turn = (self._turn + 1) % _STAGES
        copied = self._copied[self._turn]
        if copied is not None:
            copied.synchronize()  # four steps ago: done long since
        stage = self._stages[self._turn]
        numbers = stage.numpy()
        for line, given in ((_IDS, batch.ids), (_POSITIONS, batch.positions), (_SLOTS, batch.slots)):
            numbers[line, :rows] = given.numpy(force=True)
        _owners_and_hides(numbers, rows, batch.branch)
        numbers[:, rows:] = numbers[:, rows - 1 : rows]
        self._numbers.copy_(stage, non_blocking=True)
        if self.device.type == "cuda":
            copied = copied or torch.cuda.Event()
            copied.record()
            self._copied[self._turn] = copied

    def claim(self, document: KeyValues) -> None:
        """Mark the rows' slots as live at their positions, on the device."""
        document.position.index_copy_(0, self.slots, self.positions)
        document.owner.index_copy_(0, self.slots, self.owners.to(document.owner.dtype))


def _owners_and_hides(numbers: npt.NDArray[np.int64], rows: int, branch: Branches) -> None:
    branches: Sequence[Branch] = [branch] * rows if isinstance(branch, Branch) else branch
    numbers[_HIDES:, :rows] = NOTHING
    for row, one in enumerate(branches):
        numbers[_OWNERS, row] = one.number
        if one.hides is not None and one.hides.numel():
            numbers[_HIDES : _HIDES + one.hides.numel(), row] = one.hides.numpy(force=True)


class StaticVisibility:
    """The masks of :class:`~kvlsp.model.visibility.Visibility`, from static inputs and without a stall."""

    def __init__(self, rows: StaticRows, document: KeyValues, read: int, dtype: torch.dtype) -> None:
        self._rows, self._document, self._read, self._dtype = rows, document, read, dtype
        self._masks: dict[int | None, torch.Tensor] = {}
        position, owner = document.position[:read], document.owner[:read]
        allowed = position <= rows.positions[:, None]
        allowed &= (owner == 0) | (owner == rows.owners[:, None])
        # One column more than slots: entries that hide nothing strike that one.
        wide = torch.zeros((rows.bucket, read + 1), dtype=torch.bool, device=document.device)
        wide[:, :read] = allowed
        hides = rows.hides
        wide.scatter_(1, torch.where(hides < 0, read, hides), False)
        self._allowed = wide[:, :read]

    def mask(self, window: int | None) -> torch.Tensor:
        """Additive (bucket, read): 0 where the row sees the key, very negative elsewhere."""
        if window not in self._masks:
            allowed = self._allowed
            if window is not None:
                earliest = self._rows.positions[:, None] - window
                allowed = allowed & (self._document.position[: self._read] > earliest)
            mask = torch.zeros((self._rows.bucket, self._read), dtype=self._dtype, device=allowed.device)
            self._masks[window] = mask.masked_fill_(~allowed, torch.finfo(self._dtype).min / 2)
        return self._masks[window]
