"""Rows apart from any cache: off the arrays of one, and back into those of another, without a forward.

What is kept are un-rotated keys and values; rotated keys are made from them again wherever the rows are put. So the
rows of an idle document wait in host memory, and chunks of other files on the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.model.decoder import Decoder, Resident
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rows import DOCUMENT


class Stored(Protocol):
    """Rows that were taken out of a document and can be put into another, whatever form they have."""

    def __len__(self) -> int: ...

    @property
    def nbytes(self) -> int: ...

    def restore(self, decoder: Decoder, arrays: Any, slots: torch.Tensor, positions: torch.Tensor,
                chosen: torch.Tensor | None = None) -> None:
        """Make them, or the ``chosen`` ones (n,), rows of the document in ``slots`` at ``positions`` (both (n,), int64
        on the CPU)."""
        ...


class OwnRows(Stored, Protocol):
    """Rows as an engine with a cache of its own writes them."""

    @property
    def data(self) -> npt.NDArray[np.uint8]:
        """Bytes that only it reads."""
        ...

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Where the rows stood, ascending."""
        ...


def taken_out(arrays: Resident, slots: torch.Tensor) -> Stored:
    """Copies of the rows in ``slots`` (n,), int64 on the CPU, in the order of their positions. An engine with a cache
    of its own takes them out itself."""
    if isinstance(arrays, KeyValues):
        return StoredRows.store(arrays, slots)
    own: Any = arrays
    stored: Stored = own.stored(slots)
    return stored


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Per layer ``truth`` (keys without rotation) and ``values``, (kv_heads, rows, width)."""

    truth: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]

    def __len__(self) -> int:
        return self.truth[0].shape[1] if self.truth else 0

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in (*self.truth, *self.values))

    @classmethod
    @torch.inference_mode()
    def store(cls, arrays: KeyValues, slots: torch.Tensor, *, on_host: bool = False,
              layers: slice = slice(None)) -> StoredRows:
        """Copies of the rows in ``slots`` (n,), int64 on the CPU: on the device of ``arrays``, or in host memory; of
        all ``layers`` or of some."""
        there = slots.to(arrays.device)
        truth, values = ([layer.index_select(1, there) for layer in kept[layers]]
                         for kept in (arrays.truth, arrays.values))
        if on_host:
            truth, values = _to_host(truth), _to_host(values)
        return cls(tuple(truth), tuple(values))

    def select(self, rows: torch.Tensor) -> StoredRows:
        """Copies of ``rows`` (n,), int64 on the CPU."""
        truth, values = ([layer.index_select(1, rows.to(layer.device)) for layer in kept]
                         for kept in (self.truth, self.values))
        return StoredRows(tuple(truth), tuple(values))

    @torch.inference_mode()
    def restore(self, decoder: Decoder, arrays: KeyValues, slots: torch.Tensor, positions: torch.Tensor,
                chosen: torch.Tensor | None = None) -> None:
        """Make them, or the ``chosen`` ones (n,), rows of the document in ``slots`` at ``positions`` (both (n,), int64
        on the CPU). They may be of another precision than the arrays."""
        there = slots.to(arrays.device)
        for layers, stored in ((arrays.truth, self.truth), (arrays.values, self.values)):
            for layer, rows in zip(layers, stored, strict=True):
                some = rows if chosen is None else rows.index_select(1, chosen.to(rows.device))
                layer.index_copy_(1, there, some.to(arrays.device, arrays.dtype, non_blocking=True))
        arrays.owner[there] = DOCUMENT.number
        arrays.extend(slots)
        decoder.move(arrays, slots, positions)


def _to_host(layers: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """In pinned memory where that makes the way back quicker."""
    found = []
    for rows in layers:
        copy = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=rows.device.type == "cuda")
        found.append(copy.copy_(rows))
    return found
