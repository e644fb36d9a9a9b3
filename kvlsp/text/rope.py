"""Persistent text: an immutable balanced tree of short strings, edited in O(log n), shared by threads freely.

Why not a str: one keystroke in a 1 MB file would copy it, and finding a line would scan it. Why not a list of
lines: one line may be 1 MB long. Every subtree knows its characters, line breaks, UTF-16 and UTF-8 lengths.

Lines end at ``\\r\\n``, ``\\n`` and ``\\r`` only. A ``\\r\\n`` may lie across two leaves: a break is
counted where its last character lies, so a subtree that ends in ``\\r`` counts it, and its parent takes
that count back when the next subtree begins with ``\\n``.

The balance is that of AVL trees with ``join`` as the only operation (Blelloch, Ferizovic and Sun, "Just
Join for Parallel Ordered Sets", 2016).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

from kvlsp.text.edit import Edit
from kvlsp.text.units import PositionEncoding, characters_within, measure

LEAF_MIN, LEAF_MAX = 512, 2048
"""Characters of a leaf; only a tree of a single leaf may be shorter."""

_BREAK = re.compile(r"\r\n|\r|\n")


class _Leaf:
    __slots__ = ("breaks", "chars", "ends_cr", "height", "pairs", "starts_lf", "text", "utf8", "utf16")

    def __init__(self, text: str) -> None:
        self.text = text
        self.height = 0
        self.chars = len(text)
        self.pairs = text.count("\r\n")
        self.breaks = text.count("\n") + text.count("\r") - self.pairs
        self.starts_lf = text[:1] == "\n"
        self.ends_cr = text[-1:] == "\r"
        self.utf16 = measure(text, PositionEncoding.UTF16)
        self.utf8 = measure(text, PositionEncoding.UTF8)


class _Branch:
    __slots__ = ("breaks", "chars", "ends_cr", "height", "left", "pairs", "right", "starts_lf", "utf8", "utf16")
    breaks: int
    chars: int
    ends_cr: bool
    height: int
    pairs: int
    starts_lf: bool
    utf8: int
    utf16: int

    def __init__(self, left: _Tree, right: _Tree) -> None:
        self.left = left
        self.right = right
        self.height = (left.height if left.height > right.height else right.height) + 1
        self.chars = left.chars + right.chars
        self.breaks = left.breaks + right.breaks - (left.ends_cr and right.starts_lf)
        self.pairs = left.pairs + right.pairs + (left.ends_cr and right.starts_lf)
        self.starts_lf = left.starts_lf
        self.ends_cr = right.ends_cr
        self.utf16 = left.utf16 + right.utf16
        self.utf8 = left.utf8 + right.utf8


_Tree: TypeAlias = _Leaf | _Branch


class Rope:
    """An immutable text. Offsets are code points; two ropes share all that they have in common."""

    __slots__ = ("_root",)

    def __init__(self, root: _Tree) -> None:
        self._root = root

    @classmethod
    def of(cls, text: str) -> Rope:
        """A rope with this text: O(n), once per document."""
        return cls(_built(text))

    def __len__(self) -> int:
        return self._root.chars

    def __str__(self) -> str:
        return "".join(self.pieces())

    def __repr__(self) -> str:
        return f"<Rope of {len(self)} characters in {self.line_count} lines>"

    def pieces(self) -> Iterator[str]:
        """The text in order, in pieces of at most ``LEAF_MAX`` characters (for hashing, writing, joining)."""
        pending = [self._root]
        while pending:
            node = pending.pop()
            if isinstance(node, _Leaf):
                yield node.text
            else:
                pending += (node.right, node.left)

    def slice(self, start: int, end: int) -> str:
        """Characters [start, end), clamped to the text as a str's slice is: O(log n + length)."""
        start, end = max(start, 0), min(end, self._root.chars)
        if start >= end:
            return ""
        found: list[str] = []
        pending: list[tuple[_Tree, int]] = [(self._root, 0)]
        while pending:
            node, base = pending.pop()
            while isinstance(node, _Branch):
                middle = base + node.left.chars
                if end <= middle:
                    node = node.left
                elif start >= middle:
                    node, base = node.right, middle
                else:
                    pending.append((node.right, middle))
                    node = node.left
            if start <= base and base + node.chars <= end:
                found.append(node.text)
            else:
                found.append(node.text[max(start - base, 0) : end - base])
        return found[0] if len(found) == 1 else "".join(found)

    def replace(self, edit: Edit) -> Rope:
        """The rope after ``edit``, which must lie within the text: O(log n + length of the inserted text)."""
        if not 0 <= edit.start <= edit.end <= len(self):
            raise IndexError(f"edit of [{edit.start}, {edit.end}) in a text of {len(self)} characters")
        return Rope(_replaced(self._root, edit.start, edit.end, edit.text))

    # --- lines -------------------------------------------------------------------------------------------

    @property
    def line_count(self) -> int:
        """Number of lines: one more than there are line breaks."""
        return self._root.breaks + 1

    def line_start(self, line: int) -> int:
        """Offset of the first character of ``line`` in [0, line_count)."""
        if not 0 <= line <= self._root.breaks:
            raise IndexError(f"line {line} of a text of {self.line_count} lines")
        if line == 0:
            return 0
        node, base, wanted = self._root, 0, line
        while isinstance(node, _Branch):
            left = node.left
            # a \r at the left's end is no break of its own when the right begins with \n
            breaks = left.breaks - (left.ends_cr and node.right.starts_lf)
            if wanted <= breaks:
                node = left
            else:
                wanted -= breaks
                base += left.chars
                node = node.right
        return base + _end_of_break(node.text, wanted)

    def line_end(self, line: int) -> int:
        """Offset after the last character of ``line``, before its line break."""
        if line >= self._root.breaks:
            return len(self)
        end = self.line_start(line + 1)
        return end - (2 if self.slice(end - 2, end) == "\r\n" else 1)

    def line_of(self, offset: int) -> int:
        """The line that ``offset`` lies in; between ``\\r`` and ``\\n`` that is still the line they end."""
        if not 0 <= offset <= len(self):
            raise IndexError(f"offset {offset} of a text of {len(self)} characters")
        node, line, followed_by_lf = self._root, 0, False
        while isinstance(node, _Branch):
            left, right = node.left, node.right
            if offset <= left.chars:
                followed_by_lf = right.starts_lf
                node = left
            else:
                line += left.breaks - (left.ends_cr and right.starts_lf)
                offset -= left.chars
                node = right
        before = node.text[:offset]
        line += before.count("\n")
        if "\r" in before:
            line += before.count("\r") - before.count("\r\n")
            if before[-1] == "\r" and (node.text[offset] == "\n" if offset < node.chars else followed_by_lf):
                line -= 1
        return line

    @property
    def pairs(self) -> int:
        """Number of line breaks that are ``\\r\\n``."""
        return self._root.pairs

    def pairs_before(self, offset: int) -> int:
        """How many ``\\r\\n`` begin before ``offset``; between the two characters theirs counts."""
        node, pairs, followed_by_lf = self._root, 0, False
        while isinstance(node, _Branch):
            left, right = node.left, node.right
            if offset <= left.chars:
                followed_by_lf = right.starts_lf
                node = left
            else:
                pairs += left.pairs + (left.ends_cr and right.starts_lf)
                offset -= left.chars
                node = right
        before = node.text[:offset]
        begun = before[-1:] == "\r" and (node.text[offset] == "\n" if offset < node.chars else followed_by_lf)
        return pairs + before.count("\r\n") + begun

    # --- units -------------------------------------------------------------------------------------------

    def units_before(self, offset: int, encoding: PositionEncoding) -> int:
        """Length of the text before ``offset`` in units of ``encoding``."""
        if encoding is PositionEncoding.UTF32:
            return offset
        node, units = self._root, 0
        utf16 = encoding is PositionEncoding.UTF16
        while isinstance(node, _Branch):
            left = node.left
            if offset <= left.chars:
                node = left
            else:
                units += left.utf16 if utf16 else left.utf8
                offset -= left.chars
                node = node.right
        return units + measure(node.text[:offset], encoding)

    def offset_at_units(self, units: int, encoding: PositionEncoding) -> int:
        """The greatest offset with at most ``units`` before it: a unit inside a character gives its start."""
        if encoding is PositionEncoding.UTF32:
            return min(units, len(self))
        node, offset = self._root, 0
        utf16 = encoding is PositionEncoding.UTF16
        while isinstance(node, _Branch):
            left = node.left
            left_units = left.utf16 if utf16 else left.utf8
            if units < left_units:
                node = left
            else:
                units -= left_units
                offset += left.chars
                node = node.right
        return offset + characters_within(node.text, units, encoding)


