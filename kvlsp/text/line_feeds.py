"""A text as its editor has it, and the same text with line feeds alone, which is what models were trained on.

    both = LineFeeds.of(rope)
    both.plain                      # every "\\r\\n", and every "\\r", is "\\n"; the same object where there is none
    both.offset(caret)              # where an offset of the editor's lies in it
    both, change = both.follow(change)

Text and edits only. What a change costs is what it is long, and no more.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from kvlsp.text.document import Change
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope


def plain(text: str) -> str:
    """The text with line feeds alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, slots=True)
class LineFeeds:
    """``text`` is the editor's, ``plain`` has line feeds alone; ``returns`` counts the ``\\r`` of ``text``."""

    text: Rope
    plain: Rope
    returns: int = 0

    @classmethod
    def of(cls, text: Rope) -> LineFeeds:
        """Both of a whole text: O(n)."""
        returns = sum(piece.count("\r") for piece in text.pieces())
        return cls(text, Rope.of(plain(str(text))) if returns else text, returns)

    def offset(self, offset: int) -> int:
        """An offset of the editor's in the plain text; between ``\\r`` and ``\\n`` that is before the line feed."""
        return offset - self.text.pairs_before(offset)

    def original(self, offset: int) -> int:
        """Where an offset of the plain text lies in the editor's; at a line feed, before all of its line end."""
        return bisect_left(range(len(self.text) + 1), offset, key=self.offset) if self.text.pairs else offset

    def between(self, offset: int) -> bool:
        """Whether an offset lies between ``\\r`` and ``\\n``."""
        return self.text.slice(offset - 1, offset + 1) == "\r\n" if offset else False

    def follow(self, change: Change) -> tuple[LineFeeds, Change]:
        """Both after a change of the editor's text, and that change of the plain one (it may change nothing)."""
        after, start, end = change.after, change.edit.start, change.edit.end
        returns = self.returns and self.returns - self.text.slice(start, end).count("\r")
        returns += change.edit.text.count("\r")
        if not self.returns and not returns:
            return LineFeeds(after, after), change
        # A pair may be joined or parted at either end of what changes.
        start -= start > 0 and self.text.slice(start - 1, start) == "\r"
        end += self.text.slice(end, end + 1) == "\n"
        low, high = self.offset(start), self.offset(end)
        edit = Edit(low, high, plain(after.slice(start, end + change.edit.delta)))
        edit = edit.minimised(self.plain.slice(low, high))
        both = LineFeeds(after, self.plain.replace(edit) if returns else after, returns)
        return both, Change(edit, both.plain)

    def line_end_at(self, offset: int) -> str:
        """The line break that a line begun at ``offset`` should have: that of its line, or else of the one above."""
        line = self.text.line_of(offset)
        for end in (self.text.line_end(number) for number in (line, line - 1) if number >= 0):
            found = self.text.slice(end, end + 2)
            if found:
                return found if found == "\r\n" else found[0]
        return "\n"
