"""An editor that edits at random, and remembers by the plainest means what its text is.

The text is kept in UTF-16 units and every position is counted from its start anew: slow, and obviously right. What it
sends is what editors send, odd ones included: halves of characters, ranges that run backwards or beyond a line's end,
many changes at once, all kinds of line ends.
"""

from __future__ import annotations

import random
import re
from typing import Final

from kvlsp.text.document import AnyChange, FullChange, RangeChange
from kvlsp.text.units import PositionEncoding

LINE_END: Final = re.compile("\r\n|\r|\n")
BEGINNINGS: Final = (
    "",
    "import os\n\n\nclass Reader:\n    def __init__(self, path, *, mode='r'):\n        self.path = path  # how\n\n" * 3,
    "def größe(p):\r\n\treturn p or -1  # ½ 漢字 😀\r\n\r\n" * 4,
    "// 函数的说明 Описание e\u0301 \u1112\u1161\u11ab\nconst f = (a) => {\n  return `${a}`\n}\n" * 3,
    "x = 1\ry = 2\n\rz = 3\u2028w = 4\x0cv = 5\x85u = 6\r\n" * 4,
    "8675309123456789" * 12 + "\n" + "    " * 40 + "AAAA" * 30,
)
PIECES: Final = (
    "a", "B", "x1", "é", "e\u0301", "\u0301", "ß", "漢字", "한", "\u1161", "½", "1", "123456", " ", "    ", "\t",
    "\n", "\n\n", "\r\n", "\r", "\n\r", ".", "(", ")", "):", '"', "'s", "[", "]", "{", "}", "_", "self",
    " = ", "return x\n", "    pass\n", "\u00a0", "\u2028", "\u2029", "\x0c", "\x0b", "\x1c", "\x85", "\x00",
    "\ufeff", "\u200d", "😀", "👩\u200d👧", "𝒳", "\ud83d", "\ude00", "\ud800", "\udfff", "▁", "<|fim_prefix|>",
    "<|endoftext|>", "</s>", "def f(x):\n    return x\n", "x" * 70,
)  # fmt: skip
MOST_UNITS: Final = 1500
"""Longer texts are cut, so that a life stays quick."""


def units(text: str) -> str:
    """The text with its characters beyond U+FFFF as two halves."""
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(int.from_bytes(data[at : at + 2], "little")) for at in range(0, len(data), 2))


def characters(halves: str) -> str:
    """The text of these units: halves that stand side by side are one character."""
    return halves.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


class RandomEditor:
    """One document in an editor that counts in ``encoding``."""

    def __init__(self, rng: random.Random, encoding: PositionEncoding) -> None:
        self.rng, self.encoding = rng, encoding
        self.units = units(rng.choice(BEGINNINGS))
        self._last = 0
        self._undo: list[tuple[int, int, str]] = []

    @property
    def text(self) -> str:
        """What the editor shows."""
        return characters(self.units)

    def notification(self) -> list[AnyChange]:
        """The next changes, each on the text that the one before it left."""
        kind = self.rng.random()
        if len(self.units) > MOST_UNITS:
            return [self._replace(self.rng.randint(0, 200), len(self.units) - self.rng.randint(0, 200), "")]
        if kind < 0.55:
            return [self._typed()]
        if kind < 0.85:
            return [self._anywhere()]
        if kind < 0.90 and self._undo:
            return [self._replace(*self._undo.pop())]
        if kind < 0.92:
            return [self._whole()]
        if kind < 0.93:
            return self._everywhere()
        return [self._anywhere() for _ in range(self.rng.choice((2, 2, 3, 5, 12)))]

    # --- kinds of changes ------------------------------------------------------------------------------------

    def _typed(self) -> AnyChange:
        """A key at the caret: a letter, or backspace."""
        at = min(self._last, len(self.units))
        if self.rng.random() < 0.2:
            return self._replace(at - 1, at, "")
        return self._replace(at, at, self.rng.choice(PIECES))

    def _anywhere(self) -> AnyChange:
        start = self.rng.randint(0, len(self.units))
        length = self.rng.choice((0, 0, 1, 1, 2, 5, 30, 120))
        return self._replace(
            start, start + length, "".join(self.rng.choices(PIECES, k=self.rng.choice((0, 1, 1, 2, 4))))
        )

    def _whole(self) -> AnyChange:
        """The text as a whole, with a change somewhere inside."""
        start = self._boundary(self.rng.randint(0, len(self.units)))
        self.units = self.units[:start] + units(self.rng.choice(PIECES)) + self.units[start:]
        self._undo.clear()
        return FullChange(self.text)

    def _everywhere(self) -> list[AnyChange]:
        """One word for another all over the text, from the end, as "replace all" is sent."""
        old, new = self.rng.choice((("a", "bc"), (" ", ""), ("e", "😀"), ("\n", "\r\n"), ("return", "é")))
        places = [found.start() for found in re.finditer(re.escape(old), self.units)]
        return [self._replace(at, at + len(old), new) for at in reversed(places)] or [self._typed()]

    # --- a change --------------------------------------------------------------------------------------------

    def _replace(self, start: int, end: int, text: str) -> AnyChange:
        """Replace units [start, end), moved to where a position can be; ``text`` is as the wire brings it."""
        start, end = (self._boundary(max(0, min(at, len(self.units)))) for at in (start, end))
        end = max(start, end)
        change = RangeChange(self._position(start), self._position(end), text)
        if self.rng.random() < 0.03:
            change = RangeChange(change.end, change.start, text)
        put = units(text)
        self._undo = [*self._undo[-5:], (start, start + len(put), characters(self.units[start:end]))]
        self.units = self.units[:start] + put + self.units[end:]
        self._last = start + len(put)
        return change

    def _boundary(self, at: int) -> int:
        """Not between ``\\r`` and ``\\n``; inside a character only where columns count UTF-16 units."""
        if self.units[max(0, at - 1) : at + 1] == "\r\n" and at:
            return at - 1
        inside = 0 < at < len(self.units) and "\udc00" <= self.units[at] <= "\udfff"
        if inside and "\ud800" <= self.units[at - 1] <= "\udbff" and self.encoding is not PositionEncoding.UTF16:
            return at - 1
        return at

    def _position(self, at: int) -> tuple[int, int]:
        """(line, column) of a unit; now and then a column beyond the line's end, which means its end."""
        start = line = 0
        for found in LINE_END.finditer(self.units, 0, at):
            if found.end() <= at:
                line, start = line + 1, found.end()
        before = self.units[start:at]
        if self.encoding is PositionEncoding.UTF16:
            column = len(before)
        elif self.encoding is PositionEncoding.UTF32:
            column = len(characters(before))
        else:
            column = len(characters(before).encode("utf-8", "surrogatepass"))
        at_end = at == len(self.units) or self.units[at] in "\r\n"
        return line, column + (self.rng.choice((0, 0, 0, 7)) if at_end else 0)
