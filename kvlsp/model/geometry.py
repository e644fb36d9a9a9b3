"""What every decoder over a cache of kvlsp's kind has in common: which rows its layers keep, and how they are moved.

It knows of no weights: a decoder whose own were given up, or that never had any of transformers', moves rows as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from kvlsp.model.keyvalues import KeyValues, LayerShape, bytes_per_slot
from kvlsp.model.rotary import AngleTable, Rotation, rotate, rotate_into
from kvlsp.model.runs import consecutive

MOVED_AT_ONCE = 2048  # rows rotated together: their intermediate results should stay in the processor's cache


@dataclass(frozen=True, slots=True)
class LayerKind:
    """What is known of a layer: its rotation (None: no positions), its window, its arrays."""

    rotation: Rotation | None
    window: int | None
    shape: LayerShape


class Geometry:
    """Of a model with layers of these ``kinds``, computed in ``dtype`` on a ``device``."""

    def __init__(self, name: str, context_length: int, vocabulary_size: int, kinds: Sequence[LayerKind],
                 dtype: torch.dtype, device: torch.device) -> None:
        self.name = name
        self.context_length = context_length
        self.vocabulary_size = vocabulary_size
        self.kinds = list(kinds)
        self.dtype, self.device = dtype, device
        self.layers = len(self.kinds)
        self.shapes = [kind.shape for kind in self.kinds]
        self.bytes_per_slot = bytes_per_slot(self.shapes, dtype)
        self.bytes_per_document = 0
        rotations = {kind.rotation for kind in self.kinds if kind.rotation is not None}
        self.tables = {it: AngleTable(it, dtype, device, context_length) for it in rotations}

    def allocate(self, slots: int) -> KeyValues:
        """Empty keys and values for ``slots`` tokens."""
        return KeyValues(self.shapes, slots, self.dtype, self.device)

    def occupied(self, slots: int) -> KeyValues:
        """See :meth:`kvlsp.model.decoder.Decoder.occupied`."""
        document = self.allocate(slots)
        document.occupy(slots)
        return document

    @torch.inference_mode()
    def move(self, document: KeyValues, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """See :meth:`kvlsp.model.decoder.Decoder.move`."""
        if slots.numel() == 0:
            return
        self.reach(positions)
        if self.device.type == "cpu" and (runs := consecutive(slots)) is not None:
            self._move_runs(document, *runs, positions)
            return
        all_slots, all_positions = slots.to(self.device), positions.to(self.device)
        document.position[all_slots] = all_positions
        for some_slots, some_positions in zip(
            all_slots.split(MOVED_AT_ONCE), all_positions.split(MOVED_AT_ONCE), strict=True
        ):
            angles = self.angles(some_positions)
            for layer, kind in enumerate(self.kinds):
                if kind.rotation is not None:
                    truth = document.truth[layer].index_select(1, some_slots)
                    moved = rotate(truth, *angles[kind.rotation], kind.rotation)
                    document.keys[layer].index_copy_(1, some_slots, moved)

    def _move_runs(
        self, document: KeyValues, order: torch.Tensor, runs: list[tuple[int, int, int]], positions: torch.Tensor
    ) -> None:
        """:meth:`move` where the slots are a few runs: keys are rotated from where they lie to where they lie."""
        positions = positions[order]
        angles = self.angles(positions)
        pieces = [
            (start, min(start + MOVED_AT_ONCE, last), slot + start - first)
            for first, last, slot in runs
            for start in range(first, last, MOVED_AT_ONCE)
        ]
        for first, last, slot in pieces:
            rows, places = slice(first, last), slice(slot, slot + last - first)
            document.position[places] = positions[rows]
            for layer, kind in enumerate(self.kinds):
                if kind.rotation is not None:
                    cosine, sine = angles[kind.rotation]
                    rotate_into(
                        document.keys[layer][:, places], document.truth[layer][:, places],
                        cosine[rows], sine[rows], kind.rotation,
                    )

    def reach(self, positions: torch.Tensor) -> None:
        """Have angles for these positions (on other devices all are tabulated from the start)."""
        if self.device.type == "cpu" and positions.numel():
            highest = int(positions.max()) + 1
            for table in self.tables.values():
                table.reach(highest)

    def angles(self, positions: torch.Tensor) -> dict[Rotation, tuple[torch.Tensor, torch.Tensor]]:
        """Cosine and sine of these positions for every rotation of the model."""
        return {rotation: table.at(positions) for rotation, table in self.tables.items()}
