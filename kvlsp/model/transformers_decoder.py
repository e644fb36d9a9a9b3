"""The decoder that runs any supported transformers model, unmodified, over slots in no order.

Rotary modules are replaced by identities (hooks), queries and keys are rotated here, keys are kept twice:
un-rotated (the truth) and rotated to where they are now. Generic and exact; the lean forward is the fast
one for Llama shapes.
"""

from __future__ import annotations

from typing import Any

import torch

from kvlsp.errors import UnsupportedModel
from kvlsp.model.agreement import TOLERANCE, difference, logits_of, own_logits, refuse_no_numbers, rows_to_try
from kvlsp.model.attention import attend
from kvlsp.model.claimed import Claimed, claim
from kvlsp.model.hooks import ATTENTION, Call, stand_in
from kvlsp.model.keyvalues import KeyValues, bytes_per_slot
from kvlsp.model.probe import LayerKind, probe
from kvlsp.model.rotary import AngleTable, Rotation, rotate, rotate_into
from kvlsp.model.rows import RowBatch
from kvlsp.model.runs import consecutive

MOVED_AT_ONCE = 2048  # rows rotated together: their intermediate results should stay in the processor's cache


class TransformersDecoder:
    """A :class:`~kvlsp.model.decoder.Decoder` around a transformers causal language model.

    Takes the model over: its rotary modules and its attention implementation are replaced. Raises
    :class:`~kvlsp.errors.UnsupportedModel` when the probe cannot explain a layer.
    """

    def __init__(self, model: Any, name: str, context_length: int) -> None:
        self.model = model.eval()
        self.name = name
        self.context_length = context_length
        weight = model.get_input_embeddings().weight
        self.device: torch.device = weight.device
        self.dtype: torch.dtype = weight.dtype
        config = model.config.get_text_config()
        self.layers: int = config.num_hidden_layers
        self.vocabulary_size: int = config.vocab_size
        ids = rows_to_try(self.vocabulary_size, self.device)
        expected = own_logits(self.model, ids)
        refuse_no_numbers(self.model, expected, name)
        stand_ins = stand_in(model)
        model.set_attn_implementation(ATTENTION)
        self.kinds: list[LayerKind] = probe(model, stand_ins, self.layers)
        self.shapes = [kind.shape for kind in self.kinds]
        self.bytes_per_slot = bytes_per_slot(self.shapes, self.dtype)
        self.bytes_per_document = 0
        rotations = {kind.rotation for kind in self.kinds if kind.rotation is not None}
        self.tables = {it: AngleTable(it, self.dtype, self.device, context_length) for it in rotations}

        self.tried: torch.Tensor | None = logits_of(self, ids)
        """What it says of :func:`~kvlsp.model.agreement.rows_to_try`, until the weights are given up: where layers lie
        in files, asking once more takes seconds."""
        apart = difference(self.tried, expected)
        if not apart <= TOLERANCE.get(self.dtype, 1e-3):
            raise UnsupportedModel(
                f"Over a cache of kvlsp's kind {name} gives other logits than transformers ({apart:.1e} of the "
                "largest apart): its attention does something that kvlsp does not know. Choose another model."
            )

    def give_up_weights(self) -> None:
        """Free the weights when another decoder has its own; positions, slots and moves go on working."""
        self.model = self.tried = None

    def allocate(self, slots: int) -> KeyValues:
        """Empty keys and values for ``slots`` tokens."""
        return KeyValues(self.shapes, slots, self.dtype, self.device)

    def occupied(self, slots: int) -> KeyValues:
        """See :meth:`kvlsp.model.decoder.Decoder.occupied`."""
        document = self.allocate(slots)
        document.occupy(slots)
        return document

    @torch.inference_mode()
    def forward(self, document: KeyValues, rows: RowBatch) -> torch.Tensor:
        """See :meth:`kvlsp.model.decoder.Decoder.forward`."""
        self.reach(rows.positions)
        claimed = claim(document, rows)
        wanted = rows.wanted
        if isinstance(wanted, slice):
            wanted = torch.arange(claimed.rows, device=self.device)[wanted]
        logits = self.model(
            input_ids=claimed.ids[None],
            position_ids=claimed.positions[None],
            use_cache=False,
            logits_to_keep=wanted,
            kvlsp=_Step(self, document, claimed),
        ).logits[0]
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

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


class _Step:
    """One forward: writes the new rows of each layer and attends over what is visible."""

    def __init__(self, decoder: TransformersDecoder, document: KeyValues, rows: Claimed) -> None:
        self.kinds = decoder.kinds
        self.document = document
        self.rows = rows
        self.angles = decoder.angles(rows.positions)

    def attend(self, call: Call) -> torch.Tensor:
        document, layer, read = self.document, call.layer, self.document.read
        slots, rows = self.rows.slots, self.rows.rows
        queries, keys = call.queries, call.keys
        rotation = self.kinds[layer].rotation
        if rotation is not None:
            document.truth[layer].index_copy_(1, slots, keys[:, :rows])
            cosine, sine = self.angles[rotation]
            queries, keys = rotate(queries, cosine, sine, rotation), rotate(keys, cosine, sine, rotation)
        document.keys[layer].index_copy_(1, slots, keys[:, :rows])
        document.values[layer].index_copy_(1, slots, call.values[:, :rows])
        return attend(
            queries,
            document.keys[layer][:, :read],
            document.values[layer][:, :read],
            self.rows.visibility.mask(call.window),
            call.scale,
            call.softcap,
            call.sinks,
        )
