"""Files that the default model has never seen: the option that names them, and what it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kvlsp.default_model.corpus import SourceFile

FromOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--from",
        help="Folder with installed held-out packages, or a corpus.jsonl; repeat.",
        show_default=False,
    ),
]


def held_out(sources: Sequence[Path] | None) -> list[SourceFile]:
    """Held-out files below the folders (default: this interpreter's packages) or of a saved corpus.

    Raises :class:`kvlsp.errors.ConfigurationError` when none is installed.
    """
    from kvlsp.default_model.corpus import default_folders, held_out_files, load_corpus
    from kvlsp.default_model.deny_list import HELD_OUT_PACKAGES
    from kvlsp.errors import ConfigurationError

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
