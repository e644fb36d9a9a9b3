"""Moved keys of all layers at once: gather the un-rotated truth, rotate, scatter.

One call for all layers where they lie in one array (:class:`~kvlsp.model.device_keyvalues.DeviceKeyValues`).
"""

from __future__ import annotations

import torch

from kvlsp.model.device_keyvalues import DeviceKeyValues
from kvlsp.model.rotary import AngleTable, rotate

TEMPORARY = 256 << 20
"""Bytes of one intermediate result; more rows are moved in several calls."""


def move_all_layers(
    document: DeviceKeyValues, slots: torch.Tensor, positions: torch.Tensor, table: AngleTable
) -> None:
    """Rotate the keys in ``slots`` to ``positions`` (both int64 (n), on the device), every layer."""
    layers, parts, _, width = document.whole.shape
    heads = parts // 3
    keys, truth = document.whole[:, :heads], document.whole[:, heads : 2 * heads]
    at_once = max(1, TEMPORARY // (layers * heads * width * table.dtype.itemsize))
    for some_slots, some_positions in zip(slots.split(at_once), positions.split(at_once), strict=True):
        cosine, sine = table.at(some_positions)
        moved = rotate(truth.index_select(2, some_slots), cosine, sine, table.rotation)
        keys.index_copy_(2, some_slots, moved)
