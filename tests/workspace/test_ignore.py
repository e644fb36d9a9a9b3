"""What is never read is not even opened; the user's globs; rules that change. What git ignores: test_gitignore."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kvlsp.workspace.ignore import Rules, folder_name_refusal, name_refusal
from kvlsp.workspace.refusal import Refusal
from tests.workspace.trees import ALLOWED, EXCLUDE, FORBIDDEN, write_forbidden, write_tree


@pytest.mark.parametrize(("name", "refusal"), [
    (".env", Refusal.SECRET), (".ENV.production", Refusal.SECRET), (".env.ts", Refusal.SECRET),
    ("server.PEM", Refusal.SECRET), ("id_ed25519", Refusal.SECRET), ("credentials.json", Refusal.SECRET),
    ("secrets.py", Refusal.SECRET), ("aws_credentials.py", Refusal.SECRET),
    ("a.png", Refusal.NOT_SOURCE), ("Makefile", Refusal.NOT_SOURCE), ("x", Refusal.NOT_SOURCE),
    ("python", Refusal.NOT_SOURCE),
    ("jquery.min.js", Refusal.GENERATED), ("api_pb2.py", Refusal.GENERATED), ("x.pb.go", Refusal.GENERATED),
    ("app.py", None), ("Secretary.java", None), ("environment.py", None), ("keys.py", None), ("minimal.js", None),
])  # fmt: skip
def test_names_of_files(name, refusal):
    assert name_refusal(name) is refusal


@pytest.mark.parametrize(("name", "refusal"), [
    (".git", Refusal.TOOL_FOLDER), ("node_modules", Refusal.TOOL_FOLDER), (".ssh", Refusal.SECRET),
    ("Secrets", Refusal.SECRET), ("src", None), ("build", None),
])  # fmt: skip
def test_names_of_folders(name, refusal):
    assert folder_name_refusal(name) is refusal


def test_each_file_of_a_tree_with_everything(tmp_path):
    root = tmp_path / "root"
    links = write_forbidden(root)
    rules = Rules(root, EXCLUDE)
    assert {name: rules.refusal(root / name) for name in ALLOWED} == dict.fromkeys(ALLOWED)
    assert [name for name in (*FORBIDDEN, *links, "gone.py") if rules.refusal(root / name) is None] == []
    assert rules.refusal(root / "snap/a.py") is Refusal.EXCLUDED
    assert rules.refusal(root / "lib/local/scratch.py") is Refusal.IGNORED
    assert rules.refusal(root / "linked.py") is Refusal.LINK
    assert rules.refusal(root / "huge.py") is Refusal.TOO_LARGE
    assert rules.refusal(tmp_path / "outside.py") is Refusal.OUTSIDE


def test_a_root_that_is_itself_ignored_is_read_all_the_same(tmp_path):
    write_tree(tmp_path, {".gitignore": "vendor/\n*.py\n", "vendor/a.py": "x = 1\n"})
    (tmp_path / ".git").mkdir()
    assert Rules(tmp_path / "vendor").refusal(tmp_path / "vendor" / "a.py") is None


def test_changed_rules_count_after_forget(tmp_path):
    write_tree(tmp_path, {"a.py": "x = 1\n"})
    rules = Rules(tmp_path)
    assert rules.refusal(tmp_path / "a.py") is None
    (tmp_path / ".gitignore").write_text("a.py\n")
    assert rules.refusal(tmp_path / "a.py") is None
    rules.forget()
    assert rules.refusal(tmp_path / "a.py") is Refusal.IGNORED


FILES = ["a.py", "kept/b.py", "lib/c.py", "lib/deep/d.py", "library.py", "s.ok.py"]


@pytest.mark.parametrize(("glob", "left"), [
    ("!", FILES[:5]), ("/", FILES[:5]), ("!lib/[a", FILES[:5]), ("a" * 5000, FILES[:5]),
    ("[z-a].py", []), ("[a", []), ("[[:nope:]]", []), ("**/\\", []), ("*[!", []),
    ("lib/[a", ["a.py", "kept/b.py", "library.py"]), ("/lib/*.[ch", ["a.py", "kept/b.py", "library.py"]),
    ("lib[", ["a.py", "kept/b.py"]), ("de[[:x:]]/", ["a.py", "kept/b.py", "lib/c.py", "library.py"]),
])
def test_a_glob_with_a_slip_leaves_out_all_that_begins_like_it_and_the_others_hold(tmp_path, glob, left):
    write_tree(tmp_path, dict.fromkeys(FILES, "x = 1\n"))
    for globs in (("*.ok.py", glob), (glob, "*.ok.py")):
        rules = Rules(tmp_path, globs)
        assert [name for name in FILES if rules.refusal(tmp_path / name) is None] == left
        assert len(rules.problems) == 1
        assert rules.problems[0].startswith(f"kvlsp.exclude holds a glob that cannot be understood, {glob!r}:")


def test_more_globs_than_can_be_followed_leave_out_everything(tmp_path):
    write_tree(tmp_path, {"a.py": "x = 1\n"})
    rules = Rules(tmp_path, [f"*{number}" for number in range(10_001)])
    assert rules.refusal(tmp_path / "a.py") is Refusal.EXCLUDED
    assert "too many globs" in rules.problems[0]


def test_globs_of_the_user_are_lines_of_a_gitignore(tmp_path):
    files = ["a.py", "keep.snap.py", "b.snap.py", "out/a.py", "lib/out/a.py", "lib/top.py", "top.py", "1st.py"]
    write_tree(tmp_path, dict.fromkeys(files, "x = 1\n"))
    rules = Rules(tmp_path, ("# a comment", "*.snap.py", "!keep*", "out/", "/top.py", "[[:digit:]]*"))
    assert [name for name in files if rules.refusal(tmp_path / name) is None] == ["a.py", "keep.snap.py", "lib/top.py"]


def test_a_path_that_no_disk_can_have_is_refused_not_raised(tmp_path):
    for name in ("a\0b/c.py", "\ud800.py", "\ud800/a.py", "x" * 5000 + ".py", "d/" * 3000 + "a.py"):
        assert Rules(tmp_path).refusal(tmp_path / name) in (Refusal.ODD_NAME, Refusal.CLOSED, Refusal.GONE), name[:20]


@pytest.mark.parametrize("data", [b"#" * (1 << 20) + b"#", b"*a\n" * 10_001])
def test_rules_too_long_to_follow_take_the_folder_with_them(tmp_path, data):
    write_tree(tmp_path, {"a.py": "x = 1\n", "sub/b.py": "x = 1\n"})
    (tmp_path / "sub" / ".gitignore").write_bytes(data)
    rules = Rules(tmp_path)
    assert rules.refusal(tmp_path / "a.py") is None
    assert rules.refusal(tmp_path / "sub" / "b.py") is Refusal.IGNORED
    assert list(rules.unfollowed) == [tmp_path / "sub" / ".gitignore"]
    (tmp_path / "sub" / ".gitignore").unlink()
    rules.forget()
    assert (rules.refusal(tmp_path / "sub" / "b.py"), rules.unfollowed) == (None, {})


_GIT = st.lists(st.sampled_from([
    b"gitdir: ", b"[core]\n", b"[include]\npath", b'[includeIf "gitdir:', b'[includeIf "onbranch:', b'"]\npath = ',
    b"config", b"excludesfile", b"ignorecase", b" = ", b"\0", b"\n", b'"', b"\\", b"~", b"~nobody/",
    b"/dev/zero", b"../", b"a/b", b"x" * 5000, b"\xff", b"\xed\xa0\x80", b"*.py", b"[z-a]",
]), max_size=8).map(b"".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(pointer=_GIT, commondir=_GIT, config=_GIT, exclude=_GIT)
@example(pointer=b"gitdir: a\0b", commondir=b"", config=b"", exclude=b"")
@example(pointer=b"gitdir: there", commondir=b"\0", config=b"[core]\nexcludesfile = \0", exclude=b"")
def test_whatever_stands_in_a_repositorys_files_raises_nothing(pointer, commondir, config, exclude):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_tree(root, {"worktree/a.py": "x = 1\n", "whole/a.py": "x = 1\n"})
        (root / "worktree" / ".git").write_bytes(pointer)
        for git in (root / "worktree" / "there", root / "whole" / ".git"):
            (git / "info").mkdir(parents=True)
            (git / "commondir").write_bytes(commondir)
            (git / "config").write_bytes(config)
            (git / "info" / "exclude").write_bytes(exclude)
        for top in ("worktree", "whole"):
            Rules(root / top).refusal(root / top / "a.py")
