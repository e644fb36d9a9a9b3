"""Resident keys and values of one document: arrays with a row (slot) per token, in no order.

Per layer there are three arrays: ``truth`` (keys before rotation), ``keys`` (rotated to the slot's position now) and
``values``. Keys are rotated from the truth at every move, never from their former rotation: rounding does not add up.
Beside them lie the position and the owner of each slot. The cache keeps which token lies in which slot, the masks say
who may see what.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kvlsp.errors import UnsupportedModel

FREE = 1 << 40  # the position of a slot that holds nothing: later than every query
NOBODY = -1  # its owner

# Attention reads whole steps of slots: kernels of a CPU are compiled per shape, and a length that grows with every
# token would compile new ones with every token (measured: a third of a step in bfloat16).
READ_STEP = 128


@dataclass(frozen=True, slots=True)
class LayerShape:
    """What a layer keeps per token. A layer without positions (``rotated`` false) needs no separate truth."""

    kv_heads: int
    key_width: int
    value_width: int
    rotated: bool = True

    @property
    def scalars(self) -> int:
        """Numbers kept per slot."""
        keys = self.key_width * (2 if self.rotated else 1)
        return self.kv_heads * (keys + self.value_width)


ALIGNED = 64  # bytes: a line of a processor's cache
BOOKKEEPING_BYTES = 8 + 4  # position int64, owner int32


def bytes_per_slot(shapes: Sequence[LayerShape], dtype: torch.dtype) -> int:
    """Bytes of one token over all layers, bookkeeping included."""
    return sum(shape.scalars for shape in shapes) * dtype.itemsize + BOOKKEEPING_BYTES


def untouched(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Zeros that a processor's memory holds only once they are written: PyTorch would write them all at once."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    nbytes = math.prod(shape) * dtype.itemsize
    memory = np.zeros(nbytes + ALIGNED, np.uint8)
    first = -memory.ctypes.data % ALIGNED
    return torch.from_numpy(memory[first : first + nbytes]).view(dtype).view(shape)


class KeyValues:
    """Keys and values of a document, ``capacity`` slots.

    ``keys[layer]``, ``truth[layer]``: (kv_heads, capacity, key_width); ``values[layer]``: (kv_heads,
    capacity, value_width). ``position``: int64 (capacity), :data:`FREE` where nothing lives; ``owner``:
    int32 (capacity), 0 the document, n > 0 a branch, :data:`NOBODY` where nothing lives. Slots at or beyond
    ``used`` are all free, so attention reads [0, ``read``) only.

    ``rows[layer]`` is the storage behind the three: (kv_heads * parts, capacity, width) with the parts
    keys, truth, values one after the other, or None where keys and values differ in width.
    """

    def __init__(
        self, shapes: Sequence[LayerShape], slots: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.shapes = tuple(shapes)
        self.dtype = dtype
        self.device = device
        self.capacity = slots
        self.used = 0
        self._allocate(slots)

    @classmethod
    def of(cls, resident: object) -> KeyValues:
        """``resident`` as what it is. Raises :class:`UnsupportedModel` where rows lie in another engine's cache, as
        those of a GGUF model do: nothing can be read of them there."""
        if not isinstance(resident, cls):
            raise UnsupportedModel(
                "Keys and values of this model lie in llama.cpp's own cache, where they cannot be looked at. Name the "
                "same model as a folder with safetensors."
            )
        return resident

    def _allocate(self, slots: int) -> None:
        # Normal tensors even inside inference mode: callers outside it may write to them as well.
        with torch.inference_mode(False):
            self.position = torch.full((slots,), FREE, dtype=torch.int64, device=self.device)
            self.owner = torch.full((slots,), NOBODY, dtype=torch.int32, device=self.device)
            self.keys: list[torch.Tensor] = []
            self.truth: list[torch.Tensor] = []
            self.values: list[torch.Tensor] = []
            self.rows: list[torch.Tensor | None] = []
            for shape in self.shapes:
                keys, truth, values, rows = self._layer(shape, slots)
                self.keys.append(keys)
                self.truth.append(truth)
                self.values.append(values)
                self.rows.append(rows)

    def _layer(
        self, shape: LayerShape, slots: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
        heads = shape.kv_heads

        def zeros(count: int, width: int) -> torch.Tensor:
            # Zeros, not empty: a masked slot still takes part as 0 * value, and 0 * NaN is NaN.
            return untouched((count, slots, width), self.dtype, self.device)

        if shape.key_width == shape.value_width:
            rows = zeros(heads * (3 if shape.rotated else 2), shape.key_width)
            return rows[:heads], rows[-2 * heads : -heads], rows[-heads:], rows
        keys = zeros(heads, shape.key_width)
        truth = zeros(heads, shape.key_width) if shape.rotated else keys
        return keys, truth, zeros(heads, shape.value_width), None

    @property
    def read(self) -> int:
        """Slots that attention reads: ``used`` rounded up to whole steps, at most all."""
        return min(self.capacity, -(-self.used // READ_STEP) * READ_STEP)

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays take."""
        return bytes_per_slot(self.shapes, self.dtype) * self.capacity

    @torch.inference_mode()
    def grow(self, slots: int) -> None:
        """Make room for ``slots`` in all; what is resident stays where it is."""
        if slots <= self.capacity:
            return
        used, old = self.used, (self.position, self.owner, self.keys, self.truth, self.values)
        position, owner, keys, truth, values = old
        self._allocate(slots)
        self.capacity = slots
        self.position[:used] = position[:used]
        self.owner[:used] = owner[:used]
        for kept, wider in ((keys, self.keys), (truth, self.truth), (values, self.values)):
            for source, target in zip(kept, wider, strict=True):
                target[:, :used] = source[:, :used]

    @torch.inference_mode()
    def release(self, slots: torch.Tensor) -> None:
        """Free slots (int64). Their keys stay in memory, seen by nobody, until they are written again."""
        if slots.numel() == 0:
            return
        self.position[slots] = FREE
        self.owner[slots] = NOBODY
        if int(slots.max()) == self.used - 1:
            live = (self.owner[: self.used] != NOBODY).nonzero()
            self.used = int(live[-1]) + 1 if live.numel() else 0

    def adopt(self, slots: torch.Tensor) -> None:
        """Rows of branches in these slots (int64) become the document's."""
        self.owner[slots] = 0

    @torch.inference_mode()
    def copy(self) -> KeyValues:
        """The same rows in the same slots, in arrays of their own."""
        twin = copy.copy(self)
        twin._allocate(self.capacity)
        twin.position.copy_(self.position)
        twin.owner.copy_(self.owner)
        for mine, its in ((self.keys, twin.keys), (self.truth, twin.truth), (self.values, twin.values)):
            for source, target in zip(mine, its, strict=True):
                target.copy_(source)
        return twin

    @torch.inference_mode()
    def occupy(self, slots: int) -> None:
        """Rows of the document in the first slots, at positions 0 and up, that nobody encoded: they cost a reader the
        same."""
        places = torch.arange(slots, device=self.device)
        self.extend(places)
        self.position[places] = places
        self.owner[places] = 0
        for layer in (*self.keys, *self.truth, *self.values):
            layer[:, :slots] = 0  # what was never written is one page of zeros that stays in the processor's cache

    @torch.inference_mode()
    def clear(self) -> None:
        """Free every slot."""
        self.position.fill_(FREE)
        self.owner.fill_(NOBODY)
        self.used = 0

    def extend(self, slots: torch.Tensor) -> None:
        """Let ``used`` reach over slots that are about to be written."""
        if slots.numel():
            self.used = max(self.used, int(slots.max()) + 1)
