"""Where rows are kept: a folder of the user's alone (:mod:`kvlsp.bounded_folder`).

A file's name is a digest of the document's name, so a listing of the folder tells nobody what was edited; but the files
themselves hold the text, as numbers of tokens.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from kvlsp.bounded_folder import BoundedFolder
from kvlsp.shelf.file import ENDING, about


def rows_folder() -> Path:
    """Where rows are kept."""
    return user_cache_path("kvlsp", appauthor=False) / "rows"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is kept for one model: ``name`` as people call it."""

    name: str
    documents: int
    rows: int
    nbytes: int


class Folder(BoundedFolder):
    """``bound`` in bytes over all files, of all models, and over what is kept ``beside``."""

    def __init__(self, path: Path, bound: int, beside: tuple[BoundedFolder, ...] = ()) -> None:
        super().__init__(path, bound, ENDING, beside)

    def file(self, key: str, document: str) -> Path:
        """Where the rows of a document are, or would be, for the model ``key``."""
        name = hashlib.sha256(f"{key} {document}".encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return self.path / f"{name}{ENDING}"

    def show(self) -> list[Shown]:
        """What is kept, by model; unfinished files and such as say nothing of themselves under an empty name."""
        documents: Counter[str] = Counter()
        rows: Counter[str] = Counter()
        nbytes: Counter[str] = Counter()
        for path in self.files():
            known = about(path) if path.suffix == ENDING else {}
            name = known.get("name", "")
            with contextlib.suppress(OSError, ValueError):
                nbytes[name] += path.stat().st_size
                documents[name] += path.suffix == ENDING
                rows[name] += int(known.get("rows", 0))
        return [Shown(name, documents[name], rows[name], nbytes[name]) for name in sorted(nbytes)]
