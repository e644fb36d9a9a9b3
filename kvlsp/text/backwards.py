"""Many changes from the end of a text to its beginning, as editors order those of "replace all": in one pass.

Each then refers to a part of the text that the ones before it left alone, so all positions are those of the text
before. Taken is only what needs no second look (plain characters, lines that end in ``\\n``, no column behind a line's
end); for the rest there is :meth:`~kvlsp.text.document.Document.apply`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

Position = tuple[int, int]


def from_the_end(text: Rope, changes: Sequence[tuple[Position, Position, str]]) -> tuple[Edit, Rope] | None:
    """One edit that does what ``changes`` (start, end, new text) do, and the text after it; None: not of this kind."""
    before = str(text)
    if not before.isascii() or "\r" in before:
        return None
    lengths = [len(line) for line in before.split("\n")]
    starts = [0, *accumulate(length + 1 for length in lengths)]
    pieces: list[str] = []
    last: Position = (len(lengths), 0)
    cursor = first_end = len(before)
    for start, end, new in changes:
        if not (0, 0) <= start <= end <= last or min(start[1], end[1]) < 0 or not new.isascii() or "\r" in new:
            return None
        if end[0] >= len(lengths) or end[1] > lengths[end[0]] or start[1] > lengths[start[0]]:
            return None
        stop = starts[end[0]] + end[1]
        first_end = first_end if pieces else stop
        pieces += (before[stop:cursor], new)
        cursor, last = starts[start[0]] + start[1], start
    pieces.append(before[:cursor])
    after = "".join(reversed(pieces))
    edit = Edit(cursor, first_end, after[cursor:len(after) - (len(before) - first_end)])
    return edit.minimised(before[cursor:first_end]), Rope.of(after)
