"""How much of a document's text has been read, that is, tokenized: in short pieces, in any order.

Tokenizing a text of megabytes takes seconds, and a text that comes in at once (a document opened, reloaded, a log
pasted) need not be tokenized at once. What has no tokens yet are *unread* ranges of the document. All the rest, put
together, is a text of its own, the *read text*: a piece that is read is inserted into it, and what is typed meanwhile
is an edit of it like any other. Its tokens are those of that text at each step (:mod:`kvlsp.tokens.document`), and so
in the end those of the document. Offsets only: the owner has the texts, and asks for the next piece.
"""

from __future__ import annotations

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

PIECE = 1 << 15
"""Characters that are tokenized in one go: some 10,000 tokens, tens of milliseconds."""

_BEFORE = 0.7
"""Share of a piece before the place that is wanted: what stands before a caret says more about what comes next."""


class Reading:
    """The unread ranges of a document of ``characters`` characters: at first all of it, or nothing if it is no longer
    than a ``piece``."""

    def __init__(self, characters: int, piece: int = PIECE) -> None:
        self._piece = piece
        self._unread: list[tuple[int, int]] = [(0, characters)] if characters > piece else []

    def __bool__(self) -> bool:
        """Whether something is left to read."""
        return bool(self._unread)

    @property
    def unread(self) -> tuple[tuple[int, int], ...]:
        """Half-open ranges of document offsets, sorted, not empty; none touches the next."""
        return tuple(self._unread)

    @property
    def characters(self) -> int:
        """Characters that are still to be read."""
        return sum(end - start for start, end in self._unread)

    def has_read(self, offset: int, margin: int) -> bool:
        """Whether all is read up to ``margin`` characters before and behind a document offset."""
        return not any(start < offset + margin and end > offset - margin for start, end in self._unread)

    def offset_in_read(self, offset: int) -> int:
        """Where a document offset lies in the read text; inside an unread range, where that is missing."""
        return offset - sum(min(end, offset) - start for start, end in self._unread if start < offset)

    def offset_in_document(self, offset: int) -> int:
        """Where an offset of the read text lies in the document; where a range is missing, before that."""
        for start, end in self._unread:
            if offset <= start:
                break
            offset += end - start
        return offset

    def follow(self, edit: Edit, *, at_once: bool = False) -> Edit | None:
        """Follow an edit of the document; what it comes to in the read text, None if nothing.

        An insertion longer than a piece is unread, unless it has to be read ``at_once``; so is any that has unread text
        on both sides. O(unread ranges).
        """
        start, end, delta = edit.start, edit.end, edit.delta
        first, last = self.offset_in_read(start), self.offset_in_read(end)
        before = [(left, min(right, start)) for left, right in self._unread if left < start]
        behind = [(max(left, end) + delta, right + delta) for left, right in self._unread if right > end]
        until = start + len(edit.text)
        inside = bool(before and behind) and before[-1][1] == start and behind[0][0] == until
        waits = inside or (len(edit.text) > self._piece and not at_once)
        self._unread = _joined([*before, (start, until), *behind] if waits else [*before, *behind])
        read = Edit(first, last, "" if waits else edit.text)
        return None if read.changes_nothing else read

    def take(self, text: Rope, near: int | None = None, dear: int = 0) -> Edit:
        """Read the next piece of the document ``text``: an edit of the read text, which only inserts.

        It is the one around document offset ``near``, or next to it of what is left, or else the first. ``dear``
        counts the characters that the last piece had tokenized again besides its own. Where no text can be cut (a line
        of one word, a tokenizer without boundaries) that is all there is so far; pieces grow with it, so that the whole
        costs a few times its length and not the square of it. Only while something is left to read.
        """
        wanted = self._unread[0][0] if near is None else near
        _, index = min((max(start - wanted, wanted - end, 0), index) for index, (start, end) in enumerate(self._unread))
        start, end = self._unread[index]
        first, last = _piece(text, start, end, max(start, min(wanted, end)), max(self._piece, dear))
        at = self.offset_in_read(first)
        rest = [(start, first), (last, end)]
        self._unread[index : index + 1] = [(left, right) for left, right in rest if left < right]
        return Edit(at, at, text.slice(first, last))


def _piece(text: Rope, start: int, end: int, near: int, size: int) -> tuple[int, int]:
    """``size`` characters of [start, end) around ``near``, or less: where it cuts, it does so behind a line feed unless
    that halves one side of it. There the next piece has the least of this one to tokenize again."""
    first = max(start, near - int(size * _BEFORE))
    last = min(end, first + size)
    first = max(start, last - size)
    fore, aft = (first + near) // 2, (near + last) // 2
    if first > start:  # the character before says whether a line begins here already
        first += max(0, text.slice(first - 1, fore).find("\n"))
    if last < end:
        last = aft + (text.slice(aft, last).rfind("\n") + 1 or last - aft)
    return first, last


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that touch made one; sorted as they are."""
    result: list[tuple[int, int]] = []
    for start, end in ranges:
        if result and start == result[-1][1]:
            result[-1] = (result[-1][0], end)
        elif start < end:
            result.append((start, end))
    return result
