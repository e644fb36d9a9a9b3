"""A file cut into pieces that can be compared with a caret's surroundings: which lines, and which words in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from kvlsp.workspace.outline import words_of

LONGEST: Final = 30
"""Lines of a piece at most."""
LEAST: Final = 10
"""A definition begins a new piece once the one before has so many lines."""


def pieces(starts: Iterable[int], count: int) -> Iterator[tuple[int, int]]:
    """Cut lines [0, count) into ranges [line, end), where definitions start as far as that goes.

    An edit changes the cuts up to the next definition only, so pieces further down keep their text.
    """
    begin = 0
    for start in sorted(starts):
        while start - begin > LONGEST:
            yield begin, begin + LONGEST
            begin += LONGEST
        if start - begin >= LEAST:
            yield begin, start
            begin = start
    while begin < count:
        yield begin, min(begin + LONGEST, count)
        begin += LONGEST


def telling(text: str) -> list[str]:
    """The words by which pieces are compared: those of three letters and more, each once, as they come."""
    return [word for word in dict.fromkeys(words_of(text)) if len(word) > 2]
