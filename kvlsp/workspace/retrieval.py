"""What of the other files suits a caret: chunks of text with reasons, within a budget.

    found = retrieve(text, offset, path, indexes, budget=4000)
    placed = arrange(found, placed)

In this order: definitions of names that the document imports or uses near the caret; regions of other documents that
were edited or visited lately; pieces of other files with the words around the caret (BM25). Whatever stands in the
document already is left out: a model repeats it. Same question, same answer; what was placed keeps its place.

Nothing here knows about tokens or prompts: ``measure`` says what a text costs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from kvlsp.syntax.language import Language
from kvlsp.workspace.caret import Surroundings, parts_of, surroundings_of
from kvlsp.workspace.imports import match, module_of
from kvlsp.workspace.index import Index
from kvlsp.workspace.lookup import Found
from kvlsp.workspace.outline import Definition, Outliner, outline_of, words_of
from kvlsp.workspace.pieces import telling

BUDGET: Final = 6000
"""Characters, about 1,500 tokens of code."""
DEFINITIONS: Final = 12
SIMILAR: Final = 4
ALIKE: Final = 0.12
"""Least share of common words (Jaccard) of a piece that BM25 proposes."""
SHARED: Final = 3
"""Least number of them: a keyword or two make nothing alike."""
LEAST: Final = 1.0
"""Score below which a definition is not offered."""
STAYS: Final = 0.5
"""What a chunk that is placed already scores more, so that two of the same worth do not take turns."""
FRESH: Final = 1.5
"""For an imported name that is not used above: it is there to be used, and the document does not show how."""
RARE: Final = 2
"""A name that more files define says little when it is not imported."""


Kept: TypeAlias = set[tuple[Path, str, str]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines [line, end) of a file, or the heads of them. Equal keys: the same text of the same file."""

    root: Path
    path: str
    line: int
    end: int
    text: str
    kind: Literal["definition", "region", "similar"]
    name: str
    reason: str
    score: float

    @property
    def key(self) -> tuple[Path, str, str]:
        return self.root, self.path, self.text


@dataclass(frozen=True, slots=True)
class Region:
    """A part of another open document, as the owner of the documents knows it; the latest comes first."""

    root: Path
    path: str
    line: int
    end: int
    text: str
    reason: str


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
                regions: Sequence[Region], kept: Kept) -> Iterator[Chunk]:
    definitions = [chunk for index in indexes for chunk in _definitions(around, path, language, index, kept)]
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


# -- definitions: how much each is wanted


def _definitions(around: Surroundings, path: Path | None, language: Language | None, index: Index,
                 kept: Kept) -> Iterator[Chunk]:
    key = _key(path, index)
    imported = _imported_files(around, index, key)
    asked = {word for word in around.near if len(word) > 2} | {word for _, words in around.imports for word in words}
    found = {(one.path, one.definition.line, one.definition.name): one for one in index.named(asked - around.own, 400)}
    for other in imported:
        for definition in index.outline(index.root / other).definitions:
            if not definition.inside:
                found.setdefault((other, definition.line, definition.name), Found(other, definition))
    clear = {one.definition.name for one in found.values()
             if one.path in imported and one.definition.name in imported[one.path][1] and not one.definition.inside}
    spread = Counter(name for name, _ in {(one.definition.name, one.path) for one in found.values()})
    for one in found.values():
        if one.path == key or one.definition.name in around.own:
            continue
        judged = _judge(one, around, imported.get(one.path), spread[one.definition.name], key,
                        one.definition.name in clear)
        if judged is None:
            continue
        score, reason = judged[0] - (Language.of(_suffix(one.path)) is not language), judged[1]
        if score >= LEAST:
            definition = one.definition
            chunk = Chunk(index.root, one.path, definition.line, definition.end, definition.text, "definition",
                          definition.name, reason, score)
            yield chunk if chunk.key not in kept else _scored(chunk, score + STAYS)


