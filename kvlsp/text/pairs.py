"""Halves of surrogate pairs: editors that compare texts in UTF-16 replace, insert and delete half a character.

A character beyond U+FFFF is one code point here and two units there. What such an editor sends may begin inside it, and
its text may be half of it; the text that follows has a whole character wherever two halves meet.
"""

from __future__ import annotations

import re

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def is_high(character: str) -> bool:
    """Whether it is the first half of a pair."""
    return "\ud800" <= character <= "\udbff"


def is_low(character: str) -> bool:
    """Whether it is the second half of a pair."""
    return "\udc00" <= character <= "\udfff"


def is_pair(character: str) -> bool:
    """Whether UTF-16 has two units for this one character."""
    return character > "\uffff"


def halves(character: str) -> tuple[str, str]:
    """The two units of a character beyond U+FFFF."""
    point = ord(character) - 0x10000
    return chr(0xD800 + (point >> 10)), chr(0xDC00 + (point & 0x3FF))


def joined(text: str) -> str:
    """The same with a whole character wherever two halves stand side by side."""
    return text if text.isascii() else _PAIR.sub(_whole, text)


def _whole(found: re.Match[str]) -> str:
    pair = found.group()
    return chr(0x10000 + ((ord(pair[0]) - 0xD800) << 10) + ord(pair[1]) - 0xDC00)
