"""The fast decoder for Llama-shaped models: the same seam, the same weights, a third of the operations.

Llama, Qwen2 (biases), Qwen3 (norms of queries and keys), Mistral, Granite (multipliers) and Seed have one
structure: norm, rotary grouped-query attention, norm, gated feed-forward. It is recognised by its
parameters, not by its name, and whatever is recognised must give the logits of the transformers decoder on
a probe, or that decoder stays. Query, key and value weights are fused to one matrix, gate and up likewise;
the transformers modules then look into the fused ones, so that nothing is in memory twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import torch
from torch.nn.functional import linear as plain_linear
from torch.nn.functional import rms_norm, silu

from kvlsp.model.attention import attend
from kvlsp.model.claimed import claim
from kvlsp.model.geometry import Geometry
from kvlsp.model.half import HalfWeight, fits
from kvlsp.model.keyvalues import READ_STEP, KeyValues
from kvlsp.model.lean_weights import MATRICES, LeanLayer, LeanParts, Table, Weight, convert, one_rotation
from kvlsp.model.rows import RowBatch
from kvlsp.model.sight import Sight

Attention: TypeAlias = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, "torch.Tensor | None", float], torch.Tensor]
"""Like :func:`~kvlsp.model.attention.attend`: queries, keys, values, mask, scale."""
Mask = TypeVar("Mask")
"""What an attention takes as a window's mask: a tensor (rows, read), or for :class:`Sight` one per part."""


