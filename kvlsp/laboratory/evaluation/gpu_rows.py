"""The kernels of a step of one row on a GPU, each over the weights of all layers: tiles, and how near memory they are.

One captured graph runs a kernel once per layer, so that no weight is in a cache and the gaps between launches count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import torch

from kvlsp.laboratory.evaluation.gpu_timing import Ceilings, Stopwatch
from kvlsp.model.graphed import GraphedForward
from kvlsp.model.rows import EVERY, RowBatch
from kvlsp.model.single_row import Tile, Tiles, gate_and_up, project_heads, project_onto, suits_one_row, tiles_for
from kvlsp.model.static_rows import StaticRows

OUTPUTS, INPUTS, WARPS = (2, 4, 8), (256, 512, 1024), (2, 4, 8)
MOST_NUMBERS = 16384
"""Numbers of a tile: more do not fit the registers of its warps."""


def tiles(
    decoder: GraphedForward, watch: Stopwatch, ceilings: Ceilings, allowed_seconds: float, clock: Callable[[], float]
) -> list[dict[str, Any]]:
    """A line per kernel and tile, the quickest first, and torch's product beside: microseconds a layer, over the floor.

    Ends between two tiles when ``allowed_seconds`` have passed.
    """
    lean = decoder.lean
    if decoder.device.type != "cuda" or not suits_one_row(lean):
        return []
    document, rows = decoder.allocate(512), StaticRows(1, decoder.device)
    one = torch.zeros(1, dtype=torch.int64)
    rows.fill(RowBatch(one, one + 3, one + 3, EVERY))
    x = torch.randn(1, lean.embed(one.to(decoder.device)).shape[1], device=decoder.device).to(lean.dtype)
    storage = [layer for layer in document.rows if layer is not None]
    queries = x.new_empty((1, lean.heads, lean.width))
    mixed, act = torch.randn_like(queries), torch.randn(lean.weights[0].down.shape[1], device=x.device).to(x.dtype)  # type: ignore[union-attr]
    base, until = tiles_for(decoder.device), clock() + allowed_seconds
    kinds: dict[str, tuple[str, Callable[[int, Any, Tiles], None]]] = {
        "down": ("down", lambda _, layer, t: project_onto(lean, layer.down, None, act, x, t.down, t.early)),
        "output": ("output", lambda _, layer, t: project_onto(lean, layer.output, None, mixed, x, t.output, t.early)),
        "heads": ("queries_keys_values",
                  lambda i, layer, t: project_heads(lean, layer, x, rows, queries, storage[i], t)),
        "gate": ("gate_up", lambda _, layer, t: gate_and_up(lean, layer, x, act, t)),
    }  # fmt: skip
    lines = []
    for name, (matrix, run) in kinds.items():
        weights = [getattr(layer, matrix) for layer in lean.weights]
        floor = ceilings.floor_ms(weights[0].nbytes) * 1e3
        given = torch.randn(1, weights[0].shape[1], device=x.device).to(x.dtype)

        def by_torch(_: Tiles, weights: list[torch.Tensor] = weights, given: torch.Tensor = given) -> None:
            for weight in weights:
                torch.nn.functional.linear(given, weight)

        found = [(_micros(by_torch, base, lean.layers, watch), "torch", base)]
        for tile in _tiles():
            if clock() > until:
                break
            parts: dict[str, Any] = {name: tile}
            chosen = replace(base, **parts)

            def all_layers(t: Tiles, run: Any = run) -> None:
                for number, layer in enumerate(lean.weights):
                    run(number, layer, t)

            found.append((_micros(all_layers, chosen, lean.layers, watch), str(tile), chosen))
        for micros, label, _ in sorted(found, key=lambda it: it[0]):
            lines.append({"kernel": name, "tile": label, "us": round(micros, 2),
                          "floor_us": round(floor, 2), "ratio": round(micros / floor, 2)})
    return lines


def _tiles() -> Iterator[Tile]:
    for outputs, inputs, warps in product(OUTPUTS, INPUTS, WARPS):
        if 32 * warps * 16 <= outputs * inputs <= MOST_NUMBERS and outputs * inputs <= 32 * warps * 64:
            yield Tile(outputs, inputs, warps)


def _micros(run: Callable[[Tiles], None], chosen: Tiles, layers: int, watch: Stopwatch) -> float:
    with torch.inference_mode():
        run(chosen)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            run(chosen)
        return watch.device_ms(graph.replay, warm=2) * 1e3 / layers

