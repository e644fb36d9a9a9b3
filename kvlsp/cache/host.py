"""Rows of an idle document in host memory: room on the device, and a way back that takes no forward.

What is kept are un-rotated keys and values, in layout order; rotated keys are made from them again, as at every move.
Where the device computes in host memory (a CPU) there is nothing to gain. This module does not decide who leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kvlsp.model.decoder import DOCUMENT, Decoder
from kvlsp.model.keyvalues import KeyValues


@dataclass(frozen=True, slots=True)
class HostRows:
    """Per layer ``truth`` and ``values``, (kv_heads, rows, width), on the CPU."""

    truth: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of host memory."""
        return sum(tensor.nbytes for tensor in (*self.truth, *self.values))

    @classmethod
    def of(cls, arrays: KeyValues, slots: torch.Tensor) -> HostRows:
        """Copies of the rows in ``slots`` (n,), int64 on the CPU."""
        return cls(_fetch(arrays.truth, slots.to(arrays.device)), _fetch(arrays.values, slots.to(arrays.device)))

    @torch.inference_mode()
    def write(self, decoder: Decoder, arrays: KeyValues, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """Make them rows of the document again, in ``slots`` at ``positions`` (both (n,), int64 on the CPU)."""
        there = slots.to(arrays.device)
        for layers, rows in ((arrays.truth, self.truth), (arrays.values, self.values)):
            for layer, copy in zip(layers, rows, strict=True):
                layer.index_copy_(1, there, copy.to(arrays.device, non_blocking=True))
        arrays.owner[there] = DOCUMENT.number
        arrays.extend(slots)
        decoder.move(arrays, slots, positions)


@torch.inference_mode()
def _fetch(layers: Sequence[torch.Tensor], slots: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Of each layer the rows in ``slots``; in pinned memory where that makes the way back quicker."""
    found = []
    for layer in layers:
        rows = layer.index_select(1, slots)
        copy = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=rows.device.type == "cuda")
        found.append(copy.copy_(rows))
    return tuple(found)
