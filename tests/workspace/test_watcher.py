"""Bursts become one change; what cannot be watched is polled and says so; nothing here sleeps."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from kvlsp.workspace import observers
from kvlsp.workspace.burst import MOST, PATIENCE, QUIET, Burst, Changes
from kvlsp.workspace.watcher import CARE, MOST_WATCHED, POLL, Watcher
from tests.support.clock import ManualClock

ROOT = Path("/root-of-tests")


class StillObserver:
    """An observer that sees nothing, or cannot: at all, or not one folder more."""

    def __init__(self, error: OSError | None = None, most: int = 10**6) -> None:
        self.error = error
        self.most = most
        self.watched: dict[Path, list[Path]] = {}

    def watch(self, root, hearer) -> None:
        if self.error is not None:
            raise self.error
        self.watched[root] = [root]

    def enter(self, root, folder) -> None:
        if len(self.watched[root]) == self.most:
            raise OSError(errno.ENOSPC, "No space left on device")
        if folder not in self.watched[root]:
            self.watched[root].append(folder)

    def keep(self, root, folders) -> None:
        self.watched[root] = [folder for folder in self.watched[root] if folder in folders]

    def unwatch(self, root) -> None:
        del self.watched[root]

    def close(self) -> None:
        self.watched.clear()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def observer():
    return StillObserver()


@pytest.fixture
def watcher(clock, observer):
    watcher = Watcher(clock, lambda: observer, mounts=Path("/no/such/table"))
    yield watcher
    watcher.close()


def settled(watcher: Watcher, clock: ManualClock, root: Path) -> None:
    """Past the first scan that every new root asks for."""
    clock.pass_(QUIET)
    assert watcher.take() == Changes((), (root,))


# --- bursts ---


def test_a_burst_ends_with_quiet():
    burst = Burst()
    for number in range(5):
        burst.note(ROOT, ROOT / f"{number % 3}.py", number * 0.1)
        assert burst.take(number * 0.1) is None
    assert burst.due(0.4) == pytest.approx(QUIET)
    assert burst.take(0.4 + QUIET) == Changes((ROOT / "0.py", ROOT / "1.py", ROOT / "2.py"), ())
    assert burst.take(9) is None
    assert burst.due(9) is None


def test_the_first_change_of_a_burst_wakes_its_owner():
    woken = []
    burst = Burst(lambda: woken.append(True))
    for number in range(5):
        burst.note(ROOT, ROOT / f"{number}.py", number * 0.1)
    burst.note(ROOT, ROOT / "picture.png", 0.5)
    assert len(woken) == 1
    assert burst.take(1) is not None
    burst.rescan(ROOT, 2)
    assert len(woken) == 2


def test_a_burst_without_end_is_handed_out_all_the_same():
    burst = Burst()
    now, taken = 0.0, None
    while taken is None:
        burst.note(ROOT, ROOT / "a.py", now)
        taken = burst.take(now)
        now += 0.1
    assert now == pytest.approx(PATIENCE + 0.1, abs=0.11)


def test_a_branch_switch_is_one_scan():
    burst = Burst()
    for number in range(5000):
        burst.note(ROOT, ROOT / f"a/{number}.py", number * 1e-4)
    assert sum(map(len, burst._paths.values())) <= MOST
    assert burst.take(0.5 + QUIET) == Changes((), (ROOT,))


@pytest.mark.parametrize("name", [".git/HEAD", ".git/x/a.py", "node_modules/x/a.js", "a.png", ".env", "notes.txt"])
def test_what_names_exclude_is_no_change(name):
    burst = Burst()
    burst.note(ROOT, ROOT / name, 0.0)
    assert burst.due(0.0) is None


@pytest.mark.parametrize(("name", "folder"), [
    (".gitignore", False), ("a/.gitignore", False), (".git", True), ("a/.git", False), ("a/pyvenv.cfg", False),
    ("CACHEDIR.TAG", False), ("new", True), ("v1.2", True), ("", False)])  # fmt: skip
def test_what_asks_for_a_scan(name, folder):
    burst = Burst()
    burst.note(ROOT, ROOT / "a.py", 0.0)
    burst.note(ROOT, ROOT / name, 0.0, folder=folder)
    burst.note(ROOT, ROOT / "b.py", 0.0)
    assert burst.take(1.0) == Changes((), (ROOT,))


def test_noting_from_many_threads_loses_nothing():
    burst = Burst()

    def work(name: str) -> None:
        for number in range(100):
            burst.note(ROOT, ROOT / f"{name}{number}.py", 0.0)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    changes = burst.take(1.0)
    assert changes is not None
    assert len(changes.paths) == 600


# --- the watcher ---


def test_a_new_root_is_scanned_and_then_watched(tmp_path, watcher, clock, observer):
    watcher.add(tmp_path)
    watcher.add(tmp_path)
    assert observer.watched == {tmp_path: [tmp_path]}
    settled(watcher, clock, tmp_path)
    watcher.note(tmp_path / "a.py")
    watcher.note(tmp_path.parent / "elsewhere.py")
    assert watcher.due() == pytest.approx(QUIET)
    clock.pass_(QUIET)
    assert watcher.take() == Changes((tmp_path / "a.py",), ())
    assert watcher.problems == {}
    watcher.remove(tmp_path)
    assert (observer.watched, watcher.due()) == ({}, None)


def test_only_folders_that_a_walk_enters_are_watched(tmp_path, watcher, observer):
    watcher.add(tmp_path)
    for names in (("a", "b"), ("b", "c")):
        looking = watcher.looking(tmp_path)
        for folder in (tmp_path, *(tmp_path / name for name in names)):
            looking.enter(folder)
        looking.end()
        assert observer.watched == {tmp_path: [tmp_path, *(tmp_path / name for name in names)]}


def walked(watcher: Watcher, root: Path, count: int) -> None:
    looking = watcher.looking(root)
    for number in range(count):
        looking.enter(root / str(number))
    looking.end()


def test_more_folders_than_can_be_watched(tmp_path, watcher, clock, observer):
    """None is watched then, so that others find some; the sentence stands until a walk goes through."""
    observer.most = 3
    watcher.add(tmp_path)
    settled(watcher, clock, tmp_path)
    walked(watcher, tmp_path, 5)
    assert "max_user_watches" in watcher.problems[tmp_path]
    assert observer.watched == {}
    for _ in range(3):
        clock.pass_(POLL)
        assert watcher.take() == Changes((), (tmp_path,))
        walked(watcher, tmp_path, 5)
        assert "max_user_watches" in watcher.problems[tmp_path]
    observer.most = 9
    clock.pass_(CARE)
    assert watcher.take() == Changes((), (tmp_path,))
    assert watcher.problems != {}
    walked(watcher, tmp_path, 5)
    assert watcher.problems == {}
    assert len(observer.watched[tmp_path]) == 5
    clock.pass_(POLL)
    assert watcher.take() is None


def test_a_root_of_too_many_folders_is_polled(tmp_path, watcher, clock, observer):
    watcher.add(tmp_path)
    settled(watcher, clock, tmp_path)
    walked(watcher, tmp_path, MOST_WATCHED + 1)
    assert "20,000 folders" in watcher.problems[tmp_path]
    assert observer.watched == {}


def test_a_root_that_goes_comes_back_or_is_another(tmp_path, watcher, clock, observer):
    """Nobody says so: it is looked at."""
    root = tmp_path / "root"
    root.mkdir()
    watcher.add(root)
    settled(watcher, clock, root)
    root.rename(tmp_path / "away")
    clock.pass_(POLL)
    assert watcher.take() == Changes((), (root,))
    assert "gone" in watcher.problems[root]
    assert observer.watched == {}
    (tmp_path / "away").rename(root)
    clock.pass_(POLL)
    assert watcher.take() == Changes((), (root,))
    assert (watcher.problems, list(observer.watched)) == ({}, [root])
    root.rename(tmp_path / "away")
    root.mkdir()
    clock.pass_(POLL)
    assert watcher.take() == Changes((), (root,))
    assert (watcher.problems, list(observer.watched)) == ({}, [root])
    clock.pass_(POLL)
    assert watcher.take() is None


def test_a_root_that_somebody_says_is_gone_is_looked_at_at_once(tmp_path, watcher, clock):
    root = tmp_path / "root"
    root.mkdir()
    watcher.add(root)
    settled(watcher, clock, root)
    root.rmdir()
    watcher.note(root)
    clock.pass_(QUIET)
    assert watcher.take() == Changes((), (root,))
    assert "gone" in watcher.problems[root]


def test_events_may_be_lost_so_care_is_taken_now_and_then(tmp_path, watcher, clock):
    watcher.add(tmp_path)
    settled(watcher, clock, tmp_path)
    clock.pass_(CARE - 1)
    assert watcher.take() is None
    clock.pass_(1)
    assert watcher.take() == Changes((), (tmp_path,))


def test_a_root_whose_rules_lie_elsewhere_is_scanned_when_they_are_others(tmp_path, watcher, clock):
    outdated = False
    watcher.add(tmp_path, lambda: outdated)
    settled(watcher, clock, tmp_path)
    clock.pass_(POLL)
    assert watcher.take() is None
    outdated = True
    clock.pass_(POLL)
    assert watcher.take() == Changes((), (tmp_path,))


@pytest.mark.parametrize(("code", "said"), [
    (errno.ENOSPC, "max_user_watches"), (errno.EMFILE, "max_user_instances"), (errno.EACCES, "check that it"),
])  # fmt: skip
def test_limits_lead_to_polling_with_a_sentence_and_back(tmp_path, watcher, clock, observer, code, said):
    observer.error = OSError(code, "why")
    watcher.add(tmp_path)
    assert said in watcher.problems[tmp_path]
    settled(watcher, clock, tmp_path)
    for _ in range(3):
        assert watcher.take() is None
        clock.pass_(POLL)
        assert watcher.take() == Changes((), (tmp_path,))
    observer.error = None
    clock.pass_(POLL)
    assert watcher.take() == Changes((), (tmp_path,))
    assert watcher.problems == {}
    assert list(observer.watched) == [tmp_path]


def test_a_root_that_is_not_there_and_comes(tmp_path, watcher, clock, observer):
    root = tmp_path / "later"
    watcher.add(root)
    assert "not there" in watcher.problems[root]
    settled(watcher, clock, root)
    root.mkdir()
    clock.pass_(POLL)
    assert watcher.take() == Changes((), (root,))
    assert (watcher.problems, list(observer.watched)) == ({}, [root])


def test_network_drives_are_polled(tmp_path, clock, observer):
    table = tmp_path / "mounts"
    table.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path.parent} nfs4 rw 0 0\n")
    watcher = Watcher(clock, lambda: observer, mounts=table)
    watcher.add(tmp_path)
    assert "network drive" in watcher.problems[tmp_path]
    assert observer.watched == {}
    watcher.close()


def test_several_roots_one_in_the_other(tmp_path, watcher, clock):
    inner = tmp_path / "inner"
    inner.mkdir()
    watcher.add(tmp_path)
    watcher.add(inner)
    clock.pass_(QUIET)
    watcher.take()
    watcher.note(inner / "a.py")
    clock.pass_(QUIET)
    assert watcher.take() == Changes((inner / "a.py",), ())
    watcher.remove(tmp_path)
    watcher.note(inner / "b.py")
    clock.pass_(QUIET)
    assert watcher.take() == Changes((inner / "b.py",), ())


@pytest.mark.parametrize("observe", [observers.observer, observers.TreeObserver])
def test_the_real_observer_sees_what_happens(tmp_path, observe):
    """Waits for events, not for time; its threads are joined."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old.py").write_text("x = 1\n")
    seen: set[str] = set()
    arrived = threading.Condition()

    class Heard(Watcher):
        def note(self, path: Path, *, folder: bool = False) -> None:
            super().note(path, folder=folder)
            with arrived:
                seen.add(path.relative_to(tmp_path).as_posix())
                arrived.notify_all()

        def lose(self, root: Path) -> None:
            super().lose(root)
            with arrived:
                seen.add("lost")
                arrived.notify_all()

    def wait_for(*names: str) -> None:
        with arrived:
            assert arrived.wait_for(lambda: set(names) <= seen, timeout=30), seen

    clock = ManualClock()
    watcher = Heard(clock, observe, mounts=Path("/no/such/table"))
    try:
        watcher.add(tmp_path)
        settled(watcher, clock, tmp_path)
        looking = watcher.looking(tmp_path)
        looking.enter(tmp_path / "folder")
        looking.end()
        (tmp_path / "new.py").write_text("x = 1\n")
        (tmp_path / "folder" / "old.py").unlink()
        wait_for("new.py", "folder/old.py")
        clock.pass_(PATIENCE)
        changes = watcher.take()
        assert changes is not None
        assert set(changes.paths) == {tmp_path / "new.py", tmp_path / "folder/old.py"}
        (tmp_path / "new.py").rename(tmp_path / "moved.py")
        (tmp_path / "folder").rmdir()
        wait_for("moved.py", "folder")
        clock.pass_(PATIENCE)
        changes = watcher.take()
        assert changes is not None
        assert tmp_path in changes.rescan
        (tmp_path / "moved.py").unlink()
        tmp_path.rmdir()
        wait_for("lost")
        watcher.take()
        assert "gone" in watcher.problems[tmp_path]
    finally:
        watcher.close()
    assert not [thread for thread in threading.enumerate() if "inotify" in thread.name]
