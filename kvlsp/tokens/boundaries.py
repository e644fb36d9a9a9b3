"""Places where a text may be cut in two without changing its tokens.

A *hard boundary* lies between two characters such that tokenizing both sides apart and putting the ids
together equals tokenizing the whole, whatever else either side contains. Two kinds are known:

- after an ASCII letter or digit and before a space, tab, line feed or carriage return: no pre-tokenizer of
  a code model lets a match cross it, and no normaliser composes across it;
- for SentencePiece-style vocabularies without a pre-tokenizer: between two characters that stand side by
  side in no vocabulary entry, because then no merge can ever cross (exact).

Pure; what a tokenizer is made of is :mod:`kvlsp.tokens.definition`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

MANY = 512
"""Characters from which on looking at all of them at once is quicker than at one after the other."""


class Boundaries(Protocol):
    """Hard boundaries inside a text; p means "between characters p - 1 and p", 1 <= p < len(text); 0 is
    "none"."""

    def first(self, text: str) -> int:
        """The least hard boundary, or 0."""

    def last(self, text: str) -> int:
        """The greatest hard boundary, or 0."""


class SpaceAfterWord:
    """ASCII letter or digit | white space, as far as no vocabulary entry contains such a pair.

    ``pairs`` holds (class, space): class "L" for letters, "D" for digits, and one of space, tab, LF, CR.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        spaces: dict[str, str] = {"L": "", "D": ""}
        for kind, space in pairs:
            spaces[kind] += space
        choices = [
            f"(?<=[{characters}])[{re.escape(spaces[kind])}]"
            for kind, characters in (("L", "A-Za-z"), ("D", "0-9"))
            if spaces[kind]
        ]
        self._pattern = re.compile("|".join(choices) or r"(?!)")

    def first(self, text: str) -> int:
        found = self._pattern.search(text)
        return found.start() if found else 0

    def last(self, text: str) -> int:
        place = 0
        for found in self._pattern.finditer(text):
            place = found.start()
        return place


class OutsideVocabulary:
    """Two characters that are neighbours in no vocabulary entry. The normaliser writes spaces as
    ``space``."""

    def __init__(self, vocabulary: Iterable[str], space: str) -> None:
        self._neighbours = {a + b for entry in vocabulary for a, b in pairwise(entry)}
        self._numbers = np.unique(_pairs("".join(self._neighbours))[::2])
        self._space = space

    def first(self, text: str) -> int:
        surface, neighbours = text.replace(" ", self._space), self._neighbours
        if len(surface) > MANY:
            places = self._places(surface)
            return int(places[0]) if len(places) else 0
        for place in range(1, len(surface)):
            if surface[place - 1 : place + 1] not in neighbours:
                return place
        return 0

    def last(self, text: str) -> int:
        surface, neighbours = text.replace(" ", self._space), self._neighbours
        if len(surface) > MANY:
            places = self._places(surface)
            return int(places[-1]) if len(places) else 0
        for place in range(len(surface) - 1, 0, -1):
            if surface[place - 1 : place + 1] not in neighbours:
                return place
        return 0


    def _places(self, surface: str) -> npt.NDArray[np.int64]:
        """All of them at once: a run of one letter has none in a million characters."""
        pairs, known = _pairs(surface), self._numbers
        if not len(known):
            return np.arange(1, len(surface))
        there = known[np.minimum(np.searchsorted(known, pairs), len(known) - 1)]
        return np.flatnonzero(there != pairs) + 1


def _pairs(text: str) -> npt.NDArray[np.int64]:
    """A number for each two characters that stand side by side."""
    numbers = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    return numbers[:-1] << 21 | numbers[1:]


class Nowhere:
    """No boundary is known: every edit tokenizes the whole text again."""

    def first(self, text: str) -> int:
        return 0

    def last(self, text: str) -> int:
        return 0
