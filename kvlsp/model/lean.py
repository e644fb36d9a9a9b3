"""The fast decoder for Llama-shaped models: the same seam, the same weights, a third of the operations.

Llama, Qwen2 (biases), Qwen3 (norms of queries and keys), Mistral, Granite (multipliers) and Seed have one
structure: norm, rotary grouped-query attention, norm, gated feed-forward. It is recognised by its
parameters, not by its name, and whatever is recognised must give the logits of the transformers decoder on
a probe, or that decoder stays. Query, key and value weights are fused to one matrix, gate and up likewise;
the transformers modules then look into the fused ones, so that nothing is in memory twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

import torch
from torch.nn.functional import linear as plain_linear
from torch.nn.functional import rms_norm, silu

from kvlsp.model import one_row
from kvlsp.model.agreement import difference, logits_of, rows_to_try
from kvlsp.model.attention import attend
from kvlsp.model.claimed import claim
from kvlsp.model.decoder import Decoder
from kvlsp.model.half import HalfWeight, available, fits, half_linear
from kvlsp.model.keyvalues import READ_STEP, KeyValues
from kvlsp.model.lean_weights import (
    MATRICES,
    LeanLayer,
    NotLean,
    Table,
    Weight,
    let_go,
    one_rotation,
    read_layer,
    read_norm,
)
from kvlsp.model.memory import give_back, return_freed
from kvlsp.model.rounding import Rounding
from kvlsp.model.rows import RowBatch
from kvlsp.model.sight import Sight
from kvlsp.model.stored_layers import StoredLayers
from kvlsp.model.transformers_decoder import TransformersDecoder

logger = logging.getLogger(__name__)

# Largest difference of logits, relative to the largest logit, that the check at load accepts.
TOLERANCE = {torch.float64: 1e-5, torch.float32: 1e-3, torch.bfloat16: 5e-2, torch.float16: 1e-2}

Attention: TypeAlias = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, "torch.Tensor | None", float], torch.Tensor]
"""Like :func:`~kvlsp.model.attention.attend`: queries, keys, values, mask, scale."""
Mask = TypeVar("Mask")
"""What an attention takes as a window's mask: a tensor (rows, read), or for :class:`Sight` one per part."""


def quickest(exact: TransformersDecoder) -> Decoder:
    """The lean decoder over the same weights if it gives the same logits, else ``exact`` itself."""
    try:
        lean = LeanDecoder(exact)
        apart = _difference(exact, lean)
    except NotLean as reason:
        logger.info("%s runs through transformers: %s", exact.name, reason)
        return exact
    allowed = TOLERANCE.get(exact.dtype, 1e-3)
    if not apart <= allowed:
        logger.warning(
            "%s runs through transformers: the lean forward differs by %.1e where %.0e is allowed",
            exact.name, apart, allowed,
        )  # fmt: skip
        return exact
    logger.info("%s runs lean: its logits differ by %.1e from those of transformers", exact.name, apart)
    if exact.device.type == "cpu" and exact.dtype == torch.bfloat16:
        return _by_single_rows(lean, allowed)
    return _packed(lean, allowed)


def _by_single_rows(lean: LeanDecoder, allowed: float) -> LeanDecoder:
    """With another product for a single row, where that is quicker and gives the same."""
    if one_row.quicker(lean.hidden):
        ids = rows_to_try(lean.vocabulary_size, lean.device)
        expected = logits_of(lean, ids, first=1)
        lean.multiply_by(one_row.one_row_linear)
        apart = difference(logits_of(lean, ids, first=1), expected)
        if not apart <= allowed:
            logger.warning("%s keeps oneDNN's product for single rows: another differs by %.1e", lean.name, apart)
            lean.multiply_by(plain_linear)
    return lean


def _packed(lean: LeanDecoder, allowed: float) -> LeanDecoder:
    """With its weights packed as sixteen-bit numbers where they are such numbers; else as it is.

    The weights of the transformers decoder behind it are given up then.
    """
    exact = lean.exact
    if exact.device.type != "cpu" or exact.dtype != torch.float32 or not available() or not lean.fits_half():
        return lean
    lean.hold(HalfWeight.of, half_linear)
    apart = _difference(exact, lean)
    if not apart <= allowed:
        logger.warning("%s keeps its weights in float32: packed its logits differ by %.1e", exact.name, apart)
        return LeanDecoder(exact)
    exact.give_up_weights()
    return lean


def _difference(exact: Decoder, lean: Decoder) -> float:
    ids = rows_to_try(exact.vocabulary_size, exact.device)
    return difference(logits_of(lean, ids), logits_of(exact, ids))