class LeanDecoder:
    """A :class:`~kvlsp.model.decoder.Decoder` with the weights ``parts``, multiplied by ``product``, over rows as
    ``exact`` keeps and moves them. :func:`~kvlsp.model.lean_layers.take_over` takes them over from transformers."""

    def __init__(self, exact: Geometry, parts: LeanParts, product: Any = plain_linear) -> None:
        self.exact = exact
        self.name = exact.name
        self.layers = exact.layers
        self.vocabulary_size = exact.vocabulary_size
        self.context_length = exact.context_length
        self.device = exact.device
        self.dtype = exact.dtype
        self.bytes_per_slot, self.bytes_per_document = exact.bytes_per_slot, exact.bytes_per_document
        self.rotation = one_rotation(exact)
        self.kv_heads, self.width = exact.shapes[0].kv_heads, exact.shapes[0].key_width
        self.heads, self.epsilon, self.residual = parts.heads, parts.epsilon, parts.residual
        self._embedding_scale, self._logits_scale = parts.embedding_scale, parts.logits_scale
        self._embedding, self._head, self._norm = parts.embedding, parts.head, parts.norm
        self.hidden = int(parts.norm.shape[0])
        self.weights: list[LeanLayer] = parts.layers
        self._linear = product
        self.forwards = 0
        """How many have begun."""

    @property
    def parts(self) -> LeanParts:
        """What it computes with."""
        return LeanParts(self.heads, self.epsilon, self.residual, self._embedding_scale, self._logits_scale,
                         self._embedding, self._head, self._norm, self.weights)

    @property
    def product(self) -> Any:
        """What multiplies rows with its matrices (rows, weight, bias)."""
        return self._linear

    @property
    def packed(self) -> bool:
        """Whether its matrices are sixteen-bit numbers behind float32 arithmetic."""
        return isinstance(self._head, HalfWeight)

    def fits_half(self) -> bool:
        """Whether float16 holds all its matrices as they are."""
        matrices = [getattr(layer, name) for layer in self.weights for name in MATRICES]
        return all(isinstance(one, torch.Tensor) and fits(one) for one in [*matrices, self._head])

    def hold(self, form: Callable[[torch.Tensor], Weight], product: Any) -> None:
        """Hold the matrices as ``form`` makes them from now on, multiplied by ``product`` (rows, weight, bias)."""
        self._linear = product
        for layer in self.weights:
            convert(layer, form)
        assert isinstance(self._head, torch.Tensor)
        self._head = form(self._head)

    def repack(self, form: Callable[[Any], Weight], product: Any) -> None:
        """Hold the layers' matrices in another form, one after the other; the output layer stays what it is."""
        for layer in self.weights:
            convert(layer, form)
        self._linear = product

    def multiply_by(self, product: Any) -> None:
        """Multiply by ``product`` (rows, weight, bias) from now on."""
        self._linear = product

    def allocate(self, slots: int) -> KeyValues:
        """Empty keys and values for ``slots`` tokens."""
        return self.exact.allocate(slots)

    def occupied(self, slots: int) -> KeyValues:
        """See :meth:`kvlsp.model.decoder.Decoder.occupied`."""
        document = self.allocate(slots)
        document.occupy(slots)
        return document

    def move(self, document: KeyValues, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """See :meth:`kvlsp.model.decoder.Decoder.move`."""
        self.exact.move(document, slots, positions)

    @torch.inference_mode()
    def forward(self, document: KeyValues, rows: RowBatch) -> torch.Tensor:
        """See :meth:`kvlsp.model.decoder.Decoder.forward`."""
        self.forwards += 1
        self.exact.reach(rows.positions)
        claimed = claim(document, rows)
        given = document, claimed.ids, claimed.positions, claimed.slots, document.read
        mask = claimed.visibility.mask
        keep, count = claimed.wanted(rows.wanted)
        few = len(keep) < len(claimed.ids) and self.device.type == "cpu"
        last = (keep, mask) if few else None
        if self.device.type == "cpu":
            step = READ_STEP if self.dtype == torch.bfloat16 else None  # every other length would be compiled anew
            sight = Sight(document, claimed.positions, self.heads // self.kv_heads, step)
            x = self.hidden_states(*given, sight.masks(mask), sight.attend, last)
        else:
            x = self.hidden_states(*given, mask, attend, last)
        return self.logits(x if few else x[keep])[:count]

    def hidden_states(
        self,
        document: KeyValues,
        ids: torch.Tensor,
        positions: torch.Tensor,
        slots: torch.Tensor,
        read: int,
        mask: Callable[[int | None], Mask],
        attention: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Mask, float], torch.Tensor],
        last: tuple[torch.Tensor, Callable[[int | None], torch.Tensor]] | None = None,
    ) -> torch.Tensor:
        """All layers over rows whose slots are claimed: (rows, hidden), before the last norm.

        The first ``len(slots)`` rows are written. Attention reads slots [0, ``read``). On a GPU nothing in here
        waits for the device, so that it can be captured. ``last``: only these rows, and masks of all, are wanted: in
        the last layer the others are keys and values, and nothing else.
        """
        real = slots.shape[0]
        cosine, sine = (it[:, None] for it in self.exact.tables[self.rotation].at(positions))
        linear = self._linear
        epsilon, hidden = self.epsilon, (self.hidden,)
        heads, kv_heads, width = self.heads, self.kv_heads, self.width
        rows = ids.shape[0]
        x = self.embed(ids)
        for number, layer in enumerate(self.weights):
            normed = rms_norm(x, hidden, layer.attention_norm, epsilon)
            fused = linear(normed, layer.queries_keys_values, layer.queries_keys_values_bias)
            fused = fused.view(rows, heads + 2 * kv_heads, width)
            turning = fused[:, : heads + kv_heads]
            if layer.head_norms is not None:
                turning = rms_norm(turning, (width,), None, epsilon) * layer.head_norms
            # Storage of a layer: rotated keys, un-rotated keys, values (KeyValues.rows).
            storage = document.rows[number]
            assert storage is not None
            if layer.head_norms is None:
                storage[kv_heads:].index_copy_(1, slots, fused[:real, heads:].transpose(0, 1))
            else:
                document.truth[number].index_copy_(1, slots, turning[:real, heads:].transpose(0, 1))
                document.values[number].index_copy_(1, slots, fused[:real, heads + kv_heads :].transpose(0, 1))
            turned = torch.addcmul(turning * cosine, turning.roll(width // 2, -1), sine).to(self.dtype)
            document.keys[number].index_copy_(1, slots, turned[:real, heads:].transpose(0, 1))
            queries = turned[:, :heads].transpose(0, 1)
            keys, values = storage[:kv_heads, :read], storage[2 * kv_heads :, :read]
            if last is not None and number == self.layers - 1:
                keep, whole = last
                x, queries, rows = x[keep], queries[:, keep], keep.shape[0]
                if not rows:
                    return x
                mixed = attend(queries, keys, values, whole(layer.window)[keep], layer.scale)
            else:
                mixed = attention(queries, keys, values, mask(layer.window), layer.scale)
            mixed = mixed.transpose(0, 1).reshape(rows, heads * width)
            x = torch.add(x, linear(mixed, layer.output, layer.output_bias), alpha=self.residual)
            normed = rms_norm(x, hidden, layer.feed_forward_norm, epsilon)
            gate, up = linear(normed, layer.gate_up, layer.gate_up_bias).chunk(2, -1)
            down = linear(silu(gate).mul_(up), layer.down, layer.down_bias)
            x = torch.add(x, down, alpha=self.residual)
        return x

    @property
    def output_layer(self) -> tuple[Weight, torch.Tensor, float]:
        """Matrix (vocabulary, hidden), the last norm's weights, and what logits are divided by."""
        return self._head, self._norm, self._logits_scale

    @property
    def table(self) -> Table:
        """The embedding, (vocabulary, hidden): the output layer itself where the two are tied."""
        return self._embedding

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """What the first layer receives, (rows, hidden)."""
        x = self._embedding[ids]
        return x if self._embedding_scale == 1.0 else x * self._embedding_scale

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (rows, vocabulary) of hidden states (rows, hidden), float32 or float64."""
        normed = rms_norm(x, (x.shape[-1],), self._norm, self.epsilon)
        logits = self._linear(normed, self._head)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return logits if self._logits_scale == 1.0 else logits.div_(self._logits_scale)
