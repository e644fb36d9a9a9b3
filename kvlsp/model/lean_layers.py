"""Layer after layer of a Llama-shaped model taken over from transformers, and held in another form where that is
wanted: what it was goes before the next one is looked at, so that both forms are never in memory whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch.nn.functional import linear

from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_weights import (
    MATRICES,
    LeanLayer,
    LeanParts,
    NotLean,
    Table,
    Weight,
    convert,
    let_go,
    one_rotation,
    read_layer,
    read_norm,
)
from kvlsp.model.memory import give_back, return_freed
from kvlsp.model.rounding import Rounding
from kvlsp.model.stored_layers import StoredLayers
from kvlsp.model.transformers_decoder import TransformersDecoder

_MULTIPLIERS = ("residual_multiplier", "embedding_multiplier", "logits_scaling")


def take_over(
    exact: TransformersDecoder, rounding: Rounding | None = None, stored: StoredLayers | None = None,
    told: Callable[[float], None] = lambda share: None,
) -> LeanDecoder:
    """The lean decoder over the weights of ``exact``. Raises :class:`~kvlsp.model.lean_weights.NotLean` for other
    shapes.

    With ``rounding`` its matrices are held in fewer bits from the start, and ``exact`` has lost its own: one after the
    other, so that both never are in memory whole. Layers that are ``stored`` are read from their files for it;
    ``told`` hears which share of them is done.
    """
    model = exact.model
    base, config = model.get_decoder(), model.config
    one_rotation(exact)
    if model.lm_head.bias is not None or getattr(config, "hidden_act", "") != "silu":
        raise NotLean("its output layer has a bias or its feed-forward is not gated by SiLU")
    embedding: Table = base.embed_tokens.weight.detach()
    norm, epsilon = read_norm(base, "norm")
    head: Weight = model.lm_head.weight.detach()
    product: Any = linear
    if rounding is not None:
        product, norm = rounding.product, norm.clone()
        head, embedding = round_tables(rounding, model)
        return_freed()
    layers = list(layers_of(exact, exact.shapes[0].key_width, rounding, stored, told))
    residual, embedded, divided = (float(getattr(config, name, 1.0)) for name in _MULTIPLIERS)
    parts = LeanParts(config.num_attention_heads, epsilon, residual, embedded, divided, embedding, head, norm, layers)
    return LeanDecoder(exact, parts, product)


def layers_of(
    exact: TransformersDecoder, width: int, rounding: Rounding | None, stored: StoredLayers | None,
    told: Callable[[float], None],
) -> Iterator[LeanLayer]:
    """The layers of ``exact`` with heads of ``width`` numbers; with ``rounding`` they lose their weights there. Those
    that are ``stored`` are read from their files for it; ``told`` hears which share of them is done. Raises
    :class:`~kvlsp.model.lean_weights.NotLean`."""
    kept = rounding is not None and rounding.kept is not None
    layers = exact.model.get_decoder().layers
    for number, (layer, kind) in enumerate(zip(layers, exact.kinds, strict=True)):
        if stored is not None:
            stored.fill(number, grids=kept)
        found = read_layer(layer, kind.window, width)
        if rounding is not None:
            let_go(layer)
            known = {} if stored is None or not kept else _kept(rounding, stored)
            convert(found, rounding.matrix, known)
            give_back()
            told((number + 1) / len(layers))
        yield found


def _kept(rounding: Rounding, stored: StoredLayers) -> dict[str, Weight]:
    """Matrices of the layer that was filled last as its files round them, where that is how they shall be held."""
    assert rounding.kept is not None
    found = {name: rounding.kept([stored.grids.get(part) for part in parts]) for name, parts in MATRICES.items()}
    stored.grids.clear()
    return {name: one for name, one in found.items() if one is not None}


def round_tables(rounding: Rounding, model: Any) -> tuple[Table, Table]:
    """Output layer and embedding of ``model`` rounded, one if they are; it loses both, and its last norm."""
    base = model.get_decoder()
    head, embedding = model.lm_head.weight.detach(), base.embed_tokens.weight.detach()
    rounded = rounding.table(head)
    other = rounded if head.data_ptr() == embedding.data_ptr() else rounding.table(embedding)
    for module in (model.lm_head, base.embed_tokens, base.norm):
        let_go(module)
    return rounded, other
