"""The way out of a loop: the more a completion has repeated, the more likely becomes what ends it.

Holding back the next copy alone makes a weak model derail instead of ending: it writes the next best line, for ever. So
the end token gains where the text is whole, and while the completion's own brackets or string are open, what closes
them gains: what was begun is closed, then it ends. One of the watches of
:class:`kvlsp.completion.penalty.GrammarPenalty`.
"""

from __future__ import annotations

from kvlsp.syntax.block import Place
from kvlsp.syntax.scanner import CLOSER_OF, Scan

ENOUGH = 10
"""Exponents below this do not count: short tables and rows of tests are ordinary."""
WEIGHT = 2
"""The way out gains so many times what was held back."""


class WayOut:
    """How much has been repeated, and where the text could end."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._following = f"{place.line_after}\n{place.following}"
        self._generated = ""
        self._finished, self._peak = 0, 0
        self._closer: str | None = None

    def push(self, piece: str, row: str, here: Scan, held_back: int) -> None:
        """Takes the next text. ``row`` is the line being written with it, ``here`` the scan behind it, ``held_back``
        the largest exponent by which a copy is held back now."""
        self._generated += piece
        self._peak = max(self._peak, held_back)
        if "\n" in piece:
            self._finished, self._peak = self._finished + self._peak, held_back
        self._closer = self._way_out(row, here) if self.exponent else None

    @property
    def exponent(self) -> int:
        """That of the strength, by which the way out gains: all that was held back so far, line by line."""
        total = self._finished + self._peak
        return WEIGHT * total if total >= ENOUGH else 0

    @property
    def ends(self) -> bool:
        """Whether the end of the text gains now."""
        return self._closer == ""

    def leads_out(self, piece: str) -> bool:
        """Whether a token with this text closes what is open."""
        return bool(self._closer) and piece.lstrip().startswith(str(self._closer))

    @property
    def active(self) -> bool:
        """Whether anything gains now."""
        return self._closer is not None

    def _way_out(self, row: str, here: Scan) -> str | None:
        """What has to be closed next, "" where the text could end; None where neither leads out."""
        given = self._place.scan
        if here.inside is not None:
            closed = here.inside is given.inside and here.inside.close in self._following
            return None if closed else here.inside.close
        depth, shared = len(here.stack), len(given.stack)
        if depth and not (depth <= shared and self._place.open[depth - 1].held):
            return CLOSER_OF[here.stack[-1].character]
        if depth < shared:
            return None
        text = self._generated if row.strip() else self._generated.rstrip()
        language = self._place.language
        if language is not None and text.rstrip()[-1:] in language.openers:
            return None
        # At the start of a line a text that is no statement by now will not become one.
        return "" if not row.strip() or self._place.parses(text) else None
