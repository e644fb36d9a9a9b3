"""One row of bfloat16 times a matrix on a processor, by PyTorch's own product where that is quicker than oneDNN's.

A token is one row, and bound by how fast its weights come out of memory. oneDNN, which PyTorch calls for bfloat16,
reaches half of that with a single row; the product that PyTorch has itself reaches it. Which is quicker depends on the
processor and is measured once per width.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache

import torch
from torch.backends import mkldnn
from torch.nn.functional import linear

ENABLED = bool(mkldnn.enabled)  # what others have chosen; put back as a constant, since threads may be in here at once
NUMBERS = 24 << 20
TRIES = 6


def one_row_linear(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Like :func:`torch.nn.functional.linear` for rows (rows, in): a single one without oneDNN."""
    if rows.shape[0] != 1:
        return linear(rows, weight, bias)
    mkldnn.enabled = False  # type: ignore[assignment]
    try:
        return linear(rows, weight, bias)
    finally:
        mkldnn.enabled = ENABLED  # type: ignore[assignment]


@lru_cache(maxsize=8)
def quicker(width: int) -> bool:
    """Whether :func:`one_row_linear` beats the plain product over rows of ``width`` numbers. Takes a tenth of a second:
    the weights must not fit a processor's cache, as those of a model do not."""
    row = torch.ones(1, width, dtype=torch.bfloat16)
    weight = torch.ones(max(1, NUMBERS // width), width, dtype=torch.bfloat16)
    with torch.inference_mode():
        try:
            own, plain = best_of(lambda: one_row_linear(row, weight), lambda: linear(row, weight))
        except RuntimeError:  # flags are frozen
            return False
    return own < plain


def best_of(*works: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> list[float]:
    """Seconds of the quickest of a few tries of each, in turns, so that what else runs hits all."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(TRIES):
        for work, times in zip(works, took, strict=True):
            began = clock()
            work()
            times.append(clock() - began)
    return [min(times) for times in took]