def _end_of_break(text: str, wanted: int) -> int:
    """Offset after the ``wanted``-th line break (from 1) of a leaf's text."""
    if "\r" in text:
        for found in _BREAK.finditer(text):
            wanted -= 1
            if wanted == 0:
                return found.end()
    end = 0
    for _ in range(wanted):
        end = text.find("\n", end) + 1
    return end


def _built(text: str) -> _Tree:
    """A balanced tree of leaves of equal length, about midway between the bounds."""
    if len(text) <= LEAF_MAX:
        return _Leaf(text)
    count = -(-len(text) // ((LEAF_MIN + LEAF_MAX) // 2))
    cuts = [len(text) * k // count for k in range(count + 1)]
    level: list[_Tree] = [_Leaf(text[a:b]) for a, b in pairwise(cuts)]
    return _balanced_over(level, 0, len(level))


def _balanced_over(leaves: list[_Tree], low: int, high: int) -> _Tree:
    if high - low == 1:
        return leaves[low]
    middle = (low + high) // 2
    return _Branch(_balanced_over(leaves, low, middle), _balanced_over(leaves, middle, high))


def _replaced(node: _Tree, start: int, end: int, text: str) -> _Tree:
    """The tree with characters [start, end) of ``node`` replaced by ``text``."""
    if start == 0 and end == node.chars:
        return _built(text)
    if isinstance(node, _Leaf):
        return _built(node.text[:start] + text + node.text[end:])
    left, right, middle = node.left, node.right, node.left.chars
    if end <= middle:
        return _joined(_replaced(left, start, end, text), right)
    if start >= middle:
        return _joined(left, _replaced(right, start - middle, end - middle, text))
    return _joined(_replaced(left, start, middle, text), _replaced(right, 0, end - middle, ""))


def _joined(left: _Tree, right: _Tree) -> _Tree:
    """One balanced tree with the text of both: O(difference of their heights)."""
    if left.chars == 0:
        return right
    if right.chars == 0:
        return left
    if left.chars < LEAF_MIN or right.chars < LEAF_MIN:
        # a short leaf (a short tree is one leaf) sinks to the neighbouring leaf and is merged with it
        if isinstance(left, _Leaf) and isinstance(right, _Leaf):
            return _built(left.text + right.text)
        if isinstance(left, _Branch):
            return _balanced(left.left, _joined(left.right, right))
        if isinstance(right, _Branch):
            return _balanced(_joined(left, right.left), right.right)
    if isinstance(left, _Branch) and left.height > right.height + 1:
        return _balanced(left.left, _joined(left.right, right))
    if isinstance(right, _Branch) and right.height > left.height + 1:
        return _balanced(_joined(left, right.left), right.right)
    return _Branch(left, right)


def _balanced(left: _Tree, right: _Tree) -> _Tree:
    """A branch of two trees whose heights differ by two at most, rotated so that it is balanced."""
    if isinstance(left, _Branch) and left.height > right.height + 1:
        inner = left.right
        if isinstance(inner, _Branch) and inner.height > left.left.height:
            return _Branch(_Branch(left.left, inner.left), _Branch(inner.right, right))
        return _Branch(left.left, _Branch(inner, right))
    if isinstance(right, _Branch) and right.height > left.height + 1:
        inner = right.left
        if isinstance(inner, _Branch) and inner.height > right.right.height:
            return _Branch(_Branch(left, inner.left), _Branch(inner.right, right.right))
        return _Branch(_Branch(left, inner), right.right)
    return _Branch(left, right)
