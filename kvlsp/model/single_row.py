"""A step of one row, six kernels a layer: what decoding without drafts and typing at the end of a text runs.

Matrices are multiplied with the one vector where it is made (:mod:`kvlsp.model.row_kernels`); a step of several rows
is :func:`kvlsp.model.fused.fused_layers`, which this falls back to. Whoever uses it compares its logits with the
plain step first (:mod:`kvlsp.model.graphed`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from kvlsp.model.fused import attend_stored, fused_layers, launched, may_overlap, suits
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_weights import MATRICES, LeanLayer
from kvlsp.model.static_rows import StaticRows, StaticVisibility


@dataclass(frozen=True, slots=True)
class Tile:
    """What a program takes at a time: outputs, inputs (both powers of two), and by how many warps."""

    outputs: int
    inputs: int
    warps: int


HEAD = Tile(8, 512, 4)
"""Of the output layer."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """A tile for each kernel. ``early``: launches may overlap."""

    heads: Tile = Tile(4, 512, 4)
    output: Tile = Tile(4, 512, 4)
    gate: Tile = Tile(4, 256, 2)
    down: Tile = Tile(4, 1024, 4)
    early: bool = True


@dataclass(frozen=True, slots=True)
class SingleRow:
    """All layers of a step (:data:`kvlsp.model.graphed.Layers`): of one row by the kernels here."""

    tiles: Tiles = Tiles()

    def __call__(
        self, lean: LeanDecoder, document: KeyValues, rows: StaticRows, visibility: StaticVisibility, read: int
    ) -> torch.Tensor:
        """Hidden states (bucket, hidden) of claimed static rows, attention over slots [0, ``read``)."""
        if rows.bucket != 1:
            return fused_layers(lean, document, rows, visibility, read)
        x = lean.embed(rows.ids)
        queries = x.new_empty((1, lean.heads, lean.width))
        act = x.new_empty(lean.weights[0].down.shape[1])  # type: ignore[union-attr]
        for number, layer in enumerate(lean.weights):
            storage = document.rows[number]
            assert storage is not None
            project_heads(lean, layer, x, rows, queries, storage, self.tiles)
            mask = visibility.mask(layer.window)
            mixed = attend_stored(queries, storage, mask, read, layer.scale, lean.kv_heads, early=self.tiles.early)
            project_onto(lean, layer.output, layer.output_bias, mixed, x, self.tiles.output, self.tiles.early)
            gate_and_up(lean, layer, x, act, self.tiles)
            project_onto(lean, layer.down, layer.down_bias, act, x, self.tiles.down, self.tiles.early)
        return x


def logits_of_one(lean: LeanDecoder, x: torch.Tensor) -> torch.Tensor:
    """Logits (1, vocabulary) of hidden states (1, hidden), float32: :meth:`~kvlsp.model.lean.LeanDecoder.logits`."""
    from kvlsp.model import row_kernels

    head, norm, scaling = lean.output_layer
    assert isinstance(head, torch.Tensor)
    outputs, hidden = head.shape
    logits = torch.empty((1, outputs), dtype=torch.float32, device=x.device)
    tile = HEAD
    row_kernels.project_logits[(-(-outputs // tile.outputs),)](
        x, norm, head, logits, lean.epsilon, 1 / scaling, hidden, outputs, OUT=tile.outputs, BLOCK=tile.inputs,
        num_warps=tile.warps,
    )  # fmt: skip
    return logits


def suits_one_row(lean: LeanDecoder) -> bool:
    """Whether these kernels can run the model: plain matrices, and no norms of queries and keys."""
    matrices = [lean.output_layer[0], *(getattr(layer, name) for layer in lean.weights for name in MATRICES)]
    return (suits(lean) and all(layer.head_norms is None for layer in lean.weights)
            and all(isinstance(one, torch.Tensor) and one.is_contiguous() for one in matrices))


def tiles_for(device: torch.device) -> Tiles:
    """The tiles for a device: launches overlap where it can."""
    return replace(Tiles(), early=may_overlap(device))


def project_heads(
    lean: LeanDecoder, layer: LeanLayer, x: torch.Tensor, rows: StaticRows, queries: torch.Tensor,
    storage: torch.Tensor, tiles: Tiles,
) -> None:
    """Queries of ``x`` (1, hidden) to ``queries`` (1, heads, width), its key and value to their slot."""
    from kvlsp.model import row_kernels

    tile, width = tiles.heads, lean.width
    pairs = min(tile.outputs, width // 2)
    table, bias = lean.exact.tables[lean.rotation], layer.queries_keys_values_bias
    weight: Any = layer.queries_keys_values
    row_kernels.project_heads[(lean.heads + 2 * lean.kv_heads, width // 2 // pairs)](
        x, layer.attention_norm, weight, weight if bias is None else bias, rows.positions, rows.slots,
        table.cosine, table.sine, queries, storage, storage.stride(0), lean.epsilon, x.shape[-1],
        HEADS=lean.heads, KV_HEADS=lean.kv_heads, WIDTH=width, BIAS=bias is not None, PAIRS=pairs, BLOCK=tile.inputs,
        **_launch(tile, tiles.early),
    )  # fmt: skip


def project_onto(
    lean: LeanDecoder, weight: Any, bias: torch.Tensor | None, row: torch.Tensor, x: torch.Tensor, tile: Tile,
    early: bool,
) -> None:
    """``x`` (1, hidden) plus what ``weight`` makes of ``row``, in place."""
    from kvlsp.model import row_kernels

    outputs, inputs = weight.shape
    row_kernels.project_onto[(-(-outputs // tile.outputs),)](
        row, weight, weight if bias is None else bias, x, lean.residual, inputs, outputs,
        BIAS=bias is not None, OUT=tile.outputs, BLOCK=tile.inputs, **_launch(tile, early),
    )  # fmt: skip


def gate_and_up(lean: LeanDecoder, layer: LeanLayer, x: torch.Tensor, act: torch.Tensor, tiles: Tiles) -> None:
    """The gated feed-forward's inner numbers of ``x`` (1, hidden) to ``act`` (inner)."""
    from kvlsp.model import row_kernels

    tile, bias, inner = tiles.gate, layer.gate_up_bias, act.shape[0]
    weight: Any = layer.gate_up
    row_kernels.gate_and_up[(-(-inner // tile.outputs),)](
        x, layer.feed_forward_norm, weight, weight if bias is None else bias, act, lean.epsilon, x.shape[-1], inner,
        BIAS=bias is not None, OUT=tile.outputs, BLOCK=tile.inputs, **_launch(tile, tiles.early),
    )  # fmt: skip


def _launch(tile: Tile, early: bool) -> dict[str, Any]:
    return {"num_warps": tile.warps, **launched(early)}
