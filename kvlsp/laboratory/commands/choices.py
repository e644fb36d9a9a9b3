"""Options that several measurements have, and what they name: a model's folder, some of the known names, numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from kvlsp.errors import ConfigurationError
from kvlsp.model.checkpoint import as_path

RepeatsOption = Annotated[int, typer.Option(min=1, help="Runs of which the median is taken.")]
ProcessorTimeOption = Annotated[
    bool, typer.Option("--processor-time", help="Measure milliseconds of the processor: other work may run meanwhile.")
]


def model_folder(model: str) -> Path | None:
    """The folder that ``--model`` names, None for the default model. Raises :class:`ConfigurationError`."""
    folder = as_path(model) if model else None
    if model and (folder is None or not folder.is_dir()):
        raise ConfigurationError(f"{model} is not a folder. This measurement needs a model that lies in a folder, "
                                 "written like ./models/mine or with its whole path.")
    return folder


def with_part(part: str, names: Iterable[str], what: str) -> list[str]:
    """Those of ``names`` that have ``part``. Raises :class:`ConfigurationError` where none has."""
    known = list(names)
    found = [name for name in known if part in name]
    if not found:
        raise ConfigurationError(f"No {what} has {part!r} in its name. The names are: {'; '.join(known)}.")
    return found


def numbers(given: str) -> tuple[int, ...]:
    """``2048,8192`` as numbers. Raises :class:`ConfigurationError`."""
    try:
        return tuple(int(part) for part in given.split(","))
    except ValueError:
        raise ConfigurationError(f"{given!r} is not a list of numbers. Write them like 2048,8192.") from None
