"""Characters on which a Unicode normaliser acts: those that it replaces, reorders or joins to the one before.

Between two characters of which the second is none of these a text may be cut and both sides normalised apart. Chinese,
Cyrillic and precomposed letters are left alone by NFC, so most text of the world has such a place everywhere.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Literal

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")

_USED = range(0x80, 0x34000)
_EMPTY = range(0x34000, 0xF0000)
"""Almost nothing is there; what is above is anybody's own, and no normaliser touches it."""
_SURROGATES = range(0xD800, 0xE000)
_JOINED_HANGUL = (range(0x1161, 0x1176), range(0x11A8, 0x11C3))
"""Vowels and finals of Korean syllables join the letter before them by rule, not by the table."""


@lru_cache(maxsize=4)
def acting(form: Form) -> re.Pattern[str]:
    """A pattern for one such character. Characters that this Python does not know count: a library may know more."""
    numbers = set(_EMPTY).union(*_JOINED_HANGUL)
    for number in _USED:
        character = chr(number)
        if number in _SURROGATES:
            continue
        if (
            unicodedata.combining(character)
            or not unicodedata.is_normalized(form, character)
            or unicodedata.category(character) == "Cn"
        ):
            numbers.add(number)
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            numbers.add(int(parts[1], 16))  # the second of a pair that has a composed form
    return re.compile(f"[{_ranges(sorted(numbers))}]")


def _ranges(numbers: list[int]) -> str:
    """The inside of a character class."""
    breaks = [0, *(index + 1 for index, (a, b) in enumerate(pairwise(numbers)) if b != a + 1), len(numbers)]
    return "".join(
        f"\\U{numbers[start]:08x}-\\U{numbers[stop - 1]:08x}" for start, stop in pairwise(breaks)
    )
