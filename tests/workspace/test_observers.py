"""The system's own watches, counted: what is never read takes none, what is moved is followed, a root's end is told."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from kvlsp.workspace.burst import QUIET
from kvlsp.workspace.observers import FolderObserver
from kvlsp.workspace.watcher import Watcher
from kvlsp.workspace.workspace import Workspace
from tests.support.clock import ManualClock
from tests.workspace.trees import write_tree

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")


def watches() -> int:
    count = 0
    for file in os.listdir("/proc/self/fdinfo"):
        try:
            count += Path("/proc/self/fdinfo", file).read_text().count("inotify wd")
        except OSError:
            continue
    return count


class Heard:
    """What an observer tells; waits for words, not for time."""

    def __init__(self) -> None:
        self.words: list[tuple[str, Path]] = []
        self.arrived = threading.Condition()

    def note(self, path: Path, *, folder: bool = False) -> None:
        self._add("folder" if folder else "file", path)

    def lose(self, root: Path) -> None:
        self._add("lost", root)

    def rescan(self, root: Path) -> None:
        self._add("rescan", root)

    def _add(self, word: str, path: Path) -> None:
        with self.arrived:
            self.words.append((word, path))
            self.arrived.notify_all()

    def wait(self, word: str, path: Path) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: (word, path) in self.words, timeout=30), self.words


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def observer():
    observer = FolderObserver()
    yield observer
    observer.close()


def test_what_is_ignored_takes_no_watch(tmp_path):
    root = tmp_path / "root"
    write_tree(root, {"src/app.py": "x = 1\n", "src/lib/a.py": "x = 1\n", ".gitignore": "build/\n"})
    write_tree(root, {f"{top}/p{number}/a/b.js": "" for number in range(50) for top in ("node_modules", "build")})
    before = watches()
    clock = ManualClock()
    workspace = Workspace(watcher=Watcher(clock), folder=tmp_path / "kept")
    workspace.add(root)
    clock.pass_(QUIET)
    while workspace.step():
        pass
    assert workspace.indexes[0].size().files == 2
    assert watches() - before == 3
    write_tree(root, {".gitignore": "build/\nsrc/lib/\n"})
    workspace.watcher.rescan(root)
    clock.pass_(QUIET)
    while workspace.step():
        pass
    assert watches() - before == 2
    workspace.close()
    assert watches() == before


def test_folders_are_followed_under_their_new_names(tmp_path, observer, heard):
    write_tree(tmp_path, {"old/a.py": ""})
    observer.watch(tmp_path, heard)
    observer.enter(tmp_path, tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    heard.wait("folder", tmp_path / "new")
    observer.enter(tmp_path, tmp_path / "new")
    observer.keep(tmp_path, {tmp_path, tmp_path / "new"})
    write_tree(tmp_path, {"new/b.py": ""})
    heard.wait("file", tmp_path / "new/b.py")
    observer.enter(tmp_path, tmp_path / "never")
    (tmp_path / "new/a.py").unlink()
    heard.wait("file", tmp_path / "new/a.py")


@pytest.mark.parametrize("moved", [True, False])
def test_a_root_that_goes_is_told(tmp_path, observer, heard, moved):
    root = tmp_path / "root"
    root.mkdir()
    observer.watch(root, heard)
    if moved:
        root.rename(tmp_path / "away")
    else:
        root.rmdir()
    heard.wait("lost", root)
