"""Text that comes again to the letter: phrases in circles, and lines between others.

Two watches of :class:`kvlsp.completion.penalty.GrammarPenalty`, for code and prose alike. What the document itself
says as often is rightful. Text in, what may begin now out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from kvlsp.completion.periods import GIVEN, Due, Periods, Tally, compounded
from kvlsp.syntax.block import Place

LONGEST_PHRASE = 32
"""Pieces of the longest phrase that is seen to repeat word by word."""
FREE_PHRASES = 2
"""Copies of a short phrase that cost nothing."""
LONG_PHRASE = 4
"""Pieces from which on a phrase is long: then no copy is free."""
LETTER_WEIGHT = 12
"""A copy of a long phrase counts so many times; of a short one as many times as it has pieces."""
SHORTEST_COPY = 8
"""Characters of a line that means something if it comes again."""
COPY_WEIGHT = 4
"""A copy of a line, wherever it stands, counts so many times."""


@dataclass(frozen=True, slots=True)
class _WordDue:
    """The piece with which a phrase would begin once more."""

    exponent: int
    word: str

    def begins(self, piece: str) -> bool:
        return piece.strip() == self.word


class Phrases:
    """Phrases that repeat as they are written; white space is left out, so that prose may break its lines."""

    def __init__(self, place: Place) -> None:
        self._document = "".join(f"{place.window}\n{place.line_after}\n{place.following}".split())
        self._words, self._tally = Periods(LONGEST_PHRASE), Tally()
        self._due: list[Due] = []
        self._markers = frozenset(place.language.line_comments if place.language else ())

    def push(self, piece: str) -> list[Due]:
        """Takes the next token's text; the phrase that may begin behind it."""
        word = piece.strip()
        if not word or word in self._markers:
            return self._due
        self._words.push(word)
        self._due = []
        for unit in self._words.due(len(self._words)):
            copies = unit.copies if unit.period >= LONG_PHRASE else unit.copies - FREE_PHRASES
            phrase = self._words.last(unit.period)
            if copies > 0 and copies > self._rightful("".join(map(str, phrase))):
                weight = LETTER_WEIGHT if unit.period >= LONG_PHRASE else unit.period
                exponent = weight * compounded(self._tally.add(phrase))
                self._due.append(_WordDue(exponent, str(phrase[0])))
        return self._due

    def _rightful(self, phrase: str) -> int:
        """How often in a row the document says it beyond the free copies, at most :data:`GIVEN`."""
        count = 0
        while count < GIVEN and phrase * (count + FREE_PHRASES + 2) in self._document:
            count += 1
        return count


@dataclass(frozen=True, slots=True)
class _CopyDue:
    """The first word of a line that was written more than once."""

    exponent: int
    text: str

    def begins(self, piece: str) -> bool:
        word = piece.strip()
        return bool(word) and "\n" not in piece and self.text.startswith(word)


class Copies:
    """Lines that come again to the letter, in a row or not; more often than in the document."""

    def __init__(self, place: Place) -> None:
        lines = (*place.lines, *place.following.split("\n"))
        self._rightful = Counter(text for line in lines if len(text := line.strip()) >= SHORTEST_COPY)
        self._written: Counter[str] = Counter()

    def finish(self, text: str) -> None:
        """A line is whole."""
        text = text.strip()
        if len(text) >= SHORTEST_COPY:
            self._written[text] += 1

    def due(self, row: str) -> list[Due]:
        """What may begin where only white space stands on the line so far."""
        if row.strip():
            return []
        return [_CopyDue(COPY_WEIGHT * compounded(copies), text) for text, count in self._written.items()
                if (copies := count - 1 - self._rightful[text]) > 0]
