"""Layer after layer of a Llama-shaped model taken over from transformers, and held in another form where that is
wanted: what it was goes before the next one is looked at, so that both forms are never in memory whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kvlsp.model.lean_weights import MATRICES, LeanLayer, Table, Weight, let_go, read_layer
from kvlsp.model.memory import give_back
from kvlsp.model.rounding import Rounding
from kvlsp.model.stored_layers import StoredLayers
from kvlsp.model.transformers_decoder import TransformersDecoder


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


def convert(layer: LeanLayer, to: Callable[[Any], Weight], known: dict[str, Weight] | None = None) -> None:
    """Hold the matrices of a layer as ``to`` makes them, one after the other, but those that are ``known`` already."""
    for name in MATRICES:
        made = (known or {}).pop(name, None)
        setattr(layer, name, to(getattr(layer, name)) if made is None else made)


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
