"""Watches roots for changes made outside the editor; where that cannot be, by looking now and then.

    watcher = Watcher()
    watcher.add(root)
    changes = watcher.take()       # None, or what has changed since; ask again after watcher.due() seconds

A root that cannot be watched (the system's limits, a network drive, a root that is gone) is polled: it is handed out
for a scan every :data:`POLL` seconds, and :attr:`Watcher.problems` says why in a sentence. Every root is looked at that
often, for not every system says when a root is moved away or another takes its place, and rules may lie elsewhere, and
handed out every :data:`CARE` seconds, for events may be lost. Whoever scans says which folders are read
(:meth:`Watcher.looking`): no others are watched. It reads no file.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kvlsp.workspace.burst import Burst, Changes
from kvlsp.workspace.observers import Observer, observer

log = logging.getLogger(__name__)

POLL: Final = 15.0
CARE: Final = 600.0
REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "fuse.s3fs",
                           "fuse.rclone", "vboxsf", "fuse.vmhgfs-fuse", "ncpfs", "davfs", "virtiofs"})
"""File systems that do not report changes made by others."""
MOST_WATCHED: Final = 20_000
"""Folders of one root; a root of more is polled."""


class Watcher:
    """One observer for all roots. ``observe`` makes it; tests pass their own, and their own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, observe: Callable[[], Observer] = observer,
                 mounts: Path = Path("/proc/self/mounts"), wake: Callable[[], None] = lambda: None) -> None:
        """``wake``: called from any thread when :meth:`due` became sooner, for an owner that sleeps that long."""
        self.problems: dict[Path, str] = {}
        """For roots that are polled: why."""
        self._clock = clock
        self._observer = observe()
        self._mounts = mounts
        self._wake = wake
        self._burst = Burst(wake)
        self._watched: dict[Path, int] = {}
        """Roots that are, and how many of their folders."""
        self._crowded: set[Path] = set()
        """Roots that have more folders than can be watched."""
        self._identities: dict[Path, tuple[int, int] | None] = {}
        self._looks: dict[Path, float] = {}
        self._cares: dict[Path, float] = {}
        self._outdated: dict[Path, Callable[[], bool]] = {}
        self._suspects: set[Path] = set()
        self._lock = threading.Lock()

    @property
    def roots(self) -> tuple[Path, ...]:
        return tuple(sorted(self._looks))

    def add(self, root: Path, outdated: Callable[[], bool] = lambda: False) -> None:
        """Watch a root (an absolute path without links); adding it again does nothing. Never raises for the disk.

        ``outdated`` is asked whenever the root is looked at: whether something outside of it asks for a scan.
        """
        if root in self._looks:
            return
        self._outdated[root] = outdated
        now = self._clock()
        self._looks[root], self._cares[root] = now + POLL, now + CARE
        self._watch(root)
        self._burst.rescan(root, now)

    def remove(self, root: Path) -> None:
        """Watch a root no more."""
        self._unwatch(root)
        self._crowded.discard(root)
        for known in (self._looks, self._cares, self._outdated, self._identities, self.problems):
            known.pop(root, None)
        self._burst.forget(root)

    def looking(self, root: Path) -> Looking:
        """For somebody who begins to walk this root: what is entered from now on is what is watched."""
        return Looking(self, root)

    def note(self, path: Path, *, folder: bool = False) -> None:
        """Somebody says that this path was created, changed or deleted: the observer's thread, or an editor."""
        now = self._clock()
        for root in self.roots:
            if path == root:
                self.lose(root)
            elif path.is_relative_to(root):
                self._burst.note(root, path, now, folder=folder)

    def rescan(self, root: Path) -> None:
        """This root has to be looked through again."""
        if root in self._looks:
            self._burst.rescan(root, self._clock())

    def lose(self, root: Path) -> None:
        """Somebody says that something happened to the root itself: it is looked at."""
        with self._lock:
            self._suspects.add(root)
        self._burst.rescan(root, self._clock())

    def take(self) -> Changes | None:
        """What has changed, in one piece per burst; None when nothing has, or it still goes on."""
        now = self._clock()
        with self._lock:
            suspects, self._suspects = self._suspects, set()
        for root, when in list(self._looks.items()):
            if root in suspects or now >= when:
                self._look(root, now)
        return self._burst.take(now)

    def due(self) -> float | None:
        """Seconds until :meth:`take` may have something; None: there are no roots."""
        now = self._clock()
        waits = [max(when - now, 0.0) for when in self._looks.values()]
        burst = self._burst.due(now)
        return min([*waits, *([] if burst is None else [burst])], default=None)

    def close(self) -> None:
        """Stop the observer's threads and wait for them."""
        self._observer.close()
        self._watched.clear()
        self._looks.clear()

    # -- the roots themselves

    def _look(self, root: Path, now: float) -> None:
        """Check that the root is still the same folder; hand it out for a scan if it is not, or if it is time."""
        care = now >= self._cares[root]
        if care:
            self._cares[root] = now + CARE
        self._looks[root] = min(now + POLL, self._cares[root])
        if _identity(root) != self._identities[root]:
            self._unwatch(root)
            self._crowded.discard(root)
            self._watch(root)
        elif root in self.problems and (care or root not in self._crowded):
            self._watch(root)
        elif not care and root not in self.problems and not self._outdated[root]():
            return
        self._burst.rescan(root, now - POLL)  # no need to wait for quiet

    def _watch(self, root: Path) -> None:
        known = root in self._identities
        self._identities[root] = _identity(root)
        if self._identities[root] is None:
            self._poll(root, f"The folder {root} is {'gone' if known else 'not there'}. Nothing of it is in the index; "
                             f"it is looked for every {POLL:.0f} seconds.")
        elif self._is_remote(root):
            self._poll(root, f"The folder {root} lies on a network drive, which does not report what others change. It "
                             f"is looked through every {POLL:.0f} seconds.")
        else:
            try:
                self._observer.watch(root, self)
            except OSError as error:
                self._poll(root, _sentence(root, error))
            else:
                self._watched[root] = 1
                if root not in self._crowded:  # else it shows at the end of a walk
                    self.problems.pop(root, None)

    def _unwatch(self, root: Path) -> None:
        if self._watched.pop(root, None) is not None:
            self._observer.unwatch(root)

    def _poll(self, root: Path, why: str) -> None:
        if self.problems.get(root) != why:
            log.info("%s", why)
        self.problems[root] = why

    # -- their folders

    def entered(self, root: Path, folder: Path) -> None:
        """By :class:`Looking`."""
        if root not in self._watched:
            return
        self._watched[root] += 1
        try:
            if self._watched[root] > MOST_WATCHED:
                raise OSError(errno.E2BIG, f"it has more than {MOST_WATCHED:,} folders")
            self._observer.enter(root, folder)
        except OSError as error:  # all or nothing: what is watched in part takes from others and tells half
            self._unwatch(root)
            self._crowded.add(root)
            self._poll(root, _sentence(root, error))

    def walked(self, root: Path, folders: set[Path]) -> None:
        """By :class:`Looking`."""
        if root in self._watched:
            self._watched[root] = len(folders)
            self._observer.keep(root, folders)
            if root in self._crowded:
                self._crowded.discard(root)
                self.problems.pop(root, None)

    def _is_remote(self, root: Path) -> bool:
        """By the mount table where there is one (Linux); elsewhere a network drive is taken for a local one."""
        try:
            lines = self._mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        except OSError:
            return False
        best, kind = "", ""
        for line in lines:
            fields = line.split()
            if len(fields) > 2:
                where = fields[1].replace("\\040", " ")
                if len(where) >= len(best) and root.is_relative_to(where):
                    best, kind = where, fields[2]
        return kind in REMOTE


