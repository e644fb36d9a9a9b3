"""An index equals one made from scratch after any history; it survives damage; it never reads what is excluded."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvlsp.errors import TooCostly
from kvlsp.workspace import store
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.index import Index, ScanProgress
from kvlsp.workspace.lookup import Size
from kvlsp.workspace.outline import outline_of
from kvlsp.workspace.pieces import LONGEST, pieces
from tests.workspace.opened import opened_below
from tests.workspace.trees import ALLOWED, EXCLUDE, RULES, write_forbidden, write_tree


@pytest.fixture
def root(tmp_path):
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "kept"


def scanned(root: Path, kept: Path, exclude: tuple[str, ...] = ()) -> Index:
    index = Index(Rules(root, exclude), kept)
    list(index.scan())
    return index


def content(index: Index) -> list[tuple[object, ...]]:
    """All that can be asked of an index, without the numbers of its rows."""
    rows = index._store.rows('SELECT path, refusal, imports, name, inside, line, "end", signature, doc, text '
                             "FROM files LEFT JOIN definitions ON files.id = file")
    rows += index._store.rows('SELECT path, line, "end", identifiers FROM files JOIN pieces ON files.id = pieces.file '
                              "JOIN words ON words.rowid = pieces.id")
    return sorted(rows, key=repr)


def names(index: Index, *wanted: str) -> list[tuple[str, str]]:
    return [(found.path, found.definition.name) for found in index.named(wanted)]


def test_a_scan_finds_definitions_and_imports(root, kept):
    write_tree(root, ALLOWED)
    index = scanned(root, kept)
    assert names(index, "Circle", "draw", "main") == [
        ("app.py", "main"), ("lib/shapes.py", "Circle"), ("web/view.ts", "draw")]
    assert index.outline(root / "app.py").imports == ("from lib.shapes import Circle",)
    assert index.size() == Size(files=4, definitions=5, refused=0)
    assert (index.problem, index.lost, index.behind, index.truncated) == ("", 0, False, False)


def test_nothing_excluded_is_ever_read(root, kept):
    """The whole life of an index, with the interpreter's own record of what was opened."""
    links = write_forbidden(root)
    everything = [path for path in root.rglob("*") if not path.is_dir()]
    with opened_below(root.parent) as opened:
        index = scanned(root, kept, EXCLUDE)
        index.refresh([*everything, root.parent / "outside.py"])
        for path in everything:
            index.open_document(path, "TOKEN = 1\n")
        for path in everything:
            index.close_document(path)
        list(index.scan())
    rules = (".gitignore", ".git/info/exclude")
    read = {path.removeprefix("root/") for event, path in opened
            if event == "open" and not path.startswith("kept/") and not path.endswith(rules)}
    assert read == set(ALLOWED)
    assert set(RULES) <= {path.removeprefix("root/") for _, path in opened}
    assert names(index, "TOKEN", "PASSWORD", "SNAP", "IGNORED", "OUTSIDE") == []
    assert index.size().files == len(ALLOWED)
    assert links


def test_only_what_changed_is_read_again(root, kept):
    write_tree(root, ALLOWED)
    scanned(root, kept).close()
    (root / "app.py").write_text("def other(): pass\n")
    (root / "lib/kept.py").unlink()
    with opened_below(root) as opened:
        index = scanned(root, kept)
    assert {path for event, path in opened if event == "open" and path.endswith((".py", ".ts"))} == {"app.py"}
    assert names(index, "other", "main", "KEPT", "Circle") == [("app.py", "other"), ("lib/shapes.py", "Circle")]


def test_progress_and_a_scan_that_is_left(root, kept):
    write_tree(root, {f"f{number:02}.py": f"x{number} = 1\n" for number in range(40)})
    index = Index(Rules(root), kept)
    going = index.scan()
    assert next(going) == ScanProgress(0, None)
    seen = [next(going) for _ in range(20)]
    assert seen[-1] == ScanProgress(19, 40)
    going.close()
    assert 0 < index.size().files < 40
    assert list(index.scan())[-1].total < 40
    assert index.size().files == 40


