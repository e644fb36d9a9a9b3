"""A place in a file as a person writes it: ``PATH:LINE:COL``, line and column counted from 1."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from kvlsp import plain_file
from kvlsp.errors import DocumentError, PositionError
from kvlsp.text.rope import Rope

CaretArgument = Annotated[str, typer.Argument(
    metavar="PATH:LINE:COL", help="Where the caret is; line and column count from 1.", show_default=False)]

LONGEST = 256 << 20
"""Bytes of a text, which is as much as an editor's message can bring."""

_CARET = re.compile(r"(?P<path>.+):(?P<line>\d{1,18}):(?P<column>\d{1,18})", re.DOTALL)


class Caret(NamedTuple):
    """A caret in the text of a file. ``offset`` counts characters; ``line`` and ``column`` count from 1."""

    path: Path
    line: int
    column: int
    text: str
    offset: int

    @classmethod
    def read(cls, argument: str) -> Caret:
        """The caret that the argument names, in the file as it is now.

        Raises :class:`PositionError` where there is no such place, and :class:`DocumentError` where the file cannot
        be read.
        """
        path, line, column = read_place(argument)
        text = read_source(path)
        return cls(path, line, column, text, offset_in(text, line, column, path))


def read_place(argument: str) -> tuple[Path, int, int]:
    """``PATH:LINE:COL``; the path may contain colons. Raises :class:`PositionError`."""
    found = _CARET.fullmatch(argument)
    if found is None or int(found["line"]) < 1 or int(found["column"]) < 1:
        raise PositionError(f"{argument} is not a place in a file. Write it like src/app.py:12:5; line and column "
                            "count from 1.")
    return Path(found["path"]), int(found["line"]), int(found["column"])


def read_source(path: Path) -> str:
    """The text of a file, line ends as they are. Raises :class:`DocumentError`."""
    try:
        data = plain_file.read(path, LONGEST, pipes=True)
    except OSError as error:
        raise DocumentError(f"{path} cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise DocumentError(f"{path} cannot be read: {error}.") from error
    return decoded(data, str(path))


def read_input(name: str = "standard input") -> str:
    """The text that comes over standard input; else as :func:`read_source`."""
    data = sys.stdin.buffer.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise DocumentError(f"The text from {name} is longer than {LONGEST >> 20} MB, the most that kvlsp reads.")
    return decoded(data, f"The text from {name}")


def decoded(data: bytes, what: str) -> str:
    """Raises :class:`DocumentError` that says that ``what`` is no text."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"{what} is not UTF-8 (byte {error.start} is not). kvlsp reads UTF-8 only; convert it "
                            "first.") from error


def offset_in(text: str, line: int, column: int, path: Path) -> int:
    """Offset of a place in characters. Raises :class:`PositionError` for a place outside the text."""
    rope = Rope.of(text)
    if line > rope.line_count:
        raise PositionError(f"{path} has {rope.line_count} lines; there is no line {line}.")
    start = rope.line_start(line - 1)
    length = rope.line_end(line - 1) - start
    if column > length + 1:
        raise PositionError(f"Line {line} of {path} has {length} characters; there is no column {column}.")
    return start + column - 1
