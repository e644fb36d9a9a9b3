"""Places at which decoding is timed: functions written again, repetitive lines going on, ordinary carets.

Made from real Python files, the same ones for the same seed. What the author wrote there decides nothing about speed:
the model decodes freely.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from kvlsp.config import Settings
from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.laboratory.training.languages import language_of
from kvlsp.syntax.language import Language
from kvlsp.syntax.leaves import leaves

AROUND = 6000, 2000
"""Characters of the file kept before and behind the caret."""
FUNCTION_LINES = (8, 40)
BEGUN = 1 / 3
"""Share of a copy's lines that are there already: enough that a small model, too, sees what is being done."""
RUN_LINES = 6
"""So many lines of one form in a row are a table (or a row of assertions) ..."""
ROW_LEAVES = 4
"""... if a line has so many leaves."""


Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class DecodePrompt:
    """A document with a caret. ``settings`` say how far a completion may go there, ``written`` is what stood in the
    rest of the caret's line where that line was cut, else ""."""

    origin: str
    text: str
    caret: int
    settings: Settings
    written: str = ""


def rewrites(files: Sequence[SourceFile], count: int, settings: Settings, seed: int = 0) -> list[DecodePrompt]:
    """Behind a function a renamed copy of it is begun: its head and :data:`BEGUN` of its body; the rest is wanted."""
    far = _far(settings)
    found = []
    for file, function in _shuffled(_functions(files), seed)[:count]:
        lines = file.text.split("\n")
        first, body, last = function
        header = "\n".join(lines[first:body])
        renamed = re.sub(r"def (\w+)", _renamed, header, count=1)
        begun = body + round(BEGUN * (last - body))
        above = "\n".join([*lines[:last], "", renamed, *lines[body:begun], ""])
        found.append(_prompt(file, first, above, "\n" + "\n".join(lines[last:]), far))
    return found


def repetitive(files: Sequence[SourceFile], count: int, settings: Settings, seed: int = 0) -> list[DecodePrompt]:
    """In the middle of lines of one form (tables, assertions, registrations), the rest of them taken away."""
    far = _far(settings)
    found = []
    for file, (first, last) in _shuffled(_runs(files), seed)[:count]:
        lines = file.text.split("\n")
        caret = first + max(4, (last - first) // 2)
        indent = lines[caret][: _indent(lines[caret])]
        above = "\n".join([*lines[:caret], indent])
        found.append(_prompt(file, caret, above, "\n" + "\n".join(lines[last:]), far))
    return found


def ordinary(files: Sequence[SourceFile], count: int, settings: Settings, seed: int = 0,
             around: tuple[int, int] | None = AROUND) -> list[DecodePrompt]:
    """Carets in lines of code, at starts of words; half of the time the file ends there, as while it is written.
    ``around`` bounds the characters that are kept before and behind the caret (None: all of the file)."""
    random = Random(seed)
    found: list[DecodePrompt] = []
    while len(found) < count:
        file = random.choice(files)
        lines = file.text.split("\n")
        number = random.randrange(len(lines))
        line = lines[number]
        if len(line.strip()) < 8 or line.lstrip().startswith(_not_code(file.path)):
            continue
        indent = _indent(line)
        words = [at for at in range(indent + 2, len(line) - 2) if not line[at - 1].isalnum() and line[at].isalnum()]
        column = random.choice([*words, indent])
        above = "\n".join([*lines[:number], line[:column]])
        below = "\n".join(["", *lines[number + 1 :]]) if random.random() < 0.5 else "\n"
        found.append(_prompt(file, number, above, below, settings, line[column:], around))
    return found


def _not_code(path: str) -> tuple[str, ...]:
    """What lines of comments and long strings begin with."""
    return ("#", '"', "'") if language_of(path) == "python" else ("//", "/*", "*", '"', "'", "`")


def _far(settings: Settings) -> Settings:
    """A completion that may span a whole function."""
    return dataclasses.replace(settings, multi_line="always", max_lines=40)


def _prompt(file: SourceFile, line: int, above: str, below: str, settings: Settings, written: str = "",
            around: tuple[int, int] | None = AROUND) -> DecodePrompt:
    if around is not None:
        above, below = above[-around[0] :], below[: around[1]]
    return DecodePrompt(f"{file.path}:{line + 1}", above + below, len(above), settings, written)


def _renamed(match: re.Match[str]) -> str:
    name = match.group(1)
    return f"def {name}_again" if not name.endswith("_") else f"def again_{name.strip('_')}"


def _shuffled(found: Iterator[Found], seed: int) -> list[Found]:
    listed = list(found)
    Random(seed).shuffle(listed)
    return listed


def _functions(files: Sequence[SourceFile]) -> Iterator[tuple[SourceFile, tuple[int, int, int]]]:
    """(file, (first line, first line of the body, line after the end)) of functions and methods, from 0."""
    for file in files:
        tree = ast.parse(file.text)
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        scopes: list[ast.Module | ast.ClassDef] = [tree, *classes]
        for node in (node for scope in scopes for node in scope.body if isinstance(node, ast.FunctionDef)):
            inner = node.body[0]
            decorators = inner.decorator_list if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) else []
            body = min([inner.lineno, *(decorator.lineno for decorator in decorators)]) - 1
            first, last = node.lineno - 1, node.end_lineno or 0
            if body > first and FUNCTION_LINES[0] <= last - first <= FUNCTION_LINES[1]:
                yield file, (first, body, last)


def _runs(files: Sequence[SourceFile]) -> Iterator[tuple[SourceFile, tuple[int, int]]]:
    """(file, (first line, line after the last)) of runs of lines of one form and one indentation, from 0."""
    python = Language.of("python")
    for file in files:
        lines = file.text.split("\n")
        forms = [(_indent(line), leaves(python, line)) for line in lines]
        first = 0
        for number in range(1, len(lines) + 1):
            if number < len(lines) and forms[number] == forms[first]:
                continue
            solid = len(forms[first][1]) >= ROW_LEAVES and len(set(lines[first:number])) > 1
            if number - first >= RUN_LINES and solid:
                yield file, (first, number)
            first = number


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
