"""A folder of files that can be made again: the user's alone, bounded in bytes, the longest unused going first."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

UNFINISHED: Final = ".part"
UNUSED_DAYS: Final = 60
SHARE: Final = 0.25
_ABANDONED: Final = 600.0
"""Seconds after which an unfinished file belongs to a process that has died."""


@contextlib.contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file for the user alone, which is at ``path`` when it is whole: where an error ends the block, what was there
    before still is. Raises :class:`OSError`."""
    number, name = tempfile.mkstemp(UNFINISHED, path.stem + "-", path.parent)  # mode 0600
    try:
        with open(number, "wb") as file:
            yield file
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


class BoundedFolder:
    """Files whose names end with ``ending``, and unfinished ones: ``bound`` in bytes over all of them and those of the
    folders ``beside``, which are bounded by somebody else."""

    def __init__(self, path: Path, bound: int, ending: str, beside: tuple[BoundedFolder, ...] = ()) -> None:
        self.path, self.bound, self._ending, self._beside = path, bound, ending, beside

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
        for path in self.files():
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
            if path.suffix == self._ending:
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= size
        return total

    def takes(self, nbytes: int, free: int | None = None) -> bool:
        """Whether a file of ``nbytes`` may be written, for which the others may have to go; ``free`` as in
        :meth:`sweep`."""
        return nbytes <= self._bound_now(self.held(), free)

    def held(self) -> int:
        """Bytes in it now."""
        total = 0
        for path in self.files():
            with contextlib.suppress(OSError):
                total += path.stat().st_size
        return total

    def clear(self) -> tuple[int, int]:
        """Delete all; how many files, and their bytes. Raises :class:`OSError` where one cannot be deleted."""
        count = size = 0
        for path in self.files():
            nbytes = path.stat().st_size
            path.unlink(missing_ok=True)
            count, size = count + 1, size + nbytes
        return count, size

    def _bound_now(self, total: int, free: int | None) -> int:
        """Bytes that the folder may hold today, where ``total`` are in it."""
        beside = sum(one.held() for one in self._beside)
        total += beside
        return min(self.bound, int(SHARE * (total + (self._free() if free is None else free)))) - beside

    def _free(self) -> int:
        """Bytes that this user may still write where the folder is; plenty where nobody can tell."""
        try:
            return shutil.disk_usage(self.path).free
        except OSError:
            return 1 << 62

    def files(self) -> list[Path]:
        """All of them."""
        return [path for ending in (self._ending, UNFINISHED) for path in sorted(self.path.glob(f"*{ending}"))]
