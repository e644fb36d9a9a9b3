"""Slots as runs of neighbours: what lies side by side need not be gathered and scattered.

A document's rows are given the lowest free slots, so most of what an edit moves lies in a few long runs, whatever
order the rows are in. Integers only.
"""

from __future__ import annotations

import torch

WORTHWHILE = 48
"""Mean length from which on runs are quicker than a gather (measured in float32, 2 x 64 numbers per row)."""


def consecutive(slots: torch.Tensor) -> tuple[torch.Tensor, list[tuple[int, int, int]]] | None:
    """(order, runs) of ``slots`` (n,) int64 on the CPU, None where the runs are too short to be worth it.

    ``order`` (n,) sorts the slots; a run (first, last, slot) says that sorted slots [first, last) are
    [slot, slot + last - first).
    """
    ascending, order = torch.sort(slots)
    ends = ((ascending[1:] - ascending[:-1] != 1).nonzero().flatten() + 1).tolist()
    count = len(slots)
    if count < WORTHWHILE * (len(ends) + 1):
        return None
    edges = [0, *ends, count]
    starts = ascending[torch.tensor(edges[:-1])].tolist()
    return order, list(zip(edges[:-1], edges[1:], starts, strict=True))
