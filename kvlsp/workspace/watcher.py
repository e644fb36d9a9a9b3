"""Watches roots for changes made outside the editor, with watchdog; where that cannot be, by looking now and then.

    watcher = Watcher()
    watcher.add(root)
    changes = watcher.take()       # None, or what has changed since; ask again after watcher.due() seconds

A root that cannot be watched (inotify's limits, a network drive, a root that is gone) is polled: it is handed out for a
scan every :data:`POLL` seconds, and :attr:`Watcher.problems` says why in a sentence. Every root is handed out so every
:data:`CARE` seconds, for events may be lost. It reads no file and does not know what an index is.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from watchdog import events
from watchdog.observers import Observer

from kvlsp.workspace.burst import Burst, Changes

log = logging.getLogger(__name__)

POLL: Final = 15.0
CARE: Final = 600.0
REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "fuse.s3fs",
                           "fuse.rclone", "vboxsf", "fuse.vmhgfs-fuse", "ncpfs", "davfs", "virtiofs"})
"""File systems that do not report changes made by others."""
_WANTED: Final = [events.FileCreatedEvent, events.FileModifiedEvent, events.FileDeletedEvent, events.FileMovedEvent,
                  events.DirCreatedEvent, events.DirDeletedEvent, events.DirMovedEvent]


class Watcher:
    """One observer for all roots. ``observe`` makes it; tests pass their own, and their own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, observe: Callable[[], Any] = Observer,
                 mounts: Path = Path("/proc/self/mounts"), wake: Callable[[], None] = lambda: None) -> None:
        """``wake``: called from any thread when :meth:`due` became sooner, for an owner that sleeps that long."""
        self.problems: dict[Path, str] = {}
        """For roots that are polled: why."""
        self._clock = clock
        self._observe = observe
        self._mounts = mounts
        self._burst = Burst(wake)
        self._observer: Any = None
        self._watches: dict[Path, Any] = {}
        self._next: dict[Path, float] = {}
        self._gone: set[Path] = set()
        self._lock = threading.Lock()

    @property
    def roots(self) -> tuple[Path, ...]:
        return tuple(sorted(self._next))

    def add(self, root: Path) -> None:
        """Watch a root (an absolute path without links); adding it again does nothing. Never raises for the disk."""
        if root in self._next:
            return
        self._watch(root)
        self._burst.rescan(root, self._clock())

    def remove(self, root: Path) -> None:
        """Watch a root no more."""
        self._unwatch(root)
        self._next.pop(root, None)
        self.problems.pop(root, None)
        self._burst.forget(root)

    def note(self, path: Path, *, folder: bool = False) -> None:
        """Somebody says that this path was created, changed or deleted: the observer's thread, or an editor."""
        now = self._clock()
        for root in self.roots:
            if path.is_relative_to(root):
                self._burst.note(root, path, now, folder=folder)

    def rescan(self, root: Path) -> None:
        """Somebody knows that this root must be looked through again."""
        if root in self._next:
            self._burst.rescan(root, self._clock())

    def take(self) -> Changes | None:
        """What has changed, in one piece per burst; None when nothing has, or it still goes on."""
        now = self._clock()
        with self._lock:
            gone, self._gone = self._gone, set()
        for root in gone & set(self._next):
            self._unwatch(root)
            self._poll(root, _gone(root))
        for root, when in list(self._next.items()):
            if now >= when:
                if root in self.problems and root.is_dir():
                    self._watch(root)
                elif root not in self.problems and not root.is_dir():  # moved away: not every system says so
                    self._unwatch(root)
                    self._poll(root, _gone(root))
                self._next[root] = now + (POLL if root in self.problems else CARE)
                self._burst.rescan(root, now - POLL)  # no need to wait for quiet
        return self._burst.take(now)

    def due(self) -> float | None:
        """Seconds until :meth:`take` may have something; None: there are no roots."""
        now = self._clock()
        waits = [max(when - now, 0.0) for when in self._next.values()]
        burst = self._burst.due(now)
        return min([*waits, *([] if burst is None else [burst])], default=None)

    def close(self) -> None:
        """Stop the observer's threads and wait for them."""
        observer, self._observer = self._observer, None
        self._watches.clear()
        self._next.clear()
        if observer is not None:
            observer.stop()
            observer.join()

    def _watch(self, root: Path) -> None:
        self.problems.pop(root, None)
        self._next[root] = self._clock() + CARE
        if not root.is_dir():
            self._poll(root, f"The folder {root} is not there. It is looked for every {POLL:.0f} seconds.")
            return
        if self._is_remote(root):
            self._poll(root, f"The folder {root} lies on a network drive, which does not report what others change. It "
                             f"is looked through every {POLL:.0f} seconds.")
            return
        try:
            if self._observer is None:
                observer = self._observe()
                observer.start()
                self._observer = observer
            self._watches[root] = self._observer.schedule(_Handler(self, root), str(root), recursive=True,
                                                          event_filter=_WANTED)
        except (OSError, RuntimeError) as error:
            self._poll(root, _sentence(root, error))

    def _unwatch(self, root: Path) -> None:
        watch = self._watches.pop(root, None)
        if watch is not None and self._observer is not None:
            try:
                self._observer.unschedule(watch)
            except (KeyError, OSError, RuntimeError) as error:
                log.debug("A watch could not be taken back: %s.", error)

    def _poll(self, root: Path, why: str) -> None:
        if self.problems.get(root) != why:
            log.info("%s", why)
        self.problems[root] = why
        self._next[root] = self._clock() + POLL

    def lose(self, root: Path) -> None:
        """The observer's thread says that the root itself went away."""
        with self._lock:
            self._gone.add(root)
        self._burst.rescan(root, self._clock())

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


class _Handler(events.FileSystemEventHandler):
    """watchdog's events of one root, in the observer's thread."""

    def __init__(self, watcher: Watcher, root: Path) -> None:
        self._watcher = watcher
        self._root = root

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        source = Path(os.fsdecode(event.src_path))
        gone = event.event_type in (events.EVENT_TYPE_DELETED, events.EVENT_TYPE_MOVED)
        if source == self._root:
            if gone and event.is_directory:
                self._watcher.lose(self._root)
            return
        self._watcher.note(source, folder=event.is_directory)
        if event.event_type == events.EVENT_TYPE_MOVED and event.dest_path:
            self._watcher.note(Path(os.fsdecode(event.dest_path)), folder=event.is_directory)


def _gone(root: Path) -> str:
    return f"The folder {root} is gone. Its index is empty until the folder is there again."


def _sentence(root: Path, error: Exception) -> str:
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EMFILE):
        limit = "fs.inotify.max_user_watches" if code == errno.ENOSPC else "fs.inotify.max_user_instances"
        return (f"The folder {root} cannot be watched: the system's limit is reached. It is looked through every "
                f"{POLL:.0f} seconds; raise {limit} to have changes seen at once.")
    return (f"The folder {root} cannot be watched ({error}). It is looked through every {POLL:.0f} seconds; check that "
            "it can be read.")
