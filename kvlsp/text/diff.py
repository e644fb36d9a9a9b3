"""A wide replacement reduced to what really changed: formatters, reloads, full-text editors state too much.

Lines that occur once on both sides anchor the comparison (the idea of Bram Cohen's patience diff); what
lies between two anchors is compared by difflib when it is small and replaced as a whole when it is not. So
the cost stays O(n log n) for any input. This runs in the worker, never in a handler.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher

from kvlsp.text.edit import Edit

WIDE = 200
"""Characters on both sides together below which a replacement is left as it is."""

GAP = 400
"""Lines between two anchors, both sides together, up to which difflib compares them (in quadratic time)."""

MOST = 100
"""Edits that a replacement becomes at most: beyond, each costs its reader more than the text between two
saves."""

_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def narrow(edit: Edit, replaced: str) -> tuple[Edit, ...]:
    """Edits that together do what ``edit`` does, each on the text the one before left, left to right.

    ``replaced`` is the text in [start, end) before the edit. Nothing is returned when nothing changes.
    """
    edit, start = edit.minimised(replaced), edit.start
    replaced = replaced[edit.start - start : edit.end - start]
    if edit.changes_nothing:
        return ()
    if not replaced or not edit.text or len(replaced) + len(edit.text) < WIDE:
        return (edit,)
    old, new = _LINES.findall(replaced), _LINES.findall(edit.text)
    edits: list[Edit] = []
    at = edit.start  # where the next line of `new` begins in the text as it is after the edits so far
    i = j = 0
    for low, first, length in [*runs_of(old, new), (len(old), len(new), 0)]:
        before, after = "".join(old[i:low]), "".join(new[j:first])
        if before != after:
            edits.append(Edit(at, at + len(before), after).minimised(before))
        at += len(after) + sum(map(len, new[first : first + length]))
        i, j = low + length, first + length
    return tuple(edits)


def runs_of(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int, int]]:
    """What two sequences of lines have in common: runs (i, j, length) with old[i:i+length] == new[j:j+length], growing
    in both, fewer than :data:`MOST`."""
    return _longest_runs(_matches(old, new))


def _longest_runs(matches: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Matches that continue each other as one, and of these the longest, at most :data:`MOST` - 1, in
    order."""
    runs: list[tuple[int, int, int]] = []
    for i, j, length in matches:
        if runs and runs[-1][0] + runs[-1][2] == i and runs[-1][1] + runs[-1][2] == j:
            runs[-1] = (runs[-1][0], runs[-1][1], runs[-1][2] + length)
        else:
            runs.append((i, j, length))
    return sorted(sorted(runs, key=lambda run: -run[2])[: MOST - 1])


def _matches(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int, int]]:
    """Runs (i, j, length) with old[i:i+length] == new[j:j+length], increasing in both."""
    found: list[tuple[int, int, int]] = []
    i = j = 0
    for low, first in [*_anchors(old, new), (len(old), len(new))]:
        if low - i + first - j <= GAP:
            blocks = SequenceMatcher(None, old[i:low], new[j:first], autojunk=False).get_matching_blocks()
            found += [(i + a, j + b, length) for a, b, length in blocks if length]
        if low < len(old):
            found.append((low, first, 1))
        i, j = low + 1, first + 1
    return found


def _anchors(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int]]:
    """The longest increasing sequence of pairs of lines that occur exactly once on each side."""
    where_new = _once(new)
    pairs = [(i, where_new[line]) for line, i in _once(old).items() if line in where_new]
    # patience sorting: piles[k] is the least end of an increasing sequence of k + 1 pairs
    piles: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        pile = bisect_left(piles, j)
        piles[pile : pile + 1] = [j]
        ends[pile : pile + 1] = [index]
        before.append(ends[pile - 1] if pile else -1)
    chain: list[tuple[int, int]] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    return chain[::-1]


def _once(lines: Sequence[Hashable]) -> dict[Hashable, int]:
    """Index of each line that occurs exactly once, in order."""
    index: dict[Hashable, int] = {}
    for number, line in enumerate(lines):
        index[line] = -1 if line in index else number
    return {line: number for line, number in index.items() if number >= 0}
