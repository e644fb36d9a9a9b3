"""The brackets that are open at a caret while text is generated there: which of them that text may close.

    brackets = Closing(place)
    brackets.close(")")       # False: the suffix closes it, or it is not open
    brackets.own_open         # a bracket of the caret's own statement still misses its end
"""

from __future__ import annotations

from kvlsp.syntax.block import Place
from kvlsp.syntax.scanner import CLOSER_OF


class Closing:
    """What one completion has closed of ``place.open``. Not reusable."""

    def __init__(self, place: Place) -> None:
        self._inner, self._closes_all = place.inner, place.language is None
        self.open = list(place.open)
        self.left_block = False
        """A bracket around the block that the caret stands in has been closed."""

    def close(self, character: str) -> bool:
        """Takes a closer for which the text itself has no opener; False where it is not for the text to write."""
        if not self.open:
            return self._closes_all
        innermost = self.open[-1]
        if innermost.held or CLOSER_OF[innermost.bracket.character] != character:
            return False
        self.open.pop()
        self.left_block = self.left_block or len(self.open) < self._inner
        return True

    @property
    def own_open(self) -> bool:
        """A bracket that the statement opened before the caret is still open, and nobody closes it below."""
        return any(not bracket.held for bracket in self.open[self._inner:])
