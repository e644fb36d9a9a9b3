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
from kvlsp.model.geometry import Geometry
from kvlsp.model.hooks import ATTENTION, Call, stand_in
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.probe import probe
from kvlsp.model.rotary import rotate
from kvlsp.model.rows import RowBatch


class TransformersDecoder(Geometry):
    """A :class:`~kvlsp.model.decoder.Decoder` around a transformers causal language model.

    Takes the model over: its rotary modules and its attention implementation are replaced. Raises
    :class:`~kvlsp.errors.UnsupportedModel` when the probe cannot explain a layer.
    """

    def __init__(self, model: Any, name: str, context_length: int) -> None:
        self.model = model.eval()
        weight = model.get_input_embeddings().weight
        config = model.config.get_text_config()
        ids = rows_to_try(config.vocab_size, weight.device)
        expected = own_logits(self.model, ids)
        refuse_no_numbers(self.model, expected, name)
        stand_ins = stand_in(model)
        model.set_attn_implementation(ATTENTION)
        kinds = probe(model, stand_ins, config.num_hidden_layers)
        super().__init__(name, context_length, config.vocab_size, kinds, weight.dtype, weight.device)
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
