"""How many stale rows an edit's forward takes along for next to nothing: measured once per model and device.

A forward of a few rows is bound by memory traffic, so more rows are almost free up to a number: on a GPU some hundreds,
on a CPU with a small model a handful. There the bound is time that nobody feels. Every row reads all that is resident,
so the number is measured at two lengths.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from kvlsp.cache.worth import Budget
from kvlsp.model.clock import finish
from kvlsp.model.decoder import Decoder
from kvlsp.model.rows import LAST, RowBatch

EDIT = 4
"""Rows that an edit encodes by itself."""
RATIO = 1.25
"""A forward may cost so many times that of the edit alone ..."""
UNFELT = 0.010
"""... or so many seconds more, less than a picture of the screen takes. The first 16 rows of a repair are worth by far
the most (docs/decisions), and a CPU encodes one or two in a millisecond."""

_RESIDENT = (2048, 6144)
_SIZES = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_REPEATS = 5
_LONG = 1.0
"""Seconds after which a length is measured no more often than it must be: a large model waits to be used."""


def measure(decoder: Decoder, clock: Callable[[], float] = time.perf_counter) -> Budget:
    """Rows beyond an edit's own that its forward may encode, 0 .. 252. Takes a second or two."""
    longest = decoder.context_length - max(_SIZES)
    lengths = sorted({min(length, longest) for length in _RESIDENT if min(length, longest) >= max(_SIZES)})
    if not lengths:
        return Budget.of(0)
    return Budget(tuple((resident, _measure(decoder, resident, clock)) for resident in lengths))


def _measure(decoder: Decoder, resident: int, clock: Callable[[], float]) -> int:
    document, places = decoder.occupied(resident), torch.arange(resident, device=decoder.device)
    sizes = list(_SIZES)
    took: dict[int, float] = {}
    first = clock()
    for repeat in range(_REPEATS + 1):
        if repeat > 1 and clock() - first > _LONG:
            break
        for size in sizes:
            rows = places[-size:]
            began = clock()
            decoder.forward(document, RowBatch(torch.ones_like(rows), rows, rows, LAST))
            finish(decoder.device)
            seconds = clock() - began
            if repeat == 1:
                took[size] = seconds  # the first round warms up
            took[size] = min(seconds, took.get(size, seconds))
            if not repeat and seconds > 2 * took[EDIT] + 4 * UNFELT:
                sizes = sizes[: sizes.index(size)]  # on a slow device sizes far beyond the budget are not tried again
                break
    allowed = max(RATIO * took[EDIT], took[EDIT] + UNFELT)
    # the largest, not the last before the first failure: on a busy machine one size may have been unlucky
    return max(size for size in sizes if took[size] <= allowed) - EDIT
