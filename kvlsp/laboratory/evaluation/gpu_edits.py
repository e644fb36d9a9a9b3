"""A line inserted at the top or in the middle of a long document on a device, beside a full prefill of it.

The production cache does the work (:mod:`kvlsp.cache.repair`): plan, rotation of what moved, encoding of the line,
logits of the last row, the first token. Times are the host's, until the token is known.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from kvlsp.cache.repair import Repaired, repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.stored import StoredRows
from kvlsp.cache.worth import worthiest
from kvlsp.laboratory.evaluation.gpu_forward import stuffed
from kvlsp.laboratory.evaluation.gpu_timing import Ceilings, Cost, Stopwatch
from kvlsp.model.graphed import GraphedForward
from kvlsp.prompt.layout import Layout

LINE = 20  # tokens
LONG = 10_000  # tokens from which on a prefill is timed once
CHUNKS = (256, 1024, 2048)  # rows of a forward of prefill


class Document:
    """Token ids with their identities, and layouts of it with the caret at the end."""

    def __init__(self, tokens: int, vocabulary: int) -> None:
        generator = np.random.default_rng(0)
        self._vocabulary, self._generator = vocabulary, generator
        self.ids = generator.integers(0, vocabulary, tokens).astype(np.int32)
        self.cells = np.arange(tokens, dtype=np.int64)
        self._next = tokens

    def layout(self) -> Layout:
        """All of it before the caret."""
        return Layout(self.ids, self.cells, (0, len(self.ids)), (len(self.ids), len(self.ids)), text_last=True)

    def insert(self, at: int, count: int = LINE) -> None:
        """New tokens at ``at``."""
        fresh = np.arange(self._next, self._next + count, dtype=np.int64)
        self._next += count
        ids = self._generator.integers(0, self._vocabulary, count).astype(np.int32)
        self.ids, self.cells = np.insert(self.ids, at, ids), np.insert(self.cells, at, fresh)

    def delete(self, at: int, count: int = LINE) -> None:
        """The tokens from ``at`` on."""
        gone = slice(at, at + count)
        self.ids, self.cells = np.delete(self.ids, gone), np.delete(self.cells, gone)


def edits(
    decoder: GraphedForward, context: int, watch: Stopwatch, ceilings: Ceilings, decode_ms: float,
    budgets: Sequence[int] = (0, 16),
) -> dict[str, Any]:
    """Prefill by chunk size, then edits; ratios to one decode step at this context and to the quickest prefill."""
    document = Document(context, decoder.vocabulary_size)
    cache = ResidentCache(decoder, context + 8 * LINE + 512)
    prefills, figures = _prefills(cache, document, watch, ceilings), []
    prefill = min(line["ms"] for line in prefills)
    for place, at in (("top", 5), ("middle", context // 2), ("end", context - 3)):
        for budget in budgets:
            repair(cache, document.layout(), wanted=[len(document.ids) - 1])
            figures.append({
                "insert_at": place, "stale_rows_along": budget,
                **_edit(cache, document, at, budget, watch, decode_ms, prefill),
            })  # fmt: skip
    return {"context": context, "decode_ms": round(decode_ms, 3), "prefill": prefills, "edits": figures}


def _prefills(cache: ResidentCache, document: Document, watch: Stopwatch, ceilings: Ceilings) -> list[dict[str, Any]]:
    decoder = cache.decoder
    assert isinstance(decoder, GraphedForward)
    cost = Cost.of(decoder.lean, decoder.vocabulary_size)
    layout, lines = document.layout(), []
    for chunk in sorted({min(chunk, len(layout)) for chunk in CHUNKS}):
        times = []
        for _ in range(3 if len(layout) <= LONG else 1):
            cache.forget()
            times.append(watch.once(partial(repair, cache, layout, wanted=[len(layout) - 1], chunk=chunk)))
        floor = ceilings.floor_ms(*cost.prefill(len(layout), chunk))
        took = min(times)
        lines.append({"chunk": chunk, "ms": round(took, 2), "floor_ms": round(floor, 2),
                      "ratio": round(took / floor, 2)})  # fmt: skip
    return lines


def _edit(
    cache: ResidentCache, document: Document, at: int, budget: int, watch: Stopwatch, decode_ms: float, prefill: float
) -> dict[str, Any]:
    choose = worthiest(budget) if budget else None
    times, planning, results = [], [], list[Repaired]()
    for _ in range(max(5, watch.repeats)):
        document.insert(at)
        layout = document.layout()
        planning.append(watch.once(partial(cache.plan, layout)))

        def first_token(layout: Layout = layout) -> None:
            results.append(repair(cache, layout, wanted=[len(layout) - 1], choose=choose))
            logits = results[-1].logits
            assert logits is not None
            int(logits[-1].argmax())

        times.append(watch.once(first_token))
        document.delete(at)
        repair(cache, document.layout(), wanted=[len(document.ids) - 1], choose=choose)
    took, last = statistics.median(times), results[-1]
    return {
        "ms_to_first_token": round(took, 3), "p90_ms": round(sorted(times)[int(len(times) * 0.9)], 3),
        "plan_ms": round(statistics.median(planning), 3), "encoded": last.encoded + last.repaired, "moved": last.moved,
        "decode_steps": round(took / decode_ms, 2), "share_of_prefill": round(took / prefill, 4),
    }  # fmt: skip


def moves(
    decoder: GraphedForward, contexts: Sequence[int], watch: Stopwatch, ceilings: Ceilings
) -> list[dict[str, Any]]:
    """Rotating the keys of whole documents, all layers: milliseconds and the floor of reading and writing them."""
    lines, lean = [], decoder.lean
    for context in contexts:
        document = stuffed(decoder, context, 0)
        slots = torch.arange(context)
        took = watch.device_ms(partial(decoder.move, document, slots, slots + LINE))
        nbytes = 2 * lean.layers * lean.kv_heads * lean.width * context * lean.dtype.itemsize
        floor = ceilings.floor_ms(nbytes)
        lines.append({"moved": context, "ms": round(took, 3), "floor_ms": round(floor, 3),
                      "ratio": round(took / floor, 2)})  # fmt: skip
    return lines


def parking(decoder: GraphedForward, contexts: Sequence[int], watch: Stopwatch) -> list[dict[str, Any]]:
    """A document's rows to host memory and back, rotated: milliseconds, the host's clock."""
    lines = []
    for context in contexts:
        document, slots = stuffed(decoder, context, 0), torch.arange(context)
        parked = StoredRows.store(document, slots, on_host=True)
        park = watch.wall_ms(partial(StoredRows.store, document, slots, on_host=True), warm=1)
        back = watch.wall_ms(partial(parked.restore, decoder, document, slots, slots), warm=1)
        lines.append({"parked": context, "mib": round(parked.nbytes / 2**20, 1), "park_ms": round(park, 2),
                      "unpark_ms": round(back, 2)})  # fmt: skip
        del document, parked
    return lines
