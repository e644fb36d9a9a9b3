"""Thousands of changes of one notification ("replace all", many cursors) in one pass, in whatever order they come.

One by one each would walk down a tree several times. Here the text is taken apart once, into blocks of the units that
the editor counts in, so that no column has to be converted; a finger stays where the last change was, and the next one
is near it. What needs a second look (a lone ``\\r``, a position inside a character's bytes, half of a pair where
columns do not count halves) is left to :meth:`~kvlsp.text.document.Document.apply`, which takes changes one by one.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Final

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.text.units import PositionEncoding

Position = tuple[int, int]
Changes = Sequence[tuple[Position, Position, str]]

BLOCK: Final = 1024
"""Units of a block at the beginning; one of twice as many is cut again."""

_UTF16: Final = f"utf-16-{sys.byteorder[0]}e"


class _SecondLook(Exception):
    """A change that only the slow way understands."""


def at_once(text: Rope, changes: Changes, encoding: PositionEncoding) -> tuple[Edit, Rope] | None:
    """One edit that does what ``changes`` (start, end, new text) do one after the other, and the text after it.

    None: not to be told this way. O(text + changes), if each is near the one before it.
    """
    before = str(text)
    # where a return alone ends every line, it is what a line feed is elsewhere
    returns = "\r" in before and "\n" not in before and not any("\n" in new for _, _, new in changes)
    try:
        blocks = _Blocks(_units(before.replace("\r", "\n") if returns else before, encoding))
        for start, end, new in changes:
            blocks.replace(start, end, _units(new.replace("\r", "\n") if returns else new, encoding), encoding)
        after = _text("".join(blocks.texts), encoding)
    except _SecondLook:
        return None
    after = after.replace("\n", "\r") if returns else after
    return Edit(0, len(before), after).minimised(before), Rope.of(after)


class _Blocks:
    """The text in pieces, none of which ends inside ``\\r\\n`` or a character; a finger on one of them."""

    def __init__(self, text: str) -> None:
        self.texts = _cut(text)
        self._breaks = [block.count("\n") for block in self.texts]
        self._all_breaks = sum(self._breaks)
        self._at = self._units_before = self._breaks_before = 0
        self._line = self._line_start = 0  # the line looked for last, and how many units stand before it

    def replace(self, start: Position, end: Position, new: str, encoding: PositionEncoding) -> None:
        """The units between two positions of the text as it is now are replaced."""
        first, column = self._found(start)
        finger, line = (self._at, self._units_before, self._breaks_before), (self._line, self._line_start)
        last, stop = (first, column) if end == start else self._found(end)
        if (last, stop) < (first, column):  # some editors send a range backwards
            first, column, last, stop = last, stop, first, column
        else:
            (self._at, self._units_before, self._breaks_before), (self._line, self._line_start) = finger, line
        head, tail = self.texts[first][:column], self.texts[last][stop:]
        if encoding is PositionEncoding.UTF8 and (_inside(tail) or _inside(self.texts[first][column:column + 1])):
            raise _SecondLook
        pieces = _cut(whole) if len(whole := head + new + tail) > 2 * BLOCK else [whole]
        breaks = [piece.count("\n") for piece in pieces]
        self._all_breaks += sum(breaks) - sum(self._breaks[first:last + 1])
        self.texts[first:last + 1], self._breaks[first:last + 1] = pieces, breaks

    def _found(self, position: Position) -> tuple[int, int]:
        """Block and offset in it, clamped as the protocol asks; the finger is on that block then."""
        line, character = position
        if line < 0 or character < 0:
            raise _SecondLook  # an error, that the slow way tells
        if line > self._all_breaks:
            self._to_line(self._all_breaks)
            while self._at < len(self.texts) - 1:
                self._forward()
            return self._at, len(self.texts[self._at])
        if line != self._line:
            self._line_start = self._to_line(line)
            self._line = line
        target = self._line_start + character
        while self._units_before > target:
            self._back()
        while target > self._units_before + len(self.texts[self._at]) and not self._ends_here(line):
            self._forward()
        offset = min(target - self._units_before, len(self.texts[self._at]))
        text = self.texts[self._at]
        if self._breaks_before + text.count("\n", 0, offset) != line:  # behind the line's end
            offset = self._to_line(line + 1) - 1 - self._units_before
            text = self.texts[self._at]
        return self._at, offset - (text[offset - 1:offset] == "\r")

    def _ends_here(self, line: int) -> bool:
        """Whether a line that begins here or before ends in the finger's block: no column of it lies further."""
        return self._at == len(self.texts) - 1 or self._breaks_before + self._breaks[self._at] > line

    def _to_line(self, line: int) -> int:
        """Units before a line; the finger is on the block that has the break before it."""
        while self._breaks_before >= line and self._at:
            self._back()
        while self._breaks_before + self._breaks[self._at] < line:
            self._forward()
        if not line:
            return 0
        text = self.texts[self._at]
        rest = text.split("\n", line - self._breaks_before)[-1]
        return self._units_before + len(text) - len(rest)

    def _forward(self) -> None:
        self._units_before += len(self.texts[self._at])
        self._breaks_before += self._breaks[self._at]
        self._at += 1

    def _back(self) -> None:
        self._at -= 1
        self._units_before -= len(self.texts[self._at])
        self._breaks_before -= self._breaks[self._at]


def _cut(text: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    while start < len(text) or not pieces:
        end = start + BLOCK
        while _inside(text[end:end + 1]) and end < start + BLOCK + 3:
            end += 1
        end += text[end - 1:end + 1] == "\r\n"
        pieces.append(text[start:end])
        start = end
    return pieces


def _inside(rest: str) -> bool:
    """Whether UTF-8 that goes on so began inside a character."""
    return "\x80" <= rest[:1] <= "\xbf"


def _units(text: str, encoding: PositionEncoding) -> str:
    """The text with a character for each unit of the encoding: a byte, half of a pair, a code point."""
    if "\r" in text and text.count("\r") != text.count("\r\n"):
        raise _SecondLook
    if text.isascii():
        return text
    if encoding is PositionEncoding.UTF16:
        data = text.encode(_UTF16, "surrogatepass")
        return text if len(data) == 2 * len(text) else "".join(map(chr, array("H", data)))
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:  # a half: where it meets another, columns move
        raise _SecondLook from error
    return text if encoding is PositionEncoding.UTF32 else data.decode("latin-1")


def _text(units: str, encoding: PositionEncoding) -> str:
    """What these units spell; halves that stand side by side are one character."""
    if units.isascii() or encoding is PositionEncoding.UTF32:
        return units
    if encoding is PositionEncoding.UTF8:
        return units.encode("latin-1").decode("utf-8")
    try:
        units.encode("utf-8")
    except UnicodeEncodeError:  # there are halves
        return array("H", map(ord, units)).tobytes().decode(_UTF16, "surrogatepass")
    return units
