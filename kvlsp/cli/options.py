"""Options that several commands share: which model, where it runs, machine-readable output."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError

ModelOption = Annotated[str, typer.Option(
    "--model", help="Folder or hub id of the model; the default model if left out.", show_default=False)]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or mps.")]
DtypeOption = Annotated[str, typer.Option("--dtype", help="auto, float32, bfloat16, float16 or int8.")]
ThreadsOption = Annotated[int, typer.Option("--threads", help="Threads of a forward; 0: all cores but one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text for people.")]


def settings_of(**chosen: Any) -> Settings:
    """Settings from options of the command line, checked like those of an editor.

    Raises :class:`kvlsp.errors.ConfigurationError` that names the option.
    """
    return Settings.read({name: value for name, value in chosen.items() if value not in ("", None)})


def model_folder(model: str) -> Path | None:
    """The folder that ``--model`` names, None for the default model. Raises :class:`ConfigurationError`."""
    if model and not Path(model).is_dir():
        raise ConfigurationError(f"{model} is no folder. This measurement needs a model's folder on disk.")
    return Path(model) if model else None


def with_part(part: str, names: Iterable[str], what: str) -> list[str]:
    """Those of ``names`` that have ``part``. Raises :class:`ConfigurationError` where none has."""
    known = list(names)
    found = [name for name in known if part in name]
    if not found:
        raise ConfigurationError(f"No {what} has {part!r} in its name. There are: {'; '.join(known)}.")
    return found


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    json_format.dump(value, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")
