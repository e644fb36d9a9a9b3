"""The three ways in which editors count characters of a line, and how long a string is in each.

A lone surrogate (half a pair that an editor sent by itself) counts one UTF-16 unit and three UTF-8 bytes,
as it would if it were encoded by itself.
"""

from __future__ import annotations

import enum


class PositionEncoding(str, enum.Enum):
    """What a column counts: UTF-8 bytes, UTF-16 units (the protocol's default) or code points."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


def measure(text: str, encoding: PositionEncoding) -> int:
    """Length of ``text`` in the units of ``encoding``."""
    if encoding is PositionEncoding.UTF32 or text.isascii():
        return len(text)
    if encoding is PositionEncoding.UTF16:
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


def characters_within(text: str, units: int, encoding: PositionEncoding) -> int:
    """How many leading characters of ``text`` fit into ``units``; a unit inside a character rounds down."""
    if encoding is PositionEncoding.UTF32 or text.isascii():
        return min(units, len(text))
    # a character is at least one unit long, so the answer lies in [0, units]
    low, high = 0, min(units, len(text))
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle], encoding) <= units:
            low = middle
        else:
            high = middle - 1
    return low
