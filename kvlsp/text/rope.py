"""Persistent text: an immutable balanced tree of short strings, edited in O(log n), shared by threads freely.

Why not a str: one keystroke in a 1 MB file would copy it, and finding a line would scan it. Why not a list of
lines: one line may be 1 MB long. How the tree is kept balanced stands in :mod:`kvlsp.text.tree`; here it is walked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kvlsp.text.edit import Edit
from kvlsp.text.tree import Branch, Leaf, Tree, built, replaced
from kvlsp.text.units import PositionEncoding, characters_within, measure

_BREAK = re.compile(r"\r\n|\r|\n")


class Rope:
    """An immutable text. Offsets are code points; two ropes share all that they have in common."""

    __slots__ = ("_root",)

    def __init__(self, root: Tree) -> None:
        self._root = root

    @classmethod
    def of(cls, text: str) -> Rope:
        """A rope with this text: O(n), once per document."""
        return cls(built(text))

    def __len__(self) -> int:
        return self._root.chars

    def __str__(self) -> str:
        return "".join(self.pieces())

    def __repr__(self) -> str:
        return f"<Rope of {len(self)} characters in {self.line_count} lines>"

    def pieces(self) -> Iterator[str]:
        """The text in order, in pieces of at most ``tree.LEAF_MAX`` characters (for hashing, writing, joining)."""
        pending = [self._root]
        while pending:
            node = pending.pop()
            if isinstance(node, Leaf):
                yield node.text
            else:
                pending += (node.right, node.left)

    def slice(self, start: int, end: int) -> str:
        """Characters [start, end), clamped to the text as a str's slice is: O(log n + length)."""
        start, end = max(start, 0), min(end, self._root.chars)
        if start >= end:
            return ""
        found: list[str] = []
        pending: list[tuple[Tree, int]] = [(self._root, 0)]
        while pending:
            node, base = pending.pop()
            while isinstance(node, Branch):
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
        return Rope(replaced(self._root, edit.start, edit.end, edit.text))

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
        while isinstance(node, Branch):
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
        while isinstance(node, Branch):
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
        while isinstance(node, Branch):
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
        while isinstance(node, Branch):
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
        while isinstance(node, Branch):
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