class Looking:
    """Follows a walk that is under way."""

    def __init__(self, watcher: Watcher, root: Path) -> None:
        self._watcher, self._root = watcher, root
        self._folders: set[Path] = set()

    def enter(self, folder: Path) -> None:
        """A folder is about to be listed."""
        if folder not in self._folders:
            self._folders.add(folder)
            self._watcher.entered(self._root, folder)

    def end(self) -> None:
        """The walk is over: all folders that are read were entered."""
        self._watcher.walked(self._root, self._folders)
        self._folders = set()


def _identity(root: Path) -> tuple[int, int] | None:
    """What identifies the folder at a path; None if there is none."""
    try:
        status = os.stat(root)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None


def _sentence(root: Path, error: OSError) -> str:
    polled = f"It is looked through every {POLL:.0f} seconds"
    limits = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}
    limit = limits.get(error.errno or 0)
    if limit is not None:
        return (f"The folder {root} cannot be watched: the system's limit for all programs of a user, "
                f"fs.inotify.{limit}{_value(limit)}, is reached. {polled}; raise it to have changes seen at once.")
    if error.errno == errno.E2BIG:
        return f"The folder {root} is not watched: {error.strerror}. {polled}; leave some out with kvlsp.exclude."
    return f"The folder {root} cannot be watched ({error}). {polled}; check that it can be read."


def _value(limit: str) -> str:
    try:
        return f" = {int(Path('/proc/sys/fs/inotify', limit).read_text()):,}"
    except (OSError, ValueError):
        return ""
