"""Which definitions of other files suit a caret, and how much each is wanted: by imports, by names, by nearness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from kvlsp.syntax.language import Language
from kvlsp.workspace.caret import Surroundings, parts_of
from kvlsp.workspace.chunk import Chunk, Key
from kvlsp.workspace.imports import match
from kvlsp.workspace.index import Index
from kvlsp.workspace.lookup import Found
from kvlsp.workspace.outline import Definition, words_of

LEAST: Final = 1.0
"""Score below which a definition is not offered."""
STAYS: Final = 0.5
"""What a chunk that is placed already scores more, so that two of the same worth do not take turns."""
FRESH: Final = 1.5
"""For an imported name that is not used above: it is there to be used, and the document does not show how."""
RARE: Final = 2
"""A name that more files define says little when it is not imported."""


def definitions_for(around: Surroundings, key: str, language: Language | None, index: Index,
                    kept: Collection[Key]) -> Iterator[Chunk]:
    """Definitions of an index with their scores, in no order.

    ``key``: the document's path in this index, "" when it lies elsewhere; ``kept``: keys of chunks that are placed.
    """
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
            yield chunk if chunk.key not in kept else replace(chunk, score=score + STAYS)


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