def _imported_files(around: Surroundings, index: Index, key: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Files that the document's imports mean, each with the import: for every statement those that fit it best."""
    files = index.modules({word for _, words in around.imports for word in words})
    meant: dict[str, tuple[str, tuple[str, ...]]] = {}
    for line, words in around.imports:
        fits = [(match(words, file) + _nearness(file, key), file) for file in files if file != key]
        best = max((fit for fit, _ in fits), default=0.0)
        for fit, file in fits:
            if fit >= 1 and fit > best - 0.5:
                meant.setdefault(file, (line, words))
    return meant


def _judge(one: Found, around: Surroundings, imported: tuple[str, tuple[str, ...]] | None, spread: int,
           key: str, clear: bool) -> tuple[float, str] | None:
    """How much a definition is wanted, and why; None: not at all.

    ``imported``: the import that means its file, if any; ``spread``: how many files define the name; ``clear``: an
    import means a file that defines it, so no other is meant.
    """
    definition = one.definition
    name = definition.name
    weight, distance = around.near.get(name, (0.0, 0))
    handed_on = 0.0
    if imported is None and not definition.inside and not clear:
        handed_on = max((match(words, one.path) for _, words in around.imports if name in words), default=0.0)
    fresh = name not in around.used
    explicit = (imported is not None and name in imported[1]) or handed_on > 0
    used = f"used {_lines(distance)}" if weight else ("not used yet" if fresh else "used above")
    likeness = _likeness(definition, around)
    if explicit and not definition.inside:
        score = 3.0 + (FRESH + weight if fresh else weight) + 2.0 * likeness
        reason = f"{name} is imported, {used}"
    elif imported is not None and not definition.inside:
        score = (2.0 + 2.0 * weight if weight else 0.5) + 2.0 * likeness
        reason = f"{name} stands in a file that is imported, {used}"
    elif not weight or (definition.inside and name not in around.attributes):
        return None
    elif key and _folder(one.path) == _folder(key) and not definition.inside:
        score, reason = 1.0 + 1.5 * weight + likeness, f"{name} stands in the same folder, {used}"
    elif imported is not None:
        score, reason = 0.5 + 2.0 * weight + likeness, f"{name} is a member in a file that is imported, {used}"
    elif spread <= RARE and len(name) > 3 and (definition.inside or not around.imports):
        score, reason = 1.5 * weight + likeness, f"{name} is defined in few files, {used}"
    else:
        return None
    if name.startswith("__"):
        return None
    if _is_test(one.path) and not _is_test(key):
        score -= 1.5
    return score, reason


def _likeness(definition: Definition, around: Surroundings) -> float:
    """In [0, 1]: how much of a definition's name, and of what it speaks of, stands near the caret."""
    own = parts_of(definition.name)
    by_name = sum(around.parts.get(part, 0.0) for part in own) / max(len(own), 1)
    if definition.name in around.near:  # its own parts say nothing
        by_name = 0.0
    words = set(words_of(definition.signature)) - {definition.name}
    by_words = sum(around.near[word][0] for word in words if word in around.near) / (len(words) + 3)
    return min(1.0, 0.6 * by_name + 0.6 * by_words)


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


def _scored(chunk: Chunk, score: float) -> Chunk:
    return Chunk(chunk.root, chunk.path, chunk.line, chunk.end, chunk.text, chunk.kind, chunk.name, chunk.reason, score)


def _key(path: Path | None, index: Index) -> str:
    """The document's path in this index; "" when it lies elsewhere, or nowhere."""
    return path.relative_to(index.root).as_posix() if path is not None and path.is_relative_to(index.root) else ""


def _nearness(path: str, key: str) -> float:
    """In [0, 0.4]: folders that two files share; decides between modules of the same name."""
    ours, theirs = key.split("/")[:-1], path.split("/")[:-1]
    shared = sum(1 for _ in _while_equal(ours, theirs))
    return 0.4 * shared / max(len(ours), len(theirs), 1)


def _while_equal(left: list[str], right: list[str]) -> Iterator[str]:
    for a, b in zip(left, right, strict=False):
        if a != b:
            return
        yield a


def _lines(distance: int) -> str:
    if distance == 0:
        return "on this line"
    count = abs(distance)
    return f"{count} line{'s' if count > 1 else ''} {'below' if distance > 0 else 'above'}"


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _suffix(path: str) -> str:
    return Path(path).suffix.lower()


def _is_test(path: str) -> bool:
    return any(part in ("test", "tests", "testing", "spec", "__tests__") or part.startswith("test_")
               for part in path.lower().split("/"))
