"""Where rows are kept: a folder of the user's alone, bounded in bytes, the longest unused going first.

A file's name is a digest of the document's name, so a listing of the folder tells nobody what was edited; but the files
themselves hold the text, as numbers of tokens.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from kvlsp.shelf.file import ENDING, UNFINISHED, about

UNUSED_DAYS: Final = 60
SHARE: Final = 0.25
_ABANDONED: Final = 600.0
"""Seconds after which an unfinished file belongs to a process that has died."""


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


class Folder:
    """``bound`` in bytes over all files, of all models."""

    def __init__(self, path: Path, bound: int) -> None:
        self.path, self.bound = path, bound

    def file(self, key: str, document: str) -> Path:
        """Where the rows of a document are, or would be, for the model ``key``."""
        name = hashlib.sha256(f"{key} {document}".encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return self.path / f"{name}{ENDING}"

    def prepare(self) -> None:
        """Have the folder; nobody else may look into it. Raises :class:`OSError`."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix" and self.path.stat().st_mode & 0o077:
            self.path.chmod(0o700)

    def used(self, file: Path) -> None:
        """It is of use now."""
        with contextlib.suppress(OSError):
            os.utime(file)

    def sweep(self, now: float | None = None, free: int | None = None) -> int:
        """Keep the bound, and to a share of the disk: :data:`SHARE` of what is ``free`` there (None: looked up now)
        without these files. Bytes that are left. ``now`` in seconds since 1970."""
        now = time.time() if now is None else now
        found = []
        for path in self._all():
            with contextlib.suppress(OSError):
                stat = path.stat()
                abandoned = path.suffix == UNFINISHED and stat.st_mtime < now - _ABANDONED
                if abandoned or stat.st_mtime < now - UNUSED_DAYS * 86_400:
                    path.unlink()
                else:
                    found.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in found)
        bound = self._bound_now(total, free)
        for _, size, path in sorted(found, key=lambda one: one[0]):
            if total <= bound:
                break
            if path.suffix == ENDING:
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= size
        return total

    def takes(self, nbytes: int, free: int | None = None) -> bool:
        """Whether a file of ``nbytes`` may be written, for which the others may have to go; ``free`` as in
        :meth:`sweep`."""
        total = 0
        for path in self._all():
            with contextlib.suppress(OSError):
                total += path.stat().st_size
        return nbytes <= self._bound_now(total, free)

    def _bound_now(self, total: int, free: int | None) -> int:
        """Bytes that the folder may hold today, where ``total`` are in it."""
        return min(self.bound, int(SHARE * (total + (self._free() if free is None else free))))

    def _free(self) -> int:
        """Bytes that this user may still write where the folder is; plenty where nobody can tell."""
        try:
            return shutil.disk_usage(self.path).free
        except OSError:
            return 1 << 62

    def show(self) -> list[Shown]:
        """What is kept, by model; unfinished files and such as say nothing of themselves under an empty name."""
        documents: Counter[str] = Counter()
        rows: Counter[str] = Counter()
        nbytes: Counter[str] = Counter()
        for path in self._all():
            known = about(path) if path.suffix == ENDING else {}
            name = known.get("name", "")
            with contextlib.suppress(OSError, ValueError):
                nbytes[name] += path.stat().st_size
                documents[name] += path.suffix == ENDING
                rows[name] += int(known.get("rows", 0))
        return [Shown(name, documents[name], rows[name], nbytes[name]) for name in sorted(nbytes)]

    def clear(self) -> tuple[int, int]:
        """Delete all; how many files, and their bytes. Raises :class:`OSError` where one cannot be deleted."""
        count = size = 0
        for path in self._all():
            nbytes = path.stat().st_size
            path.unlink(missing_ok=True)
            count, size = count + 1, size + nbytes
        return count, size

    def _all(self) -> list[Path]:
        return [path for ending in (ENDING, UNFINISHED) for path in sorted(self.path.glob(f"*{ending}"))]
