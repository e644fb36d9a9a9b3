"""Texts that were not encoded in one go: which rows of a training text do not see which rows before them.

kvlsp edits a cache in place of making it again. Text behind an edit was encoded before the edit was made, the document
before a piece of another file was put in front of it, each piece without the others, text that the caret has crossed
without what now stands before it (`kvlsp/cache/staleness.py`). A model that was trained on texts in one go has met none
of that. Here it is drawn: each such case is a rectangle of the attention that is not there, and the rows after it see
everything. Blocks that were encoded apart cost a model nothing once it was trained with them (arXiv 2409.15355).

What it leaves out: text that was deleted is not remembered, and rows that moved do so without a change of distance.
Integers and chance only; no text, no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

#: Documents that were edited since they were encoded, and in suffix-first order those whose caret has jumped.
EDITED_SHARE = 0.3
CROSSED_SHARE = 0.1
#: Rows of several files whose pieces were encoded apart; of the documents behind those, how many came first.
APART_SHARE = 0.7
BEFORE_SHARE = 0.8

MOST_EDITS = 8
LONGEST_EDIT = 64
MOST_CROSSED = 800
#: Rows right before the hole that a repair has encoded again, at most.
MOST_REPAIRED = 96


class Unseen(NamedTuple):
    """Rows [first, end) do not see rows [key_first, key_end), which stand before them."""

    first: int
    end: int
    key_first: int
    key_end: int

    def moved(self, by: int) -> Unseen:
        return Unseen(*(number + by for number in self))


def pieces_apart(head: int, starts: Sequence[int], end: int) -> list[Unseen]:
    """Pieces that begin at ``starts``, the last one up to ``end``, see rows [0, head) and themselves."""
    return [Unseen(start, after, head, start) for start, after in pairwise([*starts, end]) if start > head]


def before_pieces(first: int, hole: int, pieces: tuple[int, int], random: Random) -> list[Unseen]:
    """A document from ``first`` on, asked at ``hole``, that was encoded before the ``pieces`` [first, end) came."""
    if random.random() >= BEFORE_SHARE:
        return []
    return _some(Unseen(first, _repaired(first, hole, random), *pieces))


def history(texts: Sequence[tuple[int, int]], hole: int, suffix_first: bool, random: Random) -> list[Unseen]:
    """What a document with text in the row ranges ``texts`` (ascending), asked at ``hole``, may have been through."""
    draw = random.random()
    until = _repaired(0, hole, random)
    if draw < EDITED_SHARE:
        edits = 1 if random.random() < 0.5 else random.randint(2, MOST_EDITS)
        return [one for _ in range(edits) for one in _edited(texts, until, random)]
    first, _ = texts[-1]
    if suffix_first and draw < EDITED_SHARE + CROSSED_SHARE and until > first:
        begun = max(first, until - _size(16, MOST_CROSSED, random))
        return _some(Unseen(begun, until, texts[0][0], begun))
    return []


def mark_unseen(mask: Any, unseen: Sequence[Unseen]) -> None:
    """Set what does not see (first axis) what (last axis) to True in a ``mask`` (length, length), an array or tensor.

    In place, so that on a GPU the mask is made there: carrying it would take as long as a step.
    """
    for one in unseen:
        mask[one.first : one.end, one.key_first : one.key_end] = True


def _edited(texts: Sequence[tuple[int, int]], until: int, random: Random) -> list[Unseen]:
    """An insertion somewhere, which the rows from there up to ``until`` have not seen."""
    first, end = random.choices(texts, [end - first + 1 for first, end in texts])[0]
    if end - first < 2:
        return []
    size = min(_size(1, LONGEST_EDIT, random), (end - first) // 2)
    at = random.randint(first, end - size)
    return _some(Unseen(at + size, until, at, at + size))


def _some(one: Unseen) -> list[Unseen]:
    return [one] if one.end > one.first and one.key_end > one.key_first else []


def _repaired(first: int, hole: int, random: Random) -> int:
    """Where the rows begin that were encoded since."""
    return max(first, hole - _size(1, MOST_REPAIRED, random) + 1)


def _size(least: int, most: int, random: Random) -> int:
    """Log-uniform."""
    return int(math.exp(random.uniform(math.log(least), math.log(most))))
