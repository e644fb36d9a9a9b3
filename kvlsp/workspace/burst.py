"""Changes gathered until the disk is quiet, so that a branch switch of thousands of files is one event.

Thread-safe: a file watcher and the editor note from their threads, the owner takes. Times are handed in. What names
alone exclude is dropped at once (what is in a repository's own folder changes at every command); .gitignore is not
looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kvlsp.workspace.ignore import OF_RULES, folder_name_refusal, name_refusal

QUIET: Final = 0.3
"""Seconds without a change that end a burst."""
PATIENCE: Final = 3.0
"""Seconds after which a burst is handed out although it goes on."""
MOST: Final = 1000
"""Paths that are remembered one by one; beyond it the whole root is scanned, and memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Files to be read again, and roots to be scanned; sorted. A path may be gone, or be a folder that is gone."""

    paths: tuple[Path, ...]
    rescan: tuple[Path, ...]


class Burst:
    """What has changed since it was last taken, of any number of roots."""

    def __init__(self, began: Callable[[], None] = lambda: None) -> None:
        """``began`` is called, in the thread that notes, when the first change comes after :meth:`take`."""
        self._began = began
        self._lock = threading.Lock()
        self._paths: dict[Path, set[Path]] = {}
        self._rescan: set[Path] = set()
        self._first = self._last = 0.0

    def note(self, root: Path, path: Path, now: float, *, folder: bool = False) -> None:
        """Something happened to a path below a root; ``folder``: it is, or was, known to be one."""
        parts = path.relative_to(root).parts
        if not parts:
            self.rescan(root, now)
        elif any(folder_name_refusal(part) for part in parts[:-1]):
            return
        elif parts[-1] in OF_RULES or (folder and not folder_name_refusal(parts[-1])):
            self.rescan(root, now)
        elif name_refusal(parts[-1]) is None or _may_be_folder(path):
            with self._lock:
                self._mark(now)
                if root not in self._rescan:
                    paths = self._paths.setdefault(root, set())
                    paths.add(path)
                    if len(paths) > MOST:
                        del self._paths[root]
                        self._rescan.add(root)

    def rescan(self, root: Path, now: float) -> None:
        """What happened below this root is not known, or is too much to list: it has to be scanned."""
        with self._lock:
            self._mark(now)
            self._paths.pop(root, None)
            self._rescan.add(root)

    def forget(self, root: Path) -> None:
        with self._lock:
            self._paths.pop(root, None)
            self._rescan.discard(root)

    def due(self, now: float) -> float | None:
        """Seconds until :meth:`take` will have something, if nothing more happens; None: nothing waits."""
        with self._lock:
            if not self._paths and not self._rescan:
                return None
            return max(min(self._last + QUIET, self._first + PATIENCE) - now, 0.0)

    def take(self, now: float) -> Changes | None:
        """All that has changed, once it is quiet or has gone on for long; None before."""
        if self.due(now) != 0.0:
            return None
        with self._lock:
            changes = Changes(tuple(sorted(set().union(*self._paths.values()))), tuple(sorted(self._rescan)))
            self._paths.clear()
            self._rescan.clear()
            return changes

    def _mark(self, now: float) -> None:
        if not self._paths and not self._rescan:
            self._first = now
            self._began()
        self._last = now


def _may_be_folder(path: Path) -> bool:
    """An editor does not say whether what it deleted was a folder; one without a dot in its name may have been."""
    return not path.suffix and folder_name_refusal(path.name) is None
