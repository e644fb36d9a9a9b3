"""What a document says about its caret: words near it and how near, what is imported, what it defines itself.

Pure. Only lines around the caret are weighed; the outline is made of the document's first :data:`MOST` characters.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from kvlsp.errors import TooCostly
from kvlsp.syntax.language import Language
from kvlsp.workspace.outline import Outline, Outliner, outline_of, words_of

ABOVE: Final = 40
BELOW: Final = 15
"""Lines that count as near."""
MOST: Final = 200_000

_ATTRIBUTE = re.compile(r"(?:\.|->|::)\s*([^\W\d]\w*)")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``near``: word -> (weight in (0, 1], lines to the caret, negative above), lines of imports left out.
    ``imports``: each with its words.
    """

    near: dict[str, tuple[float, int]]
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    own: frozenset[str]
    """Names defined in the document."""
    attributes: frozenset[str]
    """Words near the caret behind a dot, an arrow or two colons: members of something."""
    used: frozenset[str]
    """Words that stand above the caret outside of imports."""
    parts: dict[str, float]
    """Parts of the words near (``read``, ``file`` of ``readFile``), lower case, with weights."""
    lines: frozenset[str]
    """Its lines without white space around them."""
    window: str


def beginning(text: str, language: Language | None, outline: Outliner) -> Outline | None:
    """The outline of a text's first :data:`MOST` characters; None where there is none, or it takes too much."""
    if language is None:
        return None
    try:
        return outline(language, text[:MOST])
    except TooCostly:
        return None


def surroundings_of(text: str, offset: int, language: Language | None,
                    outliner: Outliner = outline_of) -> Surroundings:
    """``offset`` in characters, clamped to the text."""
    offset = max(0, min(offset, len(text)))
    above, below = _above(text, offset), _below(text, offset)
    outline = beginning(text, language, outliner)
    row, passed = text.count("\n", 0, offset), outline.import_lines if outline else frozenset()
    near: dict[str, tuple[float, int]] = {}
    for distance, line in [*((-number, line) for number, line in enumerate(reversed(above))),
                           *((number + 1, line) for number, line in enumerate(below))]:
        if distance and row + distance in passed:
            continue
        weight = 1 / (1 + abs(distance) / 8) * (0.7 if distance > 0 else 1.0)
        for word in words_of(line):
            if word not in near or near[word][0] < weight:
                near[word] = (weight, distance)
    imports = tuple((line, tuple(words_of(line))) for line in outline.imports) if outline else ()
    counts = Counter(words_of(text[max(0, offset - MOST):offset]))
    counts.subtract(word for _, words in imports for word in words)
    parts: dict[str, float] = {}
    for word, (weight, _) in near.items():
        for part in parts_of(word):
            parts[part] = max(parts.get(part, 0.0), weight)
    window = "\n".join([*above, *below])
    return Surroundings(
        near=near, imports=imports, parts=parts, attributes=frozenset(_ATTRIBUTE.findall(window)),
        own=frozenset(definition.name for definition in outline.definitions) if outline else frozenset(),
        used=frozenset(word for word, count in counts.items() if count > 0),
        lines=frozenset(line.strip() for line in text.split("\n")), window=window,
    )


def parts_of(word: str) -> list[str]:
    """``readFile_at2`` -> read, file, at, 2."""
    return [part.lower() for part in _PARTS.findall(word)]


def _above(text: str, offset: int) -> list[str]:
    """At most :data:`ABOVE` lines that end at the caret, the caret's own last, cut there."""
    return text[max(0, offset - 200 * ABOVE):offset].split("\n")[-ABOVE:]


def _below(text: str, offset: int) -> list[str]:
    return text[offset:offset + 200 * BELOW].split("\n")[1:BELOW + 1]
