"""How a system tells what changes below a folder: each of its folders by itself (Linux), or the whole tree at once.

Linux counts a watch for every folder, and all programs of a user share what there is; so there only those folders are
watched that a walk has entered, never what is ignored. Elsewhere one watch covers a tree, and watchdog sees to it.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, Protocol


class Hearer(Protocol):
    """What hears of changes; called from any thread."""

    def note(self, path: Path, *, folder: bool = False) -> None:
        """Something was created, changed, deleted or moved."""

    def lose(self, root: Path) -> None:
        """The root itself went away."""

    def rescan(self, root: Path) -> None:
        """More happened than could be told."""


class Observer(Protocol):
    """Roots are absolute. What raises :class:`OSError` leaves the root unwatched, or watched in part."""

    def watch(self, root: Path, hearer: Hearer) -> None:
        """Begin with a root; folders below it follow by :meth:`enter`."""

    def enter(self, root: Path, folder: Path) -> None:
        """A folder of a watched root is about to be listed."""

    def keep(self, root: Path, folders: Collection[Path]) -> None:
        """These, and no others, are read now."""

    def unwatch(self, root: Path) -> None: ...

    def close(self) -> None:
        """Threads have ended when it returns."""


def observer() -> Observer:
    """The one that suits this system."""
    return FolderObserver() if sys.platform.startswith("linux") else TreeObserver()


class FolderObserver:
    """Linux: an inotify instance for each root, a watch for each folder that is read."""

    def __init__(self) -> None:
        self._trees: dict[Path, _Tree] = {}

    def watch(self, root: Path, hearer: Hearer) -> None:
        tree = _Tree(root, hearer)
        try:
            tree.add(root)
        except OSError:
            tree.close()
            raise
        self._trees[root] = tree

    def enter(self, root: Path, folder: Path) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):  # the walk meets it, too
            self._trees[root].add(folder)

    def keep(self, root: Path, folders: Collection[Path]) -> None:
        self._trees[root].keep(folders)

    def unwatch(self, root: Path) -> None:
        tree = self._trees.pop(root, None)
        if tree is not None:
            tree.close()

    def close(self) -> None:
        for root in list(self._trees):
            self.unwatch(root)


class _Tree:
    """The folders of one root, and a thread that reads what happens in them."""

    def __init__(self, root: Path, hearer: Hearer) -> None:
        from inotify_simple import INotify

        self._root, self._hearer = root, hearer
        self._notify = INotify()
        self._lock = threading.Lock()
        self._folders: dict[int, Path] = {}
        self._numbers: dict[Path, int] = {}
        self._end, self._ended = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="kvlsp-inotify", daemon=True)
        self._thread.start()

    def add(self, folder: Path) -> None:
        with self._lock:
            number = self._notify.add_watch(folder, _WANTED | (_OF_ROOT if folder == self._root else 0))
            known = self._folders.get(number)  # by another name, if it was moved
            if known is not None:
                del self._numbers[known]
            self._folders[number], self._numbers[folder] = folder, number

    def keep(self, folders: Collection[Path]) -> None:
        with self._lock:
            for folder in [folder for folder in self._numbers if folder not in folders and folder != self._root]:
                number = self._numbers.pop(folder)
                del self._folders[number]
                with contextlib.suppress(OSError):  # it is gone, and its watch with it
                    self._notify.rm_watch(number)

    def close(self) -> None:
        os.write(self._ended, b"!")
        self._thread.join()
        self._notify.close()
        os.close(self._end)
        os.close(self._ended)

    def _listen(self) -> None:
        waiting = select.poll()
        waiting.register(self._notify.fileno(), select.POLLIN)
        waiting.register(self._end, select.POLLIN)
        while all(file != self._end for file, _ in waiting.poll()):
            for event in self._notify.read(timeout=0):
                self._hear(event)

    def _hear(self, event: Any) -> None:
        if event.mask & _OVERFLOW:
            self._hearer.rescan(self._root)
            return
        with self._lock:
            folder = self._folders.get(event.wd)
            if event.mask & _IGNORED and folder is not None:  # the system took the watch back
                del self._folders[event.wd], self._numbers[folder]
        if folder is None:
            return
        if event.name:
            self._hearer.note(folder / event.name, folder=bool(event.mask & _IS_FOLDER))
        elif folder == self._root:
            self._hearer.lose(folder)


# inotify(7)'s numbers; the library that has names for them can be imported on Linux alone.
_WANTED: Final = 0x00000008 | 0x00000040 | 0x00000080 | 0x00000100 | 0x00000200 | 0x01000000 | 0x02000000 | 0x04000000
"""Written and closed, moved from and to, created, deleted; a folder only, no link, nothing of what has been deleted."""
_OF_ROOT: Final = 0x00000400 | 0x00000800
"""Deleted itself, moved itself."""
_OVERFLOW: Final = 0x00004000
_IGNORED: Final = 0x00008000
_IS_FOLDER: Final = 0x40000000


class TreeObserver:
    """macOS, Windows and others: watchdog, a watch for each root."""

    def __init__(self) -> None:
        self._observer: Any = None
        self._watches: dict[Path, Any] = {}

    def watch(self, root: Path, hearer: Hearer) -> None:
        from watchdog import events, observers

        class Handler(events.FileSystemEventHandler):
            def on_any_event(self, event: events.FileSystemEvent) -> None:
                source = Path(os.fsdecode(event.src_path))
                moved = event.event_type == events.EVENT_TYPE_MOVED
                if source == root:
                    if event.is_directory and (moved or event.event_type == events.EVENT_TYPE_DELETED):
                        hearer.lose(root)
                    return
                if source.name == ".git" and event.event_type == events.EVENT_TYPE_MODIFIED:
                    return  # at every command of git's
                hearer.note(source, folder=event.is_directory)
                if moved and event.dest_path:
                    hearer.note(Path(os.fsdecode(event.dest_path)), folder=event.is_directory)

        wanted = [events.FileCreatedEvent, events.FileModifiedEvent, events.FileDeletedEvent, events.FileMovedEvent,
                  events.DirCreatedEvent, events.DirDeletedEvent, events.DirMovedEvent]
        if self._observer is None:
            observer = observers.Observer()
            observer.start()
            self._observer = observer
        try:
            self._watches[root] = self._observer.schedule(Handler(), str(root), recursive=True, event_filter=wanted)
        except RuntimeError as error:
            raise OSError(str(error)) from error

    def enter(self, root: Path, folder: Path) -> None:
        """It is watched already."""

    def keep(self, root: Path, folders: Collection[Path]) -> None:
        """All are watched."""

    def unwatch(self, root: Path) -> None:
        watch = self._watches.pop(root, None)
        if watch is not None:
            with contextlib.suppress(KeyError, OSError, RuntimeError):
                self._observer.unschedule(watch)

    def close(self) -> None:
        self._watches.clear()
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join()
