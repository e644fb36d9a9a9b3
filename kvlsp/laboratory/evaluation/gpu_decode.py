"""Greedy decoding on a device, one token a step and with drafts verified in one forward.

The drafts are the tokens that decoding alone has written, so all of them are right: what is measured is what a step
of so many rows costs and what the best acceptance would give. Times are the host's, the token's way back included.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch

from kvlsp.laboratory.evaluation.gpu_forward import stuffed
from kvlsp.laboratory.evaluation.gpu_timing import Ceilings, Cost, Stopwatch
from kvlsp.model.graphed import GraphedForward
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rows import EVERY, Branch, RowBatch

DRAFTS = (3, 7, 15, 31)
BRANCH = Branch(1)


def decoding(
    decoder: GraphedForward, context: int, tokens: int, watch: Stopwatch, ceilings: Ceilings,
    drafts: Sequence[int] = DRAFTS,
) -> dict[str, Any]:
    """Milliseconds per step and tokens per second behind ``context`` resident tokens.

    ``gain`` is the speed with every draft right over that without drafts; ``pays_from`` the least share of right
    drafts from which drafting so many is quicker. ``agreeing`` is the share of drafted tokens that a step of many
    rows chooses as the step of one row did (the precision of sums depends on the number of rows).
    """
    document = stuffed(decoder, context, tokens + max(drafts) + 1)
    with torch.inference_mode():
        _greedy(decoder, document, context, tokens, watch)  # steps are captured
        alone, steps = _greedy(decoder, document, context, tokens, watch)
    step = statistics.median(steps)
    floor = ceilings.floor_ms(*Cost.of(decoder.lean, decoder.vocabulary_size).forward(1, context, 1))
    figures: dict[str, Any] = {
        "context": context, "tokens": tokens, "ms_per_step": round(step, 3), "floor_ms": round(floor, 3),
        "ratio": round(step / floor, 2), "tokens_per_second": round(1e3 / step, 1), "drafts": [],
    }  # fmt: skip
    for count in (count for count in drafts if count < tokens):
        with torch.inference_mode():
            _verify(decoder, document, context, alone, count, watch)
            agreeing, times = _verify(decoder, document, context, alone, count, watch)
        took = statistics.median(times)
        per_second = (count + 1) * 1e3 / took
        figures["drafts"].append({
            "drafts": count, "ms_per_step": round(took, 3), "tokens_per_second": round(per_second, 1),
            "gain": round(per_second * step / 1e3, 2), "pays_from": round((took / step - 1) / count, 3),
            "agreeing": round(agreeing, 3),
        })  # fmt: skip
    return figures


def _greedy(
    decoder: GraphedForward, document: KeyValues, context: int, tokens: int, watch: Stopwatch
) -> tuple[list[int], list[float]]:
    """The tokens behind a first one, and the milliseconds of each step. Leaves no rows."""
    written, times = [1], []
    for step in range(tokens):
        place = torch.tensor([context + step])
        watch.wait()
        begin = time.perf_counter()
        logits = decoder.forward(document, RowBatch(torch.tensor(written[-1:]), place, place, EVERY, BRANCH))
        written.append(int(logits.argmax(-1)))
        times.append((time.perf_counter() - begin) * 1e3)
    document.release(torch.arange(context, context + tokens))
    return written, times


def _verify(
    decoder: GraphedForward, document: KeyValues, context: int, alone: list[int], count: int, watch: Stopwatch
) -> tuple[float, list[float]]:
    """The same tokens, ``count`` + 1 rows a step: share that agrees, milliseconds of each step."""
    times, same, asked = [], 0, 0
    for first in range(0, len(alone) - 1 - count, count + 1):
        rows = alone[first : first + count + 1]
        places = torch.arange(context + first, context + first + len(rows))
        watch.wait()
        begin = time.perf_counter()
        logits = decoder.forward(document, RowBatch(torch.tensor(rows), places, places, EVERY, BRANCH))
        chosen = logits.argmax(-1).tolist()
        times.append((time.perf_counter() - begin) * 1e3)
        expected = alone[first + 1 : first + 1 + len(rows)]
        same += sum(a == b for a, b in zip(chosen, expected, strict=True))
        asked += len(rows)
    document.release(torch.arange(context, context + len(alone)))
    return same / max(1, asked), times
