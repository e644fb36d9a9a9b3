"""Places in real files at which suggestions are tried, and texts of the same file that do not belong there.

The places are of every kind: the rest of a line, its beginning, the middle, before a mark at its end, a whole
statement, between brackets or quotes. The texts are what a model gets wrong: the lines that stand below already, the
line twice, some other line, the beginning of one and the end of another.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter

from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import CLOSER_OF

LEAST = 4
"""Characters of a line that is code at all."""
LINES = 10
"""A statement or a pair of brackets of more lines is left out."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Characters [start, end) of a file are taken out, and the caret stands there."""

    kind: str
    start: int
    end: int


def holes(language: Language, text: str, rng: random.Random, each: int) -> Iterator[Hole]:
    """``each`` of every kind that the file has."""
    lines = text.split("\n")
    code = [(number, line.rstrip()) for number, line in enumerate(lines) if len(line.strip()) >= LEAST]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def drawn() -> tuple[int, str, int, int]:
        number, line = rng.choice(code)
        indent = len(line) - len(line.lstrip())
        return starts[number], line, indent, rng.choice(_words(line, indent))

    for _ in range(each if code else 0):
        start, line, _, word = drawn()
        yield Hole("rest of a line", start + word, start + len(line))
        start, _, indent, _ = drawn()
        yield Hole("start of a line", *[start + rng.choice([0, indent, indent // 2])] * 2)
        start, _, _, word = drawn()
        yield Hole("middle of a line", *[start + word] * 2)
        start, line, indent, _ = drawn()
        words = [word for word in _words(line, indent) if word < len(line) - 1]
        if line[-1] in ":;,{" and words:
            yield Hole("before a mark", start + rng.choice(words), start + len(line) - 1)
    if text.isascii():  # bytes are characters
        yield from _of_the_tree(language, text, rng, each)


def wrong_texts(text: str, hole: Hole, rng: random.Random) -> list[str]:
    """What a model may say there that does not belong there."""
    before, own, behind = text[:hole.start], text[hole.start:hole.end], text[hole.end:]
    line, _, rest = behind.partition("\n")
    below = rest.split("\n")[:12]
    filled = [line for line in below if line.strip()] or ["x"]
    above = [line for line in before.split("\n")[:-1][-12:] if line.strip()] or ["y"]
    other = rng.choice([line for line in text.split("\n") if line.strip()]).strip()
    part = own[:rng.randint(0, len(own))]
    indent = before.rpartition("\n")[2]
    found = [
        filled[0].strip(), "\n".join(below[:3]).lstrip(), "\n".join([line, *below[:4]]),
        "\n".join([own + line, *below[:5]]), part + filled[0].strip(), above[-1].strip(), other, part + other,
        other[:rng.randint(1, len(other))], part + other[rng.randint(0, len(other) - 1):], own + own,
        f"{filled[0].strip()}\n{indent}" if not indent.strip() else own + line.strip()[:3],
    ]
    return [one for one in found if one.strip()]


def _words(line: str, indent: int) -> list[int]:
    """Columns at which a word, a bracket or a mark begins."""
    def kind(character: str) -> str:
        if character.isalnum() or character == "_":
            return "word"
        return character if character in "()[]{}" else "mark"

    return [at for at in range(indent, len(line)) if not line[at].isspace() and (
        at == indent or line[at - 1].isspace() or kind(line[at - 1]) != kind(line[at]) or line[at] in "()[]{}")]


def _of_the_tree(language: Language, text: str, rng: random.Random, each: int) -> Iterator[Hole]:
    root = language.parse(text).root_node
    statements, brackets, quotes = [], [], []
    query = language.query("statements")
    found = tree_sitter.QueryCursor(query).captures(root).get("statement", []) if query is not None else []
    for node in found:
        alone = not text[:node.start_byte].rpartition("\n")[2].strip() and text[node.end_byte:][:1] in ("\n", "")
        if alone and node.end_point[0] - node.start_point[0] < LINES:
            statements.append(Hole("statement", node.start_byte, node.end_byte))
    waiting = [root]
    while waiting:
        node = waiting.pop()
        children = node.children
        waiting.extend(children)
        if node.end_point[0] - node.start_point[0] >= LINES or node.end_byte - node.start_byte <= LEAST:
            continue
        if len(children) >= 2 and CLOSER_OF.get(children[0].type) == children[-1].type:
            brackets.append(Hole("between brackets", children[0].end_byte, children[-1].start_byte))
        written = text[node.start_byte:node.end_byte]
        if language.leaves.get(node.type) == "string" and "\n" not in written and written[-1] in "\"'`" and (
                written.count(written[-1]) == 2):
            start, end = node.start_byte + written.index(written[-1]) + 1, node.end_byte - 1
            quotes.append(Hole("between quotes", rng.randint(start, end) if rng.random() < 0.5 else start, end))
    for kind in (statements, brackets, quotes):
        yield from rng.sample(sorted(kind, key=lambda hole: (hole.start, hole.end)), min(each, len(kind)))
