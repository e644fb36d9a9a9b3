"""Whether the bytes of a large file are those that were written: a sum for each page, as quick as reading it.

It is for disks that fail and files that were cut or patched, not against somebody who wants to deceive: whoever can
write into the user's cache folder can do worse.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

PAGE = 4096
_AT_ONCE = 1 << 20

Sums = npt.NDArray[np.uint64]


class PageSums:
    """Of bytes that come in pieces, each of a whole number of words (8 bytes)."""

    def __init__(self) -> None:
        self._found: list[Sums] = []
        self._rest = b""

    def add(self, data: memoryview) -> None:
        """The next bytes."""
        if self._rest:
            missing = PAGE - len(self._rest)
            self._rest += data[:missing]
            data = data[missing:]
            if len(self._rest) < PAGE:
                return
            self._found.append(_sums(self._rest))
            self._rest = b""
        whole = len(data) // PAGE * PAGE
        if whole:
            self._found.append(_sums(data[:whole]))
        self._rest = bytes(data[whole:])

    def all(self) -> Sums:
        """The sums of all pages, which must be whole now."""
        if self._rest:
            raise ValueError("the last page is not whole")
        return np.concatenate(self._found) if self._found else np.zeros(0, np.uint64)


def of_file(path: Path, size: int) -> Sums:
    """The sums of a file's first ``size`` bytes, a whole number of pages. Raises :class:`OSError`, or
    :class:`ValueError` where there are fewer. They are read, not mapped: where a disk fails, or somebody cuts the file
    meanwhile, a mapped page ends the process."""
    found, piece = [np.zeros(0, np.uint64)], memoryview(bytearray(_AT_ONCE))
    with open(path, "rb") as file:
        for first in range(0, size, _AT_ONCE):
            data = piece[: min(_AT_ONCE, size - first)]
            if file.readinto(data) < len(data):
                raise ValueError("the file ends before its last page")
            found.append(_sums(data))
    return np.concatenate(found)


def _sums(data: bytes | memoryview | npt.NDArray[np.uint64]) -> Sums:
    words = data if isinstance(data, np.ndarray) else np.frombuffer(data, np.uint64)
    return words.reshape(-1, PAGE // 8).sum(1, dtype=np.uint64)
