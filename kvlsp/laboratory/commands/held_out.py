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
LanguageOption = Annotated[
    str, typer.Option("--language", help="Files of this language: python, javascript, typescript or tsx.")
]
CountOption = Annotated[int, typer.Option("--count", help="How many places are drawn.", min=1)]


@dataclass(frozen=True, slots=True)
class Drawn:
    """So many places in held-out files, drawn by a seed."""

    count: int
    sources: Sequence[Path] | None
    seed: int
    language: str = "python"

    def files(self) -> list[SourceFile]:
        """As :func:`held_out` finds them."""
        return held_out(self.sources, self.language)

    def workspace(self) -> list[SourceFile]:
        """What held-out packages hold in any language: what a workspace's memory reads."""
        if self.sources and self.sources[0].suffix in _SAVED:
            return _saved(self.sources[0])
        return self.files()


_SAVED = (".jsonl", ".xz")


def _saved(corpus: Path) -> list[SourceFile]:
    from kvlsp.laboratory.training.corpus import load_corpus

    return list(load_corpus(corpus, ["held_out"]).held_out)


def with_drawn_places(count: int) -> Callable[[Command], Command]:
    """Gives a command ``--count --from --seed --language``; its parameter ``drawn`` is a :class:`Drawn`."""
    options = {
        "count": (CountOption, count),
        "from_": (FromOption, None),
        "seed": (SeedOption, 0),
        "language": (LanguageOption, "python"),
    }
    return with_options("drawn", options, lambda from_, **drawn: Drawn(sources=from_, **drawn))


def held_out(sources: Sequence[Path] | None, language: str = "python") -> list[SourceFile]:
    """Held-out files in ``language``, below the folders (default: this interpreter's packages) or of a saved corpus.

    Only a saved corpus has other languages than Python. Raises :class:`kvlsp.errors.ConfigurationError` when there are
    none.
    """
    from kvlsp.errors import ConfigurationError
    from kvlsp.laboratory.training.corpus import default_folders, held_out_files
    from kvlsp.laboratory.training.deny_list import HELD_OUT_PACKAGES
    from kvlsp.laboratory.training.languages import language_of

    if sources and sources[0].suffix in _SAVED:
        files = [file for file in _saved(sources[0]) if language_of(file.path) == language]
        if not files:
            raise ConfigurationError(f"{sources[0]} has no held-out files in {language}.")
    elif language != "python":
        raise ConfigurationError(f"Held-out files in {language} are in a saved corpus only: name one with --from.")
    else:
        files = held_out_files(sources or default_folders())
    if not files:
        raise ConfigurationError(
            f"None of the held-out packages ({', '.join(HELD_OUT_PACKAGES)}) is installed here. "
            "Install one or name a folder with --from."
        )
    return files
