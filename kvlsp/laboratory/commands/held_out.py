"""Files that the default model has never seen: the options that name and draw from them, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kvlsp.cli.options import Command, with_options

if TYPE_CHECKING:
    from kvlsp.laboratory.training.corpus import SourceFile

FromOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        help="Folder where held-out packages are installed, or a corpus.jsonl; repeat for more.",
        show_default=False,
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="Which places are drawn.")]
CountOption = Annotated[int, typer.Option("--count", help="How many places are drawn.", min=1)]


@dataclass(frozen=True, slots=True)
class Drawn:
    """So many places in held-out files, drawn by a seed."""

    count: int
    sources: Sequence[Path] | None
    seed: int

    def files(self) -> list[SourceFile]:
        """As :func:`held_out` finds them."""
        return held_out(self.sources)


def with_drawn_places(count: int) -> Callable[[Command], Command]:
    """Gives a command ``--count --from --seed``; its parameter ``drawn`` is a :class:`Drawn`."""
    options = {"count": (CountOption, count), "from_": (FromOption, None), "seed": (SeedOption, 0)}
    return with_options("drawn", options, lambda from_, **drawn: Drawn(sources=from_, **drawn))


def held_out(sources: Sequence[Path] | None) -> list[SourceFile]:
    """Held-out files below the folders (default: this interpreter's packages) or of a saved corpus.

    Raises :class:`kvlsp.errors.ConfigurationError` when none is installed.
    """
    from kvlsp.errors import ConfigurationError
    from kvlsp.laboratory.training.corpus import default_folders, held_out_files, load_corpus
    from kvlsp.laboratory.training.deny_list import HELD_OUT_PACKAGES

    if sources and sources[0].suffix == ".jsonl":
        files = list(load_corpus(sources[0]).held_out)
    else:
        files = held_out_files(sources or default_folders())
    if not files:
        raise ConfigurationError(
            f"None of the held-out packages ({', '.join(HELD_OUT_PACKAGES)}) is installed here. "
            "Install one or name a folder with --from."
        )
    return files
