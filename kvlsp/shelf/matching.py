"""Which of the tokens that were kept stand in today's text: two lists of numbers compared line by line.

Lines that are the same keep all of their tokens, of a line that changed those at its two ends. Integers only; whether
the text was changed by a branch switch or by another program makes no difference.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kvlsp.cache.plan import common_head
from kvlsp.text.diff import runs_of

Ids = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]


def match(old: Ids, new: Ids, ends_line: Callable[[int], bool]) -> tuple[Places, Places]:
    """Places in ``old`` and in ``new``, both growing, of the tokens that stayed. ``ends_line`` says of a token whether
    a line ends in it."""
    old_lines, new_lines = _lines(old, ends_line), _lines(new, ends_line)
    texts = [[ids[start:end].tobytes() for start, end in pairwise(at)]
             for ids, at in ((old, old_lines), (new, new_lines))]
    kept_old: list[Places] = []
    kept_new: list[Places] = []

    def keep(at: int, there: int, count: int) -> None:
        kept_old.append(np.arange(at, at + count))
        kept_new.append(np.arange(there, there + count))

    at = there = 0
    for line, other, length in [*runs_of(*texts), (len(texts[0]), len(texts[1]), 0)]:
        end, there_end = int(old_lines[line]), int(new_lines[other])
        head = common_head(old[at:end], new[there:there_end])
        tail = common_head(old[at + head : end][::-1], new[there + head : there_end][::-1])
        keep(at, there, head)
        keep(end - tail, there_end - tail, tail)
        at, there = int(old_lines[line + length]), int(new_lines[other + length])
        keep(end, there_end, at - end)
    return np.concatenate(kept_old), np.concatenate(kept_new)


def runs(places: Places) -> list[tuple[int, int]]:
    """Growing numbers as half-open ranges."""
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    starts, ends = places[np.append(0, breaks)], places[np.append(breaks - 1, len(places) - 1)]
    return [(int(start), int(end) + 1) for start, end in zip(starts, ends, strict=True)]


def _lines(ids: Ids, ends_line: Callable[[int], bool]) -> Places:
    """Where lines begin, and behind the last one the end."""
    kinds, which = np.unique(ids, return_inverse=True)
    ending = np.array([ends_line(int(kind)) for kind in kinds], np.bool_)[which] if len(ids) else np.zeros(0, np.bool_)
    starts = np.flatnonzero(ending) + 1
    starts = starts[starts < len(ids)]
    return np.concatenate([[0], starts, [len(ids)]]).astype(np.int64) if len(ids) else np.zeros(1, np.int64)
