"""Does a generated text begin to say what stands below the caret already?

    echo = Echo(place)
    echo.hears("    return x", before=12)     # with each finished line; True: the last lines are those below
    echo.start                               # where the content before the first of them ended

Lines only; whether a statement is whole, so that stopping makes sense, is for :mod:`kvlsp.completion.stop` to say.
"""

from __future__ import annotations

from kvlsp.syntax.block import Place
from kvlsp.syntax.scanner import indent_of

SHORTEST = 4
"""Characters of a first line below that means anything: closing brackets stand below everything."""
LINES = 20
"""Lines below that are compared."""


class Echo:
    """Follows the generated lines against the ones below the caret."""

    def __init__(self, place: Place) -> None:
        self._first = place.below
        self._following = place.following
        self._below: list[str] | None = None
        self._heard = 0
        self.start = 0

    def hears(self, line: str, before: int) -> bool:
        """Whether the lines up to this one, with its indentation, are the first ones below.

        ``before`` is where the generated content before this line ends.
        """
        if self._heard and not self._same(line, self._next()):
            self._heard = 0
        if not self._heard:
            if len(self._first.strip()) < SHORTEST or not self._same(line, self._first):
                return False
            self.start = before
        self._heard += 1
        return True

    def _next(self) -> str:
        if self._below is None:
            self._below = [text for text in self._following.split("\n", 2 * LINES) if text.strip()][:LINES]
        return self._below[self._heard] if self._heard < len(self._below) else ""

    @staticmethod
    def _same(line: str, expected: str) -> bool:
        return indent_of(line) == indent_of(expected) and same_line(line.strip(), expected.strip())


def same_line(left: str, right: str) -> bool:
    """Whether two stripped lines say the same: but for white space, quotes, a last comma, a missing end.

    Names that differ by a letter are different lines: code is full of those.
    """
    left, right = _plain(left), _plain(right)
    if left == right:
        return True
    shorter, longer = sorted((left, right), key=len)
    return len(shorter) >= 16 and len(shorter) >= 0.9 * len(longer) and longer.startswith(shorter)


def _plain(line: str) -> str:
    return "".join(line.split()).replace("'", '"').rstrip(",;")
