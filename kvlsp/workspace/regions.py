"""Parts of a text around an offset: the stretch between two definitions' ends, and the lines that a region shows.

Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from kvlsp.syntax.language import Language
from kvlsp.workspace.caret import beginning
from kvlsp.workspace.chunk import Region
from kvlsp.workspace.messages import Visited
from kvlsp.workspace.outline import Outliner, outline_of

ABOVE: Final = 7
BELOW: Final = 7
"""Lines that a region shows beside its own."""
REGIONS: Final = 4


def stretch(text: str, offset: int, language: Language | None, outliner: Outliner = outline_of) -> tuple[int, int]:
    """Characters [start, end] around ``offset`` in which no definition of several lines begins or ends.

    Without a language, or an outline, it is the whole text.
    """
    outline = beginning(text, language, outliner)
    if outline is None:
        return 0, len(text)
    edges = {0}
    for definition in outline.definitions:
        if definition.end > definition.line + 1:  # a constant is nothing to be in
            edges |= {definition.line, definition.end}
    rows = sorted(edges)
    after = bisect_right(rows, text.count("\n", 0, offset))
    return _start_of(text, rows[after - 1]), _start_of(text, rows[after]) if after < len(rows) else len(text)


def regions_of(places: Iterable[Visited], texts: Mapping[str, tuple[Path, str, str]]) -> tuple[Region, ...]:
    """What to show of these places, in their order, none twice; ``texts``: root, path from there, text by path.

    A place of a document that ``texts`` does not hold is left out.
    """
    taken: list[Region] = []
    for place in places:
        if place.path not in texts or len(taken) == REGIONS:
            continue
        root, path, text = texts[place.path]
        row = text.count("\n", 0, place.offset)
        if any(one.path == path and one.root == root and one.line <= row < one.end for one in taken):
            continue
        lines = text.split("\n")
        first, end = max(0, row - ABOVE), min(len(lines), row + BELOW + 1)
        while first < end and not lines[first].strip():
            first += 1
        while end > first and not lines[end - 1].strip():
            end -= 1
        if first < end:
            reason = "edited lately" if place.edited else "visited lately"
            taken.append(Region(root, path, first, end, "\n".join(lines[first:end]), reason))
    return tuple(taken)


def _start_of(text: str, row: int) -> int:
    """Where a line begins; the text's length when there are fewer."""
    offset = 0
    for _ in range(row):
        offset = text.find("\n", offset) + 1
        if not offset:
            return len(text)
    return offset
