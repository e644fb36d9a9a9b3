"""Real files: what stood at a place fits there; text of the same file at a wrong place is never glued to what follows.

Python's own library, and any files below the folder that KVLSP_SOURCES names, each in the language of its ending.
"""

from __future__ import annotations

import os
import random
import sysconfig
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from kvlsp.completion.fit import fit
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.window import WINDOW

pytestmark = pytest.mark.slow

FILES, PLACES, LONGEST = 40, 8, 30_000
PYTHON = ("argparse", "ast", "calendar", "configparser", "csv", "difflib", "enum", "shutil", "textwrap", "uuid",
          "zipfile")


def sources() -> list[tuple[Language, str]]:
    library = Path(sysconfig.get_path("stdlib"))
    found = [library / f"{name}.py" for name in PYTHON]
    if "KVLSP_SOURCES" in os.environ:
        found += sorted(Path(os.environ["KVLSP_SOURCES"]).rglob("*"))
    texts: list[tuple[Language, str]] = []
    count = Counter[str]()
    for path in found:
        language = Language.of(path.name)
        if language is None or not path.is_file() or count[language.name] == FILES:
            continue
        text = path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")[:LONGEST].rpartition("\n\n")[0]
        if text and not language.parse(text).root_node.has_error:
            texts.append((language, text + "\n"))
            count[language.name] += 1
    return texts


def words(line: str) -> list[int]:
    """Columns at which a word or a mark begins, behind the indentation."""
    indent = len(line) - len(line.lstrip())
    return [column for column in range(indent, len(line)) if not line[column].isspace()
            and (column == indent or line[column].isalnum() != line[column - 1].isalnum() or line[column] in "()[]{}")]


def place(language: Language, text: str, start: int, end: int) -> Place:
    return Place.at(text[max(0, start - WINDOW) : start], text[end : end + WINDOW], language)


def shown(before: str, text: str, behind: str) -> str:
    return f"{before[-100:]!r} | {text!r} | {behind[:100]!r}"


def too_many(judged: Counter[str], wrong: dict[str, list[str]]) -> None:
    """More than one in 200 of a language."""
    found = {name: those for name, those in wrong.items() if len(those) > max(1, 0.005 * judged[name])}
    lines = [f"{name}, {len(those)} of {judged[name]}: {one}" for name, those in found.items() for one in those]
    assert not found, "\n".join(lines)


def test_the_rest_of_a_line_fits_where_it_stood():
    judged, refused = Counter[str](), defaultdict[str, list[str]](list)
    for language, text in sources():
        rng = random.Random(len(text))
        lines = text.split("\n")
        for _ in range(PLACES):
            number = rng.choice([number for number, line in enumerate(lines) if len(line.strip()) > 3])
            start = len("\n".join([*lines[:number], ""])) + rng.choice(words(lines[number]))
            end = len("\n".join(lines[: number + 1]))
            judged[language.name] += 1
            if fit(place(language, text, start, end), text[start:end]) != text[start:end]:
                refused[language.name].append(shown(text[:start], text[start:end], text[end:]))
    too_many(judged, refused)


def test_no_line_of_the_file_is_glued_to_another():
    """A caret in a text that parses: with what fits there it still does."""
    offered, glued = Counter[str](), defaultdict[str, list[str]](list)
    for language, text in sources():
        rng = random.Random(len(text))
        lines = [line for line in text.split("\n") if len(line.strip()) > 3]
        starts = [number for number, line in enumerate(text.split("\n")) if len(line.strip()) > 3]
        for _ in range(PLACES):
            number = rng.choice(starts)
            line = text.split("\n")[number]
            caret = len("\n".join([*text.split("\n")[:number], ""])) + rng.choice([0, *words(line)])
            following = text[caret:].split("\n")
            for given in (following[0], "\n".join(following[1:4]).lstrip(), rng.choice(lines).strip()):
                if given.strip() and (got := fit(place(language, text, caret, caret), given)):
                    offered[language.name] += 1
                    if language.parse(text[:caret] + got + text[caret:]).root_node.has_error:
                        glued[language.name].append(shown(text[:caret], got, text[caret:]))
    too_many(offered, glued)
