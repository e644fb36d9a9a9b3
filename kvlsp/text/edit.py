"""One kind of modification: characters of a range replaced by a text.

Offsets are code points. What an edit replaces is passed in where it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters [start, end) are replaced by ``text``."""

    start: int
    end: int
    text: str

    @property
    def delta(self) -> int:
        """By how many characters everything after the edit moves."""
        return len(self.text) - (self.end - self.start)

    @property
    def changes_nothing(self) -> bool:
        """Whether nothing is removed and nothing inserted."""
        return self.start == self.end and not self.text

    def minimised(self, replaced: str) -> Edit:
        """The same edit without the characters that both sides share at their ends.

        ``replaced`` is the text in [start, end) before the edit.
        """
        head = common_prefix(replaced, self.text)
        shortest = min(len(replaced), len(self.text)) - head
        tail = common_suffix(replaced, self.text, shortest)
        if head == tail == 0:
            return self
        return Edit(self.start + head, self.end - tail, self.text[head : len(self.text) - tail])

    def inverse(self, replaced: str) -> Edit:
        """The edit that undoes this one; ``replaced`` is the text in [start, end) before it."""
        return Edit(self.start, self.start + len(self.text), replaced)

    def shift(self, offset: int) -> int:
        """Where an offset of the text before lies in the text after.

        Offsets up to the start stay; offsets inside the replaced range collapse to the end of the new text.
        """
        if offset <= self.start:
            return offset
        return max(offset, self.end) + self.delta


def common_prefix(one: str, other: str) -> int:
    """Length of the common beginning. Compares slices that double, then halves: O(log) Python steps."""
    limit = min(len(one), len(other))
    known, step = 0, 64
    while known < limit and one[known : known + step] == other[known : known + step]:
        known += step
        step *= 2
    if known >= limit:
        return limit
    # one[:known] agrees, and the slice of `step` after it does not (or the shorter text ends inside it)
    low, high = known, min(known + step, limit)
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_suffix(one: str, other: str, limit: int) -> int:
    """Length of the common end, at most ``limit`` characters."""
    limit = min(limit, len(one), len(other))
    known, step = 0, 64

    def agree(low: int, high: int) -> bool:
        return one[len(one) - high : len(one) - low] == other[len(other) - high : len(other) - low]

    while known < limit and agree(known, min(known + step, limit)):
        known = min(known + step, limit)
        step *= 2
    low, high = known, min(known + step, limit)
    while low < high:
        middle = (low + high + 1) // 2
        if agree(low, middle):
            low = middle
        else:
            high = middle - 1
    return low
