"""Positions as editors send them (line, column in negotiated units) and offsets in code points.

What is too far is clamped as the protocol asks: past the end of a line to the end of that line, past the
last line to the end of the text. A position never ends up inside a character or between ``\\r`` and
``\\n``.
"""

from __future__ import annotations

from kvlsp.errors import PositionError
from kvlsp.text.pairs import is_pair
from kvlsp.text.rope import Rope
from kvlsp.text.units import PositionEncoding

__all__ = ["PositionEncoding", "offset_of", "place_of", "position_of"]


def offset_of(rope: Rope, line: int, character: int, encoding: PositionEncoding) -> int:
    """Offset of a position: O(log n), whatever the length of the line.

    Raises :class:`PositionError` when the line or the character is negative.
    """
    if line < 0 or character < 0:
        raise PositionError(
            f"The position {line}:{character} is negative, which no document has. "
            "The editor sent it; please report it to the editor's extension."
        )
    if line >= rope.line_count:
        return len(rope)
    start, end = rope.line_start(line), rope.line_end(line)
    if character >= end - start and encoding is PositionEncoding.UTF32:
        return end
    return min(rope.offset_at_units(rope.units_before(start, encoding) + character, encoding), end)


def place_of(rope: Rope, line: int, character: int, encoding: PositionEncoding) -> tuple[int, bool]:
    """:func:`offset_of`, and whether the position lies behind the first UTF-16 unit of the character there.

    In UTF-8 that is behind three of its four bytes, so long is half a pair by itself. Raises :class:`PositionError`
    also for a position between other bytes of a character: what stands there after an edit nobody could say.
    """
    offset = offset_of(rope, line, character, encoding)
    there = rope.slice(offset, offset + 1)
    if encoding is PositionEncoding.UTF32 or there.isascii() or line >= rope.line_count:
        return offset, False
    units = rope.units_before(offset, encoding) - rope.units_before(rope.line_start(line), encoding)
    inside = character - units
    if inside <= 0:
        return offset, False
    if is_pair(there) and inside == (1 if encoding is PositionEncoding.UTF16 else 3):
        return offset, True
    raise PositionError(
        f"The position {line}:{character} is {inside} bytes into a character, where no text can be changed. "
        "The editor sent it; please report it to the editor's extension."
    )


def position_of(rope: Rope, offset: int, encoding: PositionEncoding) -> tuple[int, int]:
    """(line, character) of an offset, clamped to the text; between ``\\r`` and ``\\n``: the line's end."""
    offset = max(0, min(offset, len(rope)))
    line = rope.line_of(offset)
    start = rope.line_start(line)
    if rope.slice(offset - 1, offset + 1) == "\r\n":
        offset -= 1
    return line, rope.units_before(offset, encoding) - rope.units_before(start, encoding)