def test_an_open_document_wins_over_the_disk(root, kept):
    write_tree(root, ALLOWED)
    index = scanned(root, kept)
    index.open_document(root / "lib/shapes.py", "def opened(): pass\n")
    index.open_document(root / "lib/new.py", "def unsaved(): pass\n")
    write_tree(root, {"lib/shapes.py": "def saved(): pass\n"})
    index.refresh([root / "lib/shapes.py"])
    list(index.scan())
    assert names(index, "opened", "unsaved", "saved", "Circle") == [
        ("lib/new.py", "unsaved"), ("lib/shapes.py", "opened")]
    index.close_document(root / "lib/shapes.py")
    index.close_document(root / "lib/new.py")
    assert names(index, "opened", "unsaved", "saved", "Circle") == [("lib/shapes.py", "saved")]


def test_what_was_open_when_we_died_is_read_again(root, kept):
    write_tree(root, ALLOWED)
    index = scanned(root, kept)
    index.open_document(root / "app.py", "def opened(): pass\n")
    index.close()
    assert names(scanned(root, kept), "opened", "main") == [("app.py", "main")]


def test_a_file_that_becomes_ignored_is_forgotten(root, kept):
    write_tree(root, ALLOWED)
    index = scanned(root, kept)
    write_tree(root, {".gitignore": "lib/\n"})
    list(index.scan())
    assert names(index, "Circle", "main") == [("app.py", "main")]


def test_other_globs_are_another_index(root, kept):
    write_tree(root, ALLOWED)
    assert names(scanned(root, kept, ("lib/",)), "Circle") == []
    assert names(scanned(root, kept), "Circle") == [("lib/shapes.py", "Circle")]


def test_a_folder_that_goes_takes_its_files_along(root, kept):
    write_tree(root, dict.fromkeys(["a/b/c.py", "a/d.py", "a.py", "a0.py", "a-b/e.py"], "x = 1\n"))
    index = scanned(root, kept)
    os.rename(root / "a", root.parent / "elsewhere")
    index.refresh([root / "a"])
    assert [path for path, _ in names(index, "x")] == ["a-b/e.py", "a.py", "a0.py"]


def test_a_root_that_is_deleted(root, kept):
    write_tree(root, {"a.py": "x = 1\n"})
    index = scanned(root, kept)
    os.rename(root, root.parent / "elsewhere")
    list(index.scan())
    assert index.size() == Size(0, 0, 0)


