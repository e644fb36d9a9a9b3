"""The text that a benchmark edits: a file that is named, or files of kvlsp's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import kvlsp
from kvlsp import plain_file
from kvlsp.errors import DocumentError

LONGEST = 256 << 20
"""Bytes of a document."""

FileArgument = Annotated[Path | None, typer.Argument(help="The document; files of kvlsp's own if left out.")]


def document(file: Path | None) -> str:
    """The text to measure on. Raises :class:`kvlsp.errors.DocumentError` when it cannot be read."""
    if file is None:
        folder = Path(kvlsp.__file__).parent
        return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*/*.py")))[:40_000]
    try:
        return plain_file.read(file, LONGEST).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise DocumentError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
