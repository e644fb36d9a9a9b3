"""The roots of one editor: an index each, one watcher, the open documents; kept up to date in small steps.

    workspace = Workspace(exclude=settings.exclude)
    workspace.add(root)
    while workspace.step():        # whenever nothing else waits; each step reads one file at most
        ...

The owner decides when a step is taken, so indexing never competes with a completion. One thread; :meth:`changed` alone
may be called from others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from kvlsp.errors import WorkspaceError
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.index import Index, ScanProgress
from kvlsp.workspace.outline import Outliner, outline_of
from kvlsp.workspace.watcher import Watcher


class Workspace:
    """See the module. ``folder``: where indexes are kept, the cache folder if None."""

    def __init__(self, exclude: Sequence[str] = (), watcher: Watcher | None = None, folder: Path | None = None,
                 outline: Outliner = outline_of) -> None:
        self._outline = outline
        self.watcher = watcher or Watcher()
        self._exclude = tuple(exclude)
        self._folder = folder
        self._indexes: dict[Path, Index] = {}
        self._open: dict[Path, str] = {}
        self._scans: dict[Path, Iterator[ScanProgress]] = {}
        self._paths: list[Path] = []
        self._progress: dict[Path, ScanProgress] = {}
        self._lost: dict[Path, int] = {}
        self._mending: set[Path] = set()
        """Roots whose index was damaged and is being filled again."""
        self.worked = False
        """Whether the last step did anything but look around."""

    @property
    def indexes(self) -> tuple[Index, ...]:
        """By root."""
        return tuple(self._indexes[root] for root in sorted(self._indexes))

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about roots that cannot be watched, indexes that cannot be kept, files that cannot be read."""
        kept = [index.problem for index in self.indexes if index.problem]
        mending = [f"The index of {root} was damaged and is made again; until then less of other files is found."
                   for root in sorted(self._mending)]
        passed_over = [sentence for index in self.indexes for sentence in index.passed_over]
        return (*(self.watcher.problems[root] for root in sorted(self.watcher.problems)), *kept, *mending, *passed_over)

    @property
    def progress(self) -> ScanProgress | None:
        """Of all scans together; None when none runs. ``total`` is None while one still looks for changed files."""
        running = [self._progress.get(root, ScanProgress(0, None)) for root in self._scans]
        if not running:
            return None
        totals = [progress.total for progress in running]
        whole = None if None in totals else sum(total for total in totals if total is not None)
        return ScanProgress(sum(progress.done for progress in running), whole)

    def add(self, root: Path) -> None:
        """A root from now on; its files are indexed in the steps that follow. A root that is not there yet may come."""
        root = Path(os.path.realpath(root))
        if root not in self._indexes:
            rules = Rules(root, self._exclude)
            self._indexes[root] = Index(rules, self._folder, self._outline)
            self._lost[root] = 0
            self.watcher.add(root, lambda: rules.outdated)
            self._begin_scan(root)
            self._send_open(root)

    def remove(self, root: Path) -> None:
        """:class:`WorkspaceError` when it is no root."""
        root = Path(os.path.realpath(root))
        if root not in self._indexes:
            raise WorkspaceError(f"{root} is not a root of the workspace; nothing was removed.")
        self.watcher.remove(root)
        self._scans.pop(root, None)
        self._progress.pop(root, None)
        self._mending.discard(root)
        self._indexes.pop(root).close()

    def open_document(self, path: Path, text: str) -> None:
        """The text of a document that is open, or has changed; the disk does not count until it is closed."""
        self._open[path] = text
        for index in self._over(path):
            index.open_document(path, text)

    def close_document(self, path: Path) -> None:
        if self._open.pop(path, None) is not None:
            for index in self._over(path):
                index.close_document(path)

    def changed(self, path: Path) -> None:
        """The editor says that this file or folder was created, changed or deleted."""
        self.watcher.note(path)

    def step(self) -> bool:
        """A little work; False when there is nothing to do until the disk changes (:meth:`due`)."""
        self._take()
        self._mend()
        self.worked = bool(self._paths or self._scans)
        if self._paths:
            path = self._paths.pop()
            for index in self._over(path):
                index.refresh([path])
        elif self._scans:
            root = min(self._scans)
            index = self._indexes[root]
            for progress in islice(self._scans[root], 1):
                self._progress[root] = progress
                break
            else:
                del self._scans[root]
                self._progress.pop(root, None)
                self._mending.discard(root)
                if index.behind:
                    self.watcher.rescan(root)
        return bool(self._paths or self._scans)

    def due(self) -> float | None:
        """Seconds until there may be something to do; None: never, unless somebody says so."""
        return 0.0 if self._paths or self._scans else self.watcher.due()

    def close(self) -> None:
        """Stop watching and close the files; threads have ended when it returns."""
        self.watcher.close()
        self._scans.clear()
        for index in self._indexes.values():
            index.close()
        self._indexes.clear()

    def _begin_scan(self, root: Path) -> None:
        self._scans[root] = self._indexes[root].scan(self.watcher.looking(root))

    def _take(self) -> None:
        changes = self.watcher.take()
        if changes is not None:
            self._paths = sorted({*self._paths, *changes.paths}, reverse=True)
            for root in changes.rescan:
                if root in self._indexes:  # a scan that runs may have passed the place already: begin again
                    self._begin_scan(root)

    def _mend(self) -> None:
        """An index that was damaged is empty now, whoever noticed it: fill it again."""
        for root, index in self._indexes.items():
            if index.lost != self._lost[root]:
                self._lost[root] = index.lost
                if not index.problem:  # else it was the disk, and that is said
                    self._mending.add(root)
                self._begin_scan(root)
                self._send_open(root)

    def _over(self, path: Path) -> list[Index]:
        return [index for index in self.indexes if path.is_relative_to(index.root)]

    def _send_open(self, root: Path) -> None:
        for path, text in self._open.items():
            if path.is_relative_to(root):
                self._indexes[root].open_document(path, text)
