"""Files that rules were read from and that nobody watches: a repository's own, and those of the user.

    outside = Outside()
    outside.note([Path.home() / ".gitconfig"])      # there or not
    outside.changed                                 # whether one of them is another than it was then
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class Outside:
    """A few files, each by what the disk says of it; links are followed. It reads none."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, ...]] = {}

    def note(self, files: Iterable[Path]) -> None:
        """Of these files the rules are what they are now."""
        for file in files:
            self._known.setdefault(file, _state(file))

    @property
    def changed(self) -> bool:
        """Whether one was written, put in another's place, deleted, or has come into being."""
        return any(_state(file) != state for file, state in self._known.items())


def _state(file: Path) -> tuple[int, ...]:
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
