"""Forwards of 1 .. 512 rows over long contexts on a device, beside the memory-bound floor.

Resident rows are random numbers: a reader of keys takes the same time for them as for real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch

from kvlsp.laboratory.evaluation.gpu_timing import Ceilings, Cost, Stopwatch
from kvlsp.model.attention import attend
from kvlsp.model.device_keyvalues import DeviceKeyValues
from kvlsp.model.fused import attend_stored
from kvlsp.model.graphed import BUCKETS, GraphedForward, ways
from kvlsp.model.lean import Attention, LeanDecoder
from kvlsp.model.rows import DOCUMENT, EVERY, LAST, RowBatch
from kvlsp.model.split_attention import attend_split

Stored: TypeAlias = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, int, float, int], torch.Tensor]
"""Like :func:`~kvlsp.model.fused.attend_stored`: queries, storage, mask, slots read, scale, key heads."""


def stuffed(decoder: GraphedForward, tokens: int, room: int) -> DeviceKeyValues:
    """A document of so many resident tokens in order, and free slots behind them."""
    document = decoder.allocate(tokens + room)
    assert isinstance(document, DeviceKeyValues)
    places = torch.arange(tokens)
    document.extend(places)
    there = places.to(decoder.device)
    with torch.inference_mode():
        document.whole.normal_()
        document.position[there] = there
        document.owner[there] = DOCUMENT.number
    return document


def forwards(
    decoder: GraphedForward, contexts: Sequence[int], rows: Sequence[int], watch: Stopwatch, ceilings: Ceilings
) -> list[dict[str, Any]]:
    """One line per context and number of rows: milliseconds, floor, ratio, and the lean forward without graphs.

    Logits of every row up to the largest bucket, of the last row beyond.
    """
    cost = Cost.of(decoder.lean, decoder.vocabulary_size)
    lines = []
    for context in contexts:
        document = stuffed(decoder, context, max(rows))
        for count in rows:
            places = torch.arange(context, context + count)
            ids = torch.ones_like(places)
            wanted = EVERY if count <= BUCKETS[-1] else LAST
            batch = RowBatch(ids, places, places, wanted)
            with_graphs = watch.device_ms(partial(decoder.forward, document, batch))
            without = watch.device_ms(partial(decoder.lean.forward, document, batch))
            document.release(places)
            nbytes, operations = cost.forward(count, context, count if count <= BUCKETS[-1] else 1)
            floor = ceilings.floor_ms(nbytes, operations)
            lines.append({
                "context": context, "rows": count, "ms": round(with_graphs, 3), "floor_ms": round(floor, 3),
                "ratio": round(with_graphs / floor, 2), "plain_ms": round(without, 3),
            })  # fmt: skip
        del document
    return lines


def attentions(
    decoder: GraphedForward, contexts: Sequence[int], rows: Sequence[int], watch: Stopwatch, ceilings: Ceilings
) -> list[dict[str, Any]]:
    """Milliseconds of attention alone over all layers, by kind, and the floor of reading keys and values."""
    lean = decoder.lean
    lines = []
    for context in contexts:
        document = stuffed(decoder, context, 0)
        for count in rows:
            queries = torch.randn(count, lean.heads, lean.width, device=lean.device).to(lean.dtype)
            mask = torch.zeros(count, context, device=lean.device, dtype=lean.dtype)
            line: dict[str, Any] = {"context": context, "rows": count}
            for name, attention in kinds_of_attention(lean).items():
                run = _over_layers(attention, queries, document, mask, context)
                line[f"{name}_ms"] = round(watch.device_ms(run), 3)
            nbytes = 2 * lean.layers * lean.kv_heads * lean.width * context * lean.dtype.itemsize
            operations = 4 * lean.layers * lean.heads * lean.width * context * count
            line["floor_ms"] = round(ceilings.floor_ms(nbytes, operations), 3)
            lines.append(line)
        del document
    return lines


def kinds_of_attention(lean: LeanDecoder) -> dict[str, Stored]:
    """Attention over a layer's storage: torch's fused kernel, split products, Triton where it is there."""

    def by(attention: Attention) -> Stored:
        def run(
            queries: torch.Tensor, storage: torch.Tensor, mask: torch.Tensor, read: int, scale: float, kv_heads: int
        ) -> torch.Tensor:
            keys, values = storage[:kv_heads, :read], storage[2 * kv_heads :, :read]
            return attention(queries.transpose(0, 1), keys, values, mask, scale).transpose(0, 1)

        return run

    kinds: dict[str, Stored] = {"sdpa": by(attend), "split": by(attend_split)}
    return {**kinds, "triton": attend_stored} if len(ways(lean)) > 1 else kinds


def _over_layers(
    attention: Stored, queries: torch.Tensor, document: DeviceKeyValues, mask: torch.Tensor, read: int
) -> Callable[[], None]:
    layers = list(document.whole)
    scale, kv_heads = queries.shape[-1] ** -0.5, document.shapes[0].kv_heads

    @torch.inference_mode()
    def run() -> None:
        for storage in layers:
            attention(queries, storage, mask, read, scale, kv_heads)

    return run


def never_waits(decoder: GraphedForward, context: int) -> bool | None:
    """Whether a step from the CPU's numbers runs without a wait for the device; None where torch cannot tell."""
    if decoder.device.type != "cuda":
        return None
    document = stuffed(decoder, context, 8)
    places = torch.arange(context, context + 3)
    batch = RowBatch(torch.ones_like(places), places, places, EVERY)
    for _ in range(3):
        decoder.forward(document, batch)
    torch.cuda.synchronize(decoder.device)
    torch.cuda.set_sync_debug_mode("error")
    try:
        decoder.forward(document, batch)
        decoder.move(document, places[:1], places[:1])
    except RuntimeError:
        return False
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return True
