"""The files of a workspace that may be read, one after the other, without reading any.

A walk looks at names and at what a folder's listing says; a folder that is excluded is not listed at all.
It goes by name, so that two walks of the same tree meet files in the same order. It does not know what an index is.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kvlsp.workspace.ignore import Rules, name_refusal
from kvlsp.workspace.reading import Stamp, refusal_of, stamp_of
from kvlsp.workspace.refusal import Refusal


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may be read, as it stood when the walk came by."""

    path: Path
    stamp: Stamp


def walk(rules: Rules, refused: Counter[Refusal] | None = None) -> Iterator[SourceFile]:
    """Files below ``rules.root``, lazily; a root that is gone has none.

    ``refused`` counts what was passed over, an excluded folder as one. A folder that cannot be listed counts as gone.
    """
    counts = refused if refused is not None else Counter()
    pending = [rules.root]
    while pending:
        folder = pending.pop()
        files, folders = _listing(folder, counts)
        for entry in files:
            found = _look(entry, rules)
            if isinstance(found, Refusal):
                counts[found] += 1
            else:
                yield found
        for path in reversed(folders):
            refusal = rules.below_folder(path)
            if refusal is None:
                pending.append(path)
            else:
                counts[refusal] += 1


def _listing(folder: Path, counts: Counter[Refusal]) -> tuple[list[os.DirEntry[str]], list[Path]]:
    """Entries that are no folders, and folders; both by name. A link is never followed, so it counts as a file."""
    files: list[os.DirEntry[str]] = []
    folders: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    files.append(entry)
    except OSError:
        counts[Refusal.GONE] += 1
    return files, folders


def _look(entry: os.DirEntry[str], rules: Rules) -> SourceFile | Refusal:
    refusal = name_refusal(entry.name)
    if refusal is not None:
        return refusal
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return Refusal.GONE
    path = Path(entry.path)
    refusal = refusal_of(status) or rules.listed(path, is_folder=False)
    return refusal or SourceFile(path, stamp_of(status))
