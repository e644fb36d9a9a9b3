"""The files of a workspace that may be read, one after the other, without reading any.

A walk looks at names and at what a folder's listing says; a folder that is excluded is not listed at all.
It goes by name, so that two walks of the same tree meet files in the same order. What the disk does not give is passed
over and said.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kvlsp.workspace.ignore import Rules, name_refusal
from kvlsp.workspace.reading import Stamp, refusal_for, refusal_of, stamp_of
from kvlsp.workspace.refusal import Refusal

NAMED: Final = 100
"""Folders of which a walk says by name why they were passed over."""
BREATH: Final = 500
"""Entries after which a walk that finds nothing stops to breathe."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may be read, as it stood when the walk came by."""

    path: Path
    stamp: Stamp


@dataclass(slots=True)
class Walked:
    """What a walk passed over: counts, an excluded folder as one; and what the disk did not give."""

    refused: Counter[Refusal] = field(default_factory=Counter)
    closed: dict[Path, str] = field(default_factory=dict)
    """The first :data:`NAMED` of them, and why."""

    def note(self, folder: Path, error: OSError) -> Refusal:
        """Note a folder, or what is in it, that the disk does not give."""
        refusal = refusal_for(error)
        if refusal is Refusal.CLOSED and len(self.closed) < NAMED:
            self.closed[folder] = error.strerror or "the disk does not say why"
        return refusal


def walk(rules: Rules, walked: Walked | None = None,
         enter: Callable[[Path], None] = lambda folder: None) -> Iterator[SourceFile | None]:
    """Files below ``rules.root``, lazily; a root that is gone has none. None: nothing yet, but time went by.

    ``enter`` is called with a folder before it is listed.
    """
    walked = walked if walked is not None else Walked()
    pending = [rules.root]
    looked = 0
    while pending:
        folder = pending.pop()
        enter(folder)
        files, folders = _listing(folder, walked)
        for entry in files:
            found = _look(entry, rules, walked)
            looked += 1
            if isinstance(found, Refusal):
                walked.refused[found] += 1
                if looked % BREATH == 0:
                    yield None
            else:
                yield found
        for path in reversed(folders):
            refusal = rules.below_folder(path)
            if refusal is None:
                pending.append(path)
            else:
                walked.refused[refusal] += 1
        looked += 1 + len(folders)
        if looked >= BREATH:
            looked = 0
            yield None


def _listing(folder: Path, walked: Walked) -> tuple[list[os.DirEntry[str]], list[Path]]:
    """Entries that are no folders, and folders; both by name. A link is never followed, so it counts as a file."""
    files: list[os.DirEntry[str]] = []
    folders: list[Path] = []
    for entry in sorted(_entries(folder, walked), key=lambda entry: entry.name):
        try:
            is_folder = entry.is_dir(follow_symlinks=False)  # on some disks this asks about the entry itself
        except OSError as error:
            walked.refused[walked.note(Path(entry.path), error)] += 1
            continue
        if is_folder:
            folders.append(Path(entry.path))
        else:
            files.append(entry)
    return files, folders


def _entries(folder: Path, walked: Walked) -> list[os.DirEntry[str]]:
    """What the disk tells before it fails."""
    found: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.append(entry)
    except OSError as error:
        walked.refused[walked.note(folder, error)] += 1
    return found


def _look(entry: os.DirEntry[str], rules: Rules, walked: Walked) -> SourceFile | Refusal:
    refusal = name_refusal(entry.name)
    if refusal is not None:
        return refusal
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return walked.note(Path(entry.path), error)
    path = Path(entry.path)
    refusal = refusal_of(status) or rules.listed(path, is_folder=False)
    return refusal or SourceFile(path, stamp_of(status))
