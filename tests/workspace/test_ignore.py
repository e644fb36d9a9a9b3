"""What is never read is not even opened; what git ignores, we ignore; git itself is asked."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from kvlsp.errors import ConfigurationError
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


IGNORES = {
    ".gitignore": "*.log.py\n/top.py\nout/\n**/deep/x.py\nlib/*\n!lib/back.py\ndocs/**/y.py\n\\#odd.py\nspace\\ .py\n",
    "sub/.gitignore": "!kept.log.py\n/anchored.py\nout2\n",
    "sub/inner/.gitignore": "*\n!*.py\nno.py\n",
}
PATHS = [
    "a.log.py", "top.py", "sub/top.py", "out/a.py", "sub/out/a.py", "a/deep/x.py", "lib/a.py", "lib/back.py",
    "lib/q/a.py", "docs/y.py", "docs/a/b/y.py", "#odd.py", "sub/kept.log.py", "sub/anchored.py", "sub/q/anchored.py",
    "sub/out2/a.py",
    "sub/inner/a.py", "sub/inner/no.py", "sub/inner/below/a.py", "plain.py", "sub/plain.py",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed; it is the judge here")
@pytest.mark.parametrize("start", ["", "sub"])
def test_git_agrees(tmp_path, start):
    write_tree(tmp_path, {**IGNORES, **dict.fromkeys(PATHS, "x = 1\n")})
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("plain.py\n")
    ask = ["git", "-C", str(tmp_path), "check-ignore", "--no-index", *PATHS]
    asked = subprocess.run(ask, capture_output=True, text=True)
    rules = Rules(tmp_path / start if start else tmp_path)
    ours = [name for name in PATHS if rules.refusal(tmp_path / name) is Refusal.IGNORED]
    expected = [name for name in PATHS if name in asked.stdout.splitlines()]
    assert ours == [name for name in expected if name.startswith(start)]
    assert len(ours) > 3


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


def test_a_glob_of_the_user_that_is_broken(tmp_path):
    with pytest.raises(ConfigurationError, match=r"kvlsp\.exclude"):
        Rules(tmp_path, ("!",))
