"""The rows of one forward as the model computes them: on its device, padded to a few lengths.

In bfloat16 a CPU's matrix products are compiled per shape (about a millisecond each, some ten per forward),
so a new number of rows costs several times what its arithmetic does. Rows are therefore padded to one of a
few lengths; what is computed for the padding is never written and never returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rows import RowBatch, Wanted
from kvlsp.model.visibility import Visibility, owners


@dataclass(frozen=True, slots=True)
class Claimed:
    """``ids`` and ``positions`` (padded rows); ``slots`` (rows) of the ``rows`` real ones, which come
    first."""

    ids: torch.Tensor
    positions: torch.Tensor
    slots: torch.Tensor
    rows: int
    visibility: Visibility

    def wanted(self, wanted: Wanted) -> tuple[torch.Tensor, int]:
        """Which rows are wanted, padded alike, and how many they really are."""
        index = torch.arange(self.rows, device=self.ids.device)[wanted]
        count = index.shape[0]
        more = padded(count, self.visibility.dtype, index.device) - count
        return (torch.cat((index, index[-1:].expand(more))) if more else index), count


def padded(rows: int, dtype: torch.dtype, device: torch.device) -> int:
    """The length that so many rows are padded to; at most a third more."""
    if dtype != torch.bfloat16 or device.type != "cpu" or rows <= 4:
        return rows
    return -(-rows // _step(rows)) * _step(rows)


def unpadded(rows: int) -> int:
    """The largest number of rows, at most so many, that nobody pads."""
    return rows // _step(rows) * _step(rows) if rows > 4 else rows


def _step(rows: int) -> int:
    return 4 if rows <= 16 else 8 if rows <= 64 else 16 if rows <= 128 else 32


def claim(document: KeyValues, batch: RowBatch) -> Claimed:
    """Mark the rows' slots as live and lay the rows out for a forward.

    Rows may come from the CPU: then a GPU is not asked for the highest slot, which would stall it.
    """
    document.extend(batch.slots)
    device, rows, branch = document.device, len(batch), batch.branch
    ids, positions, slots = batch.ids.to(device), batch.positions.to(device), batch.slots.to(device)
    document.position[slots] = positions
    document.owner[slots] = owners(branch, device)
    more = padded(rows, document.dtype, device) - rows
    if more:
        ids = pad(ids, (0, more))
        positions = torch.cat((positions, positions[-1:].expand(more)))
        if isinstance(branch, Sequence):
            branch = [*branch, *[branch[-1]] * more]
    return Claimed(ids, positions, slots, rows, Visibility(document, positions, branch, document.dtype))
