"""What of the other files suits a caret: chunks of text with reasons, within a budget.

    found = retrieve(text, offset, path, indexes, budget=4000)
    placed = arrange(found, placed)

In this order: definitions of names that the document imports or uses near the caret; regions of other documents that
were edited or visited lately; pieces of other files with the words around the caret (BM25). Whatever stands in the
document already is left out: a model repeats it. The same question has the same answer, and chunks that are placed
already keep their order. ``measure`` says what a text costs: characters, unless the caller counts tokens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from kvlsp.syntax.language import Language
from kvlsp.workspace.caret import Surroundings, surroundings_of
from kvlsp.workspace.chunk import Chunk, Key, Region
from kvlsp.workspace.definitions import definitions_for
from kvlsp.workspace.imports import module_of
from kvlsp.workspace.index import Index
from kvlsp.workspace.outline import Outliner, outline_of
from kvlsp.workspace.pieces import telling

BUDGET: Final = 6000
"""Characters, about 1,500 tokens of code."""
DEFINITIONS: Final = 12
SIMILAR: Final = 4
ALIKE: Final = 0.12
"""Least share of common words (Jaccard) of a piece that BM25 proposes."""
SHARED: Final = 3
"""Least number of them: a keyword or two make nothing alike."""


def retrieve(text: str, offset: int, path: Path | None, indexes: Sequence[Index], *, budget: int = BUDGET,
             measure: Callable[[str], int] = len, regions: Sequence[Region] = (), placed: Sequence[Chunk] = (),
             language: Language | None = None, outliner: Outliner = outline_of) -> tuple[Chunk, ...]:
    """Chunks for a caret at ``offset`` of the document ``path`` (absolute), the most wanted first.

    A document without a path has only a ``language``: no file is near it.
    """
    if path is not None:
        language = Language.of(path.suffix.lower())
    around = surroundings_of(text, offset, language, outliner)
    kept = {chunk.key for chunk in placed}
    chosen: list[Chunk] = []
    seen: set[str] = set()
    left = budget
    itself = _Itself(path)
    for chunk in _candidates(around, path, language, indexes, regions, kept):
        if chunk.text in seen or _stands_in(chunk, around) or _covered(chunk, chosen) or itself.is_in(chunk):
            continue
        cost = measure(chunk.text)
        if cost <= left:
            chosen.append(chunk)
            seen.add(chunk.text)
            left -= cost
    return tuple(chosen)


def arrange(found: Sequence[Chunk], placed: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The order of placement: what stays comes in the order it had, what is new behind it, by path and line."""
    now = {chunk.key: chunk for chunk in found}
    staying = [now[chunk.key] for chunk in placed if chunk.key in now]
    keys = {chunk.key for chunk in staying}
    new = sorted((chunk for chunk in found if chunk.key not in keys), key=lambda c: (str(c.root), c.path, c.line))
    return (*staying, *new)


def _candidates(around: Surroundings, path: Path | None, language: Language | None, indexes: Sequence[Index],
                regions: Sequence[Region], kept: Collection[Key]) -> Iterator[Chunk]:
    definitions = [chunk for index in indexes
                   for chunk in definitions_for(around, _key(path, index), language, index, kept)]
    definitions.sort(key=lambda chunk: (-round(chunk.score, 3), chunk.path, chunk.line))
    yield from definitions[:DEFINITIONS]
    for region in regions:
        if region.root / region.path != path and region.text.strip():
            yield Chunk(region.root, region.path, region.line, region.end, region.text, "region", "",
                        region.reason, 0.0)
    words = telling(around.window)
    for index in indexes:
        for piece in index.similar(words, _key(path, index), 2 * SIMILAR)[:SIMILAR]:
            text = index.text(piece).strip("\n")
            theirs = telling(text)
            shared = sorted(set(theirs) & set(words), key=lambda word: (-len(word), word))
            if len(shared) >= max(SHARED, ALIKE * len({*theirs, *words})):
                reason = f"like the lines around the caret: {', '.join(shared[:4])}"
                yield Chunk(index.root, piece.path, piece.line, piece.end, text, "similar", "", reason, 0.0)


# -- what is left out


class _Itself:
    """The document's own file under any name: links, and disks that do not tell cases apart, give one file many."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else _file_of(path)
        self._known: dict[Path, bool] = {}

    def is_in(self, chunk: Chunk) -> bool:
        path = chunk.root / chunk.path
        if path not in self._known:
            self._known[path] = self._file is not None and _file_of(path) == self._file
        return self._known[path]


def _file_of(path: Path) -> tuple[int, int] | None:
    """Which file of which disk; None: none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _stands_in(chunk: Chunk, around: Surroundings) -> bool:
    """The document has a definition's lines already, or half of those of a piece, whatever white space is around."""
    lines = [line.strip() for line in chunk.text.split("\n") if line.strip()]
    known = sum(line in around.lines for line in lines)
    return known == len(lines) if chunk.kind == "definition" else 2 * known >= len(lines)


def _covered(chunk: Chunk, chosen: Iterable[Chunk]) -> bool:
    """A chosen chunk shows these very lines, or the same definition in a twin of the file (a stub, a header)."""
    for other in chosen:
        if other.path == chunk.path and other.root == chunk.root and chunk.text in other.text:
            return True
        if chunk.kind == "definition" and chunk.name == other.name and module_of(chunk.path) == module_of(other.path):
            return chunk.path != other.path
    return False


def _key(path: Path | None, index: Index) -> str:
    """The document's path in this index; "" when it lies elsewhere, or nowhere."""
    return path.relative_to(index.root).as_posix() if path is not None and path.is_relative_to(index.root) else ""
