"""From the rows that are resident to the rows that a layout asks for: what is kept, moved, freed, encoded.

Pure integers in and out: no tensors, no model (invariant 3). Whatever a plan does, "forget all and prefill
the layout" does too; :func:`make_plan` with nothing resident is that plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kvlsp.prompt.layout import Layout

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Plan:
    """All arrays hold row indices: ``old`` ones into the resident rows, ``new`` ones into the layout.

    ``kept_old[i]`` becomes ``kept_new[i]`` (both (k,), ``kept_new`` ascending). ``moved`` (k,) says which of them
    change position. ``freed_old`` are given back, ``encode_new`` (ascending) must be encoded. ``crossed_new``
    (ascending) are kept rows that stood behind the caret and now stand before it: in suffix-first order they were
    encoded without what stands before them now. ``behind_new`` (ascending) are kept rows right behind text that was put
    in or taken away. ``frontier`` holds before anything is encoded: layout rows [0, frontier) are exact.
    ``changed_at`` is the first layout row at which the two differ (the layout's length if nothing does).
    """

    layout: Layout
    kept_old: Rows
    kept_new: Rows
    moved: npt.NDArray[np.bool_]
    freed_old: Rows
    encode_new: Rows
    crossed_new: Rows
    behind_new: Rows
    frontier: int
    changed_at: int


def make_plan(cells: npt.NDArray[np.int64], positions: Rows, prefix: tuple[int, int], frontier: int,
              layout: Layout) -> Plan:
    """Plan the way from resident rows (``cells``, ``positions``: (m,), in layout order) to ``layout``.

    ``prefix`` is the half-open range of positions at which the resident text before the caret stands. Rows are
    recognised by their cells, which are unique on both sides. Common ends are matched by comparing, the middle by
    sorting: O(rows) vectorised, O(change log change) otherwise.
    """
    old, new = cells, layout.cells
    head = common_head(old, new)
    tail = common_head(old[head:][::-1], new[head:][::-1])
    old_end, new_end = len(old) - tail, len(new) - tail
    _, old_middle, new_middle = np.intersect1d(
        old[head:old_end], new[head:new_end], assume_unique=True, return_indices=True
    )
    order = np.argsort(new_middle)
    kept_old = np.concatenate(
        [np.arange(head), head + old_middle[order], np.arange(old_end, len(old))]
    ).astype(np.int64)
    kept_new = np.concatenate(
        [np.arange(head), head + new_middle[order], np.arange(new_end, len(new))]
    ).astype(np.int64)
    was_before = (positions[kept_old] >= prefix[0]) & (positions[kept_old] < prefix[1])
    is_before = (kept_new >= layout.prefix[0]) & (kept_new < layout.prefix[1])
    crossed = is_before & ~was_before & (layout.cells[kept_new] >= 0)
    freed_old, encode_new = _others(kept_old, len(old)), _others(kept_new, len(new))
    behind = _follow_text(kept_new, encode_new, new) | _follow_text(kept_old, freed_old, old)
    return Plan(
        layout=layout,
        kept_old=kept_old,
        kept_new=kept_new,
        moved=positions[kept_old] != kept_new,
        freed_old=freed_old,
        encode_new=encode_new,
        crossed_new=kept_new[crossed] if layout.suffix[0] < layout.prefix[0] else kept_new[:0],
        behind_new=kept_new[behind],
        frontier=min(frontier, head),
        changed_at=head,
    )


def common_head(a: npt.NDArray[np.integer], b: npt.NDArray[np.integer]) -> int:
    """How many leading elements of the two agree."""
    n = min(len(a), len(b))
    differs = a[:n] != b[:n]
    first = int(differs.argmax()) if n else 0
    return first if n and differs[first] else n


def _follow_text(rows: Rows, changed: Rows, cells: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of ``rows`` stand right behind one of the ``changed`` rows, both numbers into ``cells``, that is text."""
    marked = np.zeros(len(cells) + 1, np.bool_)
    marked[changed[cells[changed] >= 0] + 1] = True
    return marked[rows]


def _others(rows: Rows, count: int) -> Rows:
    rest = np.ones(count, dtype=np.bool_)
    rest[rows] = False
    return np.flatnonzero(rest).astype(np.int64)