FILES = st.sampled_from(["a.py", "b.py", "d/a.py", "d/e/b.py", "d/c.js"])
TEXTS = st.sampled_from([
    "x = 1\n", "def f():\n    return 1\n", "import a\nclass B:\n    def g(self): pass\n", "// @generated\n", "a\x00b",
    "class C {\n  m() {}\n}\n",
])  # fmt: skip
STEPS = st.lists(st.one_of(
    st.tuples(st.just("write"), FILES, TEXTS), st.tuples(st.just("delete"), FILES, st.just("")),
    st.tuples(st.just("open"), FILES, TEXTS), st.tuples(st.just("close"), FILES, st.just("")),
    st.tuples(st.just("ignore"), FILES, st.just("")), st.tuples(st.just("scan"), FILES, st.just("")),
    st.tuples(st.just("damage"), FILES, st.just("")),
), max_size=12)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_any_history_equals_an_index_from_scratch(steps, tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    root = folder / "root"
    root.mkdir()
    index = Index(Rules(root), folder / "kept")
    opened: dict[str, str] = {}
    for what, name, text in steps:
        path = root / name
        if what == "write":
            write_tree(root, {name: text})
            index.refresh([path])
        elif what == "delete":
            path.unlink(missing_ok=True)
            index.refresh([path])
        elif what == "open" and "\x00" not in text:
            opened[name] = text
            index.open_document(path, text)
        elif what == "close":
            opened.pop(name, None)
            index.close_document(path)
        elif what == "ignore":
            write_tree(root, {".gitignore": name + "\n"})
            list(index.scan())
        elif what == "scan":
            list(index.scan())
        elif what == "damage":
            index._store._suffer(sqlite3.DatabaseError("database disk image is malformed"))
    if any(what == "damage" for what, _, _ in steps):
        list(index.scan())
        for name, text in opened.items():
            index.open_document(root / name, text)
    fresh = Index(Rules(root), folder / "fresh")
    for name, text in opened.items():
        fresh.open_document(root / name, text)
    list(fresh.scan())
    list(index.scan())
    assert content(index) == content(fresh)
    index.close()
    fresh.close()


@pytest.mark.parametrize("damage", ["garbage", "cut", "empty", "zeros", "table"])
def test_a_damaged_file_is_made_again(root, kept, damage):
    write_tree(root, ALLOWED)
    index = scanned(root, kept)
    file, expected = index._store.file, content(index)
    index.close()
    data = file.read_bytes()
    if damage == "table":
        with sqlite3.connect(file) as database:
            database.execute("DROP TABLE definitions")
            database.execute("CREATE TABLE definitions (other)")
        database.close()
    else:
        file.write_bytes({"garbage": b"no database at all" * 99, "cut": data[:len(data) // 2], "empty": b"",
                          "zeros": data[:4096] + bytes(len(data) - 4096)}[damage])
    again = scanned(root, kept)
    assert content(again) == expected
    assert again.problem == ""
    again.close()


def test_killed_at_any_moment(root, kept):
    """A scan is killed with signal 9 after some files, again and again; what is there is whole, and in the end all."""
    write_tree(root, {f"f{number:03}.py": f"def f{number}():\n    return {number}\n" for number in range(120)})
    code = ("import os, signal, sys\nfrom pathlib import Path\nfrom kvlsp.workspace.ignore import Rules\n"
            "from kvlsp.workspace.index import Index\n"
            "for n, _ in enumerate(Index(Rules(Path(sys.argv[1])), Path(sys.argv[2])).scan()):\n"
            "    if n == int(sys.argv[3]): os.kill(os.getpid(), signal.SIGKILL)\n")
    for moment in (5, 20, 33):
        done = subprocess.run([sys.executable, "-c", code, str(root), str(kept), str(moment)], timeout=60)
        assert done.returncode == -signal.SIGKILL
        index = Index(Rules(root), kept)
        assert index.size().files == index.size().definitions
        assert index.lost == 0
        index.close()
    assert scanned(root, kept).size() == Size(120, 120, 0)


def test_a_cache_folder_that_cannot_be_written(root, tmp_path):
    write_tree(root, ALLOWED)
    (tmp_path / "file").write_text("")
    index = scanned(root, tmp_path / "file" / "below")
    assert "cannot be kept" in index.problem
    assert names(index, "Circle") == [("lib/shapes.py", "Circle")]


def test_the_version_is_in_the_name_and_old_files_go(root, kept, monkeypatch):
    write_tree(root, ALLOWED)
    index = scanned(root, kept)
    index.close()
    os.utime(index._store.file, (0, 0))
    monkeypatch.setattr(store, "FORMAT", 99)
    other = scanned(root, kept)
    assert other._store.file != index._store.file
    assert not index._store.file.exists()


def test_similar_pieces(root, kept):
    write_tree(root, {
        "near.py": "def measure_area(shape, radius):\n    return radius * shape\n",
        "far.py": "def open_socket(host, port):\n    return host\n",
        "self.py": "measure_area = radius = shape = 1\n",
    })
    index = scanned(root, kept)
    found = index.similar(["radius", "shape", "measure_area", 'od"d', "AND", "*"], but="self.py", most=5)
    assert [piece.path for piece in found] == ["near.py"]
    assert index.similar([], "", 5) == index.similar(["zz"], "", 5) == []
    assert index.lost == 0


@given(st.lists(st.integers(0, 200), max_size=20), st.integers(1, 200))
def test_pieces_cover_all_lines_once(starts, count):
    cut = list(pieces([start for start in starts if start < count], count))
    assert [line for first, end in cut for line in range(first, end)] == list(range(count))
    assert all(0 < end - first <= LONGEST for first, end in cut)


def test_an_open_document_that_becomes_ignored_is_forgotten(root, kept):
    index = scanned(root, kept)
    index.open_document(root / "app.py", "def opened(): pass\n")
    write_tree(root, {".gitignore": "app.py\n"})
    list(index.scan())
    assert names(index, "opened") == []


def test_what_takes_too_much_to_parse_holds_up_no_other_and_is_tried_once_also_if_the_process_ends(root, kept):
    write_tree(root, {f"{letter}.py": f"def {letter}(x):\n    return x\n" for letter in "abcdef"})
    tried: list[str] = []

    def outline(language, text):
        tried.append(text[4])
        if text[4] in "bd":
            raise TooCostly("It takes too much time.")
        return outline_of(language, text)

    broken_off = Index(Rules(root), kept, outline)
    scan = broken_off.scan()
    while tried != ["a", "b", "c", "d"]:
        next(scan)
    assert names(broken_off, "a", "c") == [("a.py", "a"), ("c.py", "c")]
    broken_off.close()
    again = Index(Rules(root), kept, outline)
    list(again.scan())
    assert tried == ["a", "b", "c", "d", "e", "f"]
    assert len(again.passed_over) == 2
    again.close()