def _convert(
    layer: LeanLayer,
    convert: Callable[[torch.Tensor], Weight],
    kept: Callable[[tuple[str, ...]], Weight | None] = lambda names: None,
) -> None:
    for name, parts in MATRICES.items():
        known = kept(parts)
        setattr(layer, name, convert(getattr(layer, name)) if known is None else known)


def _grids(rounding: Rounding, stored: StoredLayers | None, number: int, names: tuple[str, ...]) -> Weight | None:
    """A matrix of layer ``number`` as its files round it, where that is how it shall be held."""
    return None if stored is None else rounding.kept([stored.rounded(number, name) for name in names])


class LeanDecoder:
    """A :class:`~kvlsp.model.decoder.Decoder`; raises :class:`NotLean` for other shapes.

    With ``rounding`` its matrices are held in fewer bits from the start, and ``exact`` has lost its own: one after the
    other, so that both never are in memory whole. Layers that are ``stored`` are read from their files for it;
    ``told`` hears which share of them is done.
    """

    def __init__(
        self, exact: TransformersDecoder, rounding: Rounding | None = None, stored: StoredLayers | None = None,
        told: Callable[[float], None] = lambda share: None,
    ) -> None:
        self.exact = exact
        self.name = exact.name
        self.layers = exact.layers
        self.vocabulary_size = exact.vocabulary_size
        self.context_length = exact.context_length
        self.device = exact.device
        self.dtype = exact.dtype
        self.bytes_per_slot, self.bytes_per_document = exact.bytes_per_slot, exact.bytes_per_document
        model = exact.model
        base, config = model.get_decoder(), model.config
        self.rotation = one_rotation(exact)
        self.kv_heads, self.width = exact.shapes[0].kv_heads, exact.shapes[0].key_width
        self.heads: int = config.num_attention_heads
        self.residual = float(getattr(config, "residual_multiplier", 1.0))
        self._embedding_scale = float(getattr(config, "embedding_multiplier", 1.0))
        self._logits_scale = float(getattr(config, "logits_scaling", 1.0))
        if model.lm_head.bias is not None or getattr(config, "hidden_act", "") != "silu":
            raise NotLean("its output layer has a bias or its feed-forward is not gated by SiLU")
        self._embedding: Table = base.embed_tokens.weight.detach()
        self.hidden = int(self._embedding.shape[1])
        self._norm, self.epsilon = read_norm(base, "norm")
        self._head: Weight = model.lm_head.weight.detach()
        self._linear: Any = plain_linear
        if rounding is not None:
            self._round_tables(rounding, model)
        self.weights: list[LeanLayer] = []
        for number, (layer, kind) in enumerate(zip(base.layers, exact.kinds, strict=True)):
            if stored is not None:
                stored.fill(number)
            self.weights.append(read_layer(layer, kind.window, self.width))
            if rounding is not None:
                let_go(layer)
                grids = partial(_grids, rounding, stored, number)
                _convert(self.weights[-1], rounding.matrix, grids)
                give_back()
                told((number + 1) / len(base.layers))

    def _round_tables(self, rounding: Rounding, model: Any) -> None:
        """Round embedding and output layer, which may be one; nothing of ``model`` is kept mapped."""
        assert isinstance(self._embedding, torch.Tensor)
        assert isinstance(self._head, torch.Tensor)
        self._linear = rounding.product
        self._norm = self._norm.clone()
        tied = self._head.data_ptr() == self._embedding.data_ptr()
        head, embedding = self._head, self._embedding
        self._head = rounding.table(head)
        self._embedding = self._head if tied else rounding.table(embedding)
        for module in (model.lm_head, model.get_decoder().embed_tokens, model.get_decoder().norm):
            let_go(module)
        del head, embedding
        return_freed()

    @property
    def packed(self) -> bool:
        """Whether its matrices are sixteen-bit numbers behind float32 arithmetic."""
        return isinstance(self._head, HalfWeight)

    def fits_half(self) -> bool:
        """Whether float16 holds all its matrices as they are."""
        matrices = [getattr(layer, name) for layer in self.weights for name in MATRICES]
        return all(isinstance(one, torch.Tensor) and fits(one) for one in [*matrices, self._head])

    def hold(self, convert: Callable[[torch.Tensor], Weight], product: Any) -> None:
        """Hold the matrices as ``convert`` makes them from now on, multiplied by ``product`` (rows, weight, bias)."""
        self._linear = product
        for layer in self.weights:
            _convert(layer, convert)
        assert isinstance(self._head, torch.Tensor)
        self._head = convert(self._head)

    def repack(self, convert: Callable[[Any], Weight], product: Any) -> None:
        """Hold the layers' matrices in another form, one after the other; the output layer stays what it is."""
        for layer in self.weights:
            _convert(layer, convert)
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
