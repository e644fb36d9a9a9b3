"""``kvlsp complete``: one completion in a file, without an editor and without a daemon."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kvlsp.cli.options import (
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    ThreadsOption,
    print_json,
    settings_of,
)
from kvlsp.errors import DocumentError, PositionError
from kvlsp.text.rope import Rope

if TYPE_CHECKING:
    from kvlsp.engine.oneshot import Completion

app = typer.Typer()

_PLACE = re.compile(r"(?P<path>.+):(?P<line>\d+):(?P<column>\d+)", re.DOTALL)


@app.command()
def complete(
    place: Annotated[str, typer.Argument(
        metavar="PATH:LINE:COL", help="Where the caret is; both count from 1.", show_default=False)],
    model: ModelOption = "",
    device: DeviceOption = "auto",
    dtype: DtypeOption = "auto",
    threads: ThreadsOption = 0,
    cross_file: Annotated[bool, typer.Option(
        "--cross-file", help="Show the model what suits the place from other files of the project.")] = False,
    json: JsonOption = False,
) -> None:
    """Print the text to insert at a place of a file.

    Prints nothing and says why on standard error when there is nothing to insert.
    """
    settings = settings_of(model=model, device=device, dtype=dtype, threads=threads)
    path, line, column = read_place(place)
    text = read_source(path)
    offset = offset_in(text, line, column, path)

    from kvlsp.cli.beside import beside
    from kvlsp.engine.model import open_model
    from kvlsp.engine.oneshot import complete_text

    others = None
    if cross_file:
        with _waiting("reading the project's files"):
            others = beside(text, offset, path, settings)
    with _waiting("loading the model"):
        loaded = open_model(settings)
    with _waiting("completing"):
        completion = complete_text(loaded, text, offset, path.name, settings, others)
    _print(completion, path, line, column, json)


def read_place(place: str) -> tuple[Path, int, int]:
    """``PATH:LINE:COL``; the path may contain colons. Raises :class:`PositionError`."""
    found = _PLACE.fullmatch(place)
    if found is None or int(found["line"]) < 1 or int(found["column"]) < 1:
        raise PositionError(f"{place} names no place in a file; write it like src/app.py:12:5, "
                            "line and column counted from 1.")
    return Path(found["path"]), int(found["line"]), int(found["column"])


def read_source(path: Path) -> str:
    """The text of a file, line ends as they are. Raises :class:`DocumentError`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path} cannot be read ({error.strerror}).") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path} is not UTF-8 (byte {error.start}); kvlsp reads UTF-8 only.") from error


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


def _print(completion: Completion, path: Path, line: int, column: int, json: bool) -> None:
    reason = None if completion.reason is None else str(completion.reason)
    if json:
        print_json({"path": str(path), "line": line, "column": column, "text": completion.text,
                    "reason": reason, "report": dict(completion.report)})
    elif completion.text:
        # a lone surrogate has no bytes of its own
        sys.stdout.buffer.write(completion.text.encode("utf-8", "replace") + b"\n")
    else:
        typer.echo(f"Nothing to insert ({(reason or 'nothing_to_say').replace('_', ' ')}).", err=True)


def _waiting(what: str) -> Any:
    """Shows on standard error, for people only, that something takes a while."""
    from rich.console import Console

    return Console(stderr=True).status(f"{what} ...")
