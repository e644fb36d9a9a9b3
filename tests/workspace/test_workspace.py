"""Watcher, indexes and open documents together: after any storm the index equals one from scratch."""

from __future__ import annotations

import shutil

import pytest

from kvlsp.errors import WorkspaceError
from kvlsp.workspace.burst import QUIET
from kvlsp.workspace.index import ScanProgress
from kvlsp.workspace.watcher import CARE, POLL
from kvlsp.workspace.workspace import Workspace
from tests.support.clock import ManualClock
from tests.workspace.opened import opened_below
from tests.workspace.test_index import content, names, scanned
from tests.workspace.test_watcher import StillObserver, Watcher
from tests.workspace.trees import ALLOWED, write_tree


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def workspace(tmp_path, clock):
    workspace = Workspace(watcher=Watcher(clock, StillObserver), folder=tmp_path / "kept")
    yield workspace
    workspace.close()


def rest(workspace: Workspace, clock: ManualClock) -> int:
    """Steps until there is nothing to do, after the disk became quiet."""
    clock.pass_(QUIET)
    steps = 1
    while workspace.step():
        steps += 1
    return steps


def test_two_roots_and_one_less(tmp_path, workspace, clock):
    write_tree(tmp_path, {"one/a.py": "x = 1\n", "two/b.py": "x = 2\n"})
    workspace.add(tmp_path / "one")
    workspace.add(tmp_path / "two")
    assert workspace.progress == ScanProgress(0, None)
    rest(workspace, clock)
    assert workspace.progress is None
    assert [names(index, "x") for index in workspace.indexes] == [[("a.py", "x")], [("b.py", "x")]]
    workspace.remove(tmp_path / "one")
    assert [index.root.name for index in workspace.indexes] == ["two"]
    with pytest.raises(WorkspaceError, match="not a root"):
        workspace.remove(tmp_path / "one")


def test_a_step_reads_one_file_at_most(tmp_path, workspace, clock):
    root = tmp_path / "root"
    write_tree(root, {f"f{number}.py": f"x{number} = 1\n" for number in range(40)})
    workspace.add(root)
    clock.pass_(QUIET)
    most = 0
    going = True
    while going:
        with opened_below(root) as opened:
            going = workspace.step()
        most = max(most, sum(path.endswith(".py") for _, path in opened))
    assert most == 1
    assert workspace.indexes[0].size().files == 40


def test_a_branch_switch_during_a_scan(tmp_path, workspace, clock):
    """1,500 files are written over while the first scan runs; the index is right afterwards."""
    root = tmp_path / "root"
    write_tree(root, {f"d{number % 7}/f{number}.py": f"old{number} = 1\n" for number in range(1500)})
    workspace.add(root)
    for _ in range(300):
        workspace.step()
    shutil.rmtree(root / "d3")
    for number in range(1500):
        if number % 7 != 3 and number % 2:
            write_tree(root, {f"d{number % 7}/f{number}.py": f"fresh{number} = 1\n"})
        workspace.changed(root / f"d{number % 7}/f{number}.py")
    rest(workspace, clock)
    fresh = scanned(root, tmp_path / "fresh")
    assert content(workspace.indexes[0]) == content(fresh)
    assert fresh.size().files == 1500 - 214
    fresh.close()


def test_single_changes_are_read_alone(tmp_path, workspace, clock):
    root = tmp_path / "root"
    write_tree(root, ALLOWED)
    workspace.add(root)
    rest(workspace, clock)
    write_tree(root, {"app.py": "def other(): pass\n", "web/view.ts": "function unseen() {}\n"})
    workspace.changed(root / "app.py")
    rest(workspace, clock)
    assert names(workspace.indexes[0], "other", "unseen", "main") == [("app.py", "other")]
    clock.pass_(CARE)
    rest(workspace, clock)
    assert names(workspace.indexes[0], "unseen") == [("web/view.ts", "unseen")]


def test_open_documents_win_and_survive_damage(tmp_path, workspace, clock):
    root = tmp_path / "root"
    write_tree(root, ALLOWED)
    workspace.open_document(root / "app.py", "def opened(): pass\n")
    workspace.add(root)
    rest(workspace, clock)
    index = workspace.indexes[0]
    assert names(index, "opened", "main") == [("app.py", "opened")]
    index._store._database.execute("DROP TABLE definitions")
    assert names(index, "opened") == []
    assert workspace.step()
    assert workspace.problems == (f"The index of {root} was damaged and is made again; until then less of other files "
                                  "is found.",)
    rest(workspace, clock)
    assert workspace.problems == ()
    assert names(index, "opened", "main", "Circle") == [("app.py", "opened"), ("lib/shapes.py", "Circle")]
    workspace.close_document(root / "app.py")
    assert names(index, "opened", "main") == [("app.py", "main")]


def test_an_index_that_is_found_damaged_is_said_until_it_is_whole(tmp_path, clock):
    root = tmp_path / "root"
    write_tree(root, ALLOWED)
    for told in ((), ("damaged",)):
        workspace = Workspace(watcher=Watcher(clock, StillObserver), folder=tmp_path / "kept")
        workspace.add(root)
        workspace.step()
        assert [word in problem for word, problem in zip(told, workspace.problems, strict=True)] == [True] * len(told)
        rest(workspace, clock)
        assert workspace.problems == ()
        assert workspace.indexes[0].size().files == len(ALLOWED)
        workspace.close()
        for file in (tmp_path / "kept").glob("*.sqlite*"):
            file.write_bytes(b"no index" * 1000)


def test_a_root_that_goes_and_comes_back(tmp_path, workspace, clock):
    root = tmp_path / "root"
    write_tree(root, ALLOWED)
    workspace.add(root)
    rest(workspace, clock)
    root.rename(tmp_path / "away")
    workspace.watcher.lose(root)
    rest(workspace, clock)
    assert "gone" in workspace.problems[0]
    assert workspace.indexes[0].size().files == 0
    (tmp_path / "away").rename(root)
    clock.pass_(CARE)
    rest(workspace, clock)
    assert workspace.problems == ()
    assert workspace.indexes[0].size().files == len(ALLOWED)
    root.rename(tmp_path / "away")  # nobody says so
    clock.pass_(CARE)
    rest(workspace, clock)
    assert "gone" in workspace.problems[0]


def test_a_root_that_is_a_ring_of_links_or_no_folder_costs_nobody_the_others(tmp_path, workspace, clock):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "file").write_text("")
    write_tree(tmp_path, {"root/a.py": "x = 1\n"})
    for name in ("a", "file", "root"):
        workspace.add(tmp_path / name)
    rest(workspace, clock)
    assert [names(index, "x") for index in workspace.indexes] == [[], [], [("a.py", "x")]]
    assert len(workspace.problems) == 2


def test_rules_that_are_no_part_of_the_root_count_soon_after_they_change(tmp_path, workspace, clock):
    root = tmp_path / "root"
    write_tree(root, {"a.py": "x = 1\n", "b.py": "x = 2\n", ".git/HEAD": "", ".git/objects/x": ""})
    workspace.add(root)
    rest(workspace, clock)
    write_tree(root, {".git/info/exclude": "b.py\n"})
    clock.pass_(POLL)
    rest(workspace, clock)
    assert names(workspace.indexes[0], "x") == [("a.py", "x")]
