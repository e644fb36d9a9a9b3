"""What a user has set for git counts wherever git finds it; git itself is asked about generated files of settings."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kvlsp.workspace.git_settings import MOST, Settings
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.refusal import Refusal
from tests.workspace.trees import write_tree

pytestmark = pytest.mark.skipif(shutil.which("git") is None or os.name != "posix", reason="git is the judge here")

LINES = st.sampled_from([
    "[core]", "[Core]", "[ core ]", '[core "x"]', "[core.x]", "[user]", "[core] excludesFile = one", "[coreX]",
    "excludesFile = two", "EXCLUDESFILE=three", "\texcludesfile = four # five", "excludesFile = six;seven",
    'excludesFile = "a b"', 'excludesFile = "a ; b" c', 'excludesFile = a"b"c', 'excludesFile = " a "', "excludesFile",
    "excludesFile =", "excludesFile = a\\", "  b",
    "excludesFile = a\\\\b", 'excludesFile = a\\"b', "excludesFile = \\t",
    "excludesFile = a\\nb", "excludesFile = \\q", 'excludesFile = "open', "excludesFile : x", "excludes-file = x",
    "9name = x", "# comment \\", "; excludesFile = x", "", "  ", "[", "[core", "x y = z", "excludesFile = é  ",
])  # fmt: skip
FILES = st.builds(lambda lines, end, mark: mark + end.join(lines), st.lists(LINES, max_size=8),
                  st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "", "\ufeff"]))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=FILES)
@example(text="[core]\nexcludesFile = a\\\n  b # c\n")
@example(text='[core "x"]\nexcludesFile = a\n')
@example(text="[core]\nexcludesFile = a\\")
def test_a_file_of_settings_says_what_git_says(text, tmp_path):
    file = tmp_path / "config"
    file.write_text(text, encoding="utf-8", newline="")
    asked = subprocess.run(["git", "config", "--file", str(file), "--get", "core.excludesFile"], capture_output=True,
                           timeout=60, cwd=tmp_path)
    if asked.returncode not in (0, 1):  # git refuses to work with such a file at all
        return
    found = Settings(None)
    found.read(file)
    value = found.value("core.excludesfile")
    # of a setting without a value git prints nothing, and calls it true
    said = asked.stdout.decode().removesuffix("\n") if asked.returncode == 0 else None
    assert value == said or (said == "" and value == "true")


def ignored(top: Path, monkeypatch: pytest.MonkeyPatch, home: Path, root: Path | None = None) -> set[str]:
    """Of a.py and b.py, what git and we ignore, which is the same."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    names = ["a.py", "b.py"]
    ask = ["git", "-C", str(top), "check-ignore", "--no-index", *names]
    asked = subprocess.run(ask, capture_output=True, text=True)
    rules = Rules(root or top)
    ours = {name for name in names if rules.refusal((root or top) / name) is Refusal.IGNORED}
    assert ours == set(asked.stdout.split()), asked.stderr
    return ours


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_tree(tmp_path, {"home/.keep": "", "work/a.py": "", "work/b.py": "", "rules": "b.py\n"})
    subprocess.run(["git", "init", "-q", str(tmp_path / "work")], check=True)
    return tmp_path / "home"


@pytest.mark.parametrize("name", [".config/git/ignore", "../work/.git/info/exclude"])
def test_the_users_own_files_may_be_links(home, monkeypatch, name):
    """Settings are kept in a folder of their own, and linked from where git looks for them."""
    file = home / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.symlink_to(home.parent / "rules")
    assert ignored(home.parent / "work", monkeypatch, home) == {"b.py"}


def test_in_a_workspace_links_are_not_followed(home, monkeypatch):
    (home.parent / "work/.gitignore").symlink_to(home.parent / "rules")
    assert ignored(home.parent / "work", monkeypatch, home) == set()


@pytest.mark.parametrize("config", [
    "[include]\npath = more\n", "[include]\npath = ~/more\n", '[includeIf "gitdir:{top}/"]\npath = more\n',
    '[includeIf "gitdir:work/.git"]\npath = more\n', '[includeIf "gitdir/i:**/WORK/"]\npath = more\n',
    '[includeIf "gitdir:../work/"]\npath = more\n', '[includeIf "gitdir:~/"]\npath = more\n',
    '[includeIf "onbranch:topic/"]\npath = more\n', '[includeIf "onbranch:other"]\npath = more\n',
    '[includeIf "nonsense:x"]\npath = more\n', "[include]\npath = nowhere\n", '[include "x"]\npath = more\n',
    "[core]\nexcludesFile = none\n[include]\npath = more\n", "[include]\npath = more\n[core]\nexcludesFile = none\n",
    "[core]\nexcludesFile =\n", '[includeIf "gitdir:[z-a/"]\npath = more\n',
])  # fmt: skip
def test_what_other_files_are_included_in(home, monkeypatch, config):
    top = home.parent / "work"
    subprocess.run(["git", "-C", str(top), "checkout", "-q", "-b", "topic/one"], check=True)
    write_tree(home, {".gitconfig": config.format(top=top), "more": f"[core]\nexcludesFile = {home.parent}/rules\n"})
    ignored(top, monkeypatch, home)


def test_a_path_is_taken_from_the_top_of_the_repository(home, monkeypatch):
    top = home.parent / "work"
    write_tree(top, {"rules": "b.py\n", "sub/b.py": ""})
    subprocess.run(["git", "-C", str(top), "config", "core.excludesFile", "rules"], check=True)
    monkeypatch.chdir(home)
    assert ignored(top, monkeypatch, home) == {"b.py"}
    assert Rules(top / "sub").refusal(top / "sub/b.py") is Refusal.IGNORED


def test_what_only_looks_like_a_repository_hides_none(home, monkeypatch):
    top = home.parent / "work"
    write_tree(top, {".gitignore": "b.py\n", "sub/a.py": "", "sub/b.py": ""})
    (top / "sub/.git").mkdir()
    assert ignored(top / "sub", monkeypatch, home) == {"b.py"}


def test_a_worktree_may_have_settings_of_its_own(home, monkeypatch):
    top, other = home.parent / "work", home.parent / "other"
    git = ["git", "-C", str(top), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["add", "."], ["commit", "-qm", "one"], ["worktree", "add", "-q", str(other)],
                      ["config", "extensions.worktreeConfig", "true"]):
        subprocess.run([*git, *arguments], check=True)
    subprocess.run(["git", "-C", str(other), "config", "--worktree", "core.excludesFile", str(home.parent / "rules")],
                   check=True)  # fmt: skip
    assert ignored(other, monkeypatch, home) == {"b.py"}
    assert ignored(top, monkeypatch, home) == set()


def test_the_environment_names_other_files(home, monkeypatch):
    write_tree(home, {".gitconfig": "[core]\nexcludesFile = none\n",
                      "mine": f"[core]\nexcludesFile = {home.parent}/rules\n"})  # fmt: skip
    assert ignored(home.parent / "work", monkeypatch, home) == set()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "mine"))
    assert ignored(home.parent / "work", monkeypatch, home) == {"b.py"}


@pytest.mark.parametrize("text", [
    "[include]\npath = config\n" * 1000, "[core]\nexcludesFile = " + "\\\n" * 20_000 + '"x', "[" * 100_000,
    "[core]\nexcludesFile = ~a\0b/x\n", "[core]\nexcludesFile = " + "~" * 5000 + "\n",
    '[includeIf "gitdir:' + "*a" * 3000,
], ids=range(6))  # fmt: skip
def test_no_file_of_settings_takes_for_ever(tmp_path, text):
    (tmp_path / "config").write_text(text)
    found = Settings(tmp_path)
    found.read(tmp_path / "config")
    assert MOST == 100
    write_tree(tmp_path, {"top/.git/config": text, "top/a.py": ""})
    assert Rules(tmp_path / "top").refusal(tmp_path / "top/a.py") is None


@pytest.mark.parametrize(("name", "text"), [
    ("work/.git/info/exclude", "a.py\n"), (".gitignore", "a.py\n"), ("home/.gitconfig", "[core]\nexcludesFile = x\n"),
    ("home/.config/git/ignore", "a.py\n"), ("work/.git/config", "[core]\nignoreCase = true\n"),
    ("work/sub/.git/info/exclude", "a.py\n"), ("home/more", "[core]\nexcludesFile = x\n"),
])  # fmt: skip
@pytest.mark.parametrize("before", [False, True])
def test_rules_that_change_where_nobody_watches_are_noticed(home, monkeypatch, name, text, before):
    top = home.parent / "work"
    outer = name == ".gitignore"
    write_tree(top, {"sub/a.py": ""})
    if outer:
        subprocess.run(["git", "init", "-q", str(home.parent)], check=True)
        (top / ".git").rename(home / "none")
    else:
        subprocess.run(["git", "init", "-q", str(top / "sub")], check=True)
    file = home.parent / name
    if before:
        write_tree(home.parent, {name: "# nothing\n"})
    else:
        file.unlink(missing_ok=True)
    if name == "home/more":
        write_tree(home, {".gitconfig": "[include]\npath = more\n"})
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    rules = Rules(top)
    rules.refusal(top / "sub/a.py")
    assert not rules.outdated
    write_tree(home.parent, {name: text})
    assert rules.outdated
    rules.forget()
    assert not rules.outdated


def test_a_repository_in_the_repository_has_settings_of_its_own(home, monkeypatch):
    top = home.parent / "work"
    write_tree(top, {".gitignore": "!b.py\n", "sub/a.py": "", "sub/b.py": "", "sub/mine": "a.py\n"})
    write_tree(home, {".config/git/ignore": "b.py\n"})
    subprocess.run(["git", "init", "-q", str(top / "sub")], check=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert Rules(top).refusal(top / "sub/b.py") is Refusal.IGNORED, "what the user ignores everywhere"
    assert Rules(top).refusal(top / "b.py") is None
    subprocess.run(["git", "-C", str(top / "sub"), "config", "core.excludesFile", "mine"], check=True)
    assert Rules(top).refusal(top / "sub/a.py") is Refusal.IGNORED


@pytest.mark.parametrize("value", ["1", "0", "-1", "+2", "007", "00", "0x1", "0x0", "0xA", "1k", "0k", "2m", "on", "NO",
                                   "Yes", "true", "off", ""])  # fmt: skip
def test_what_is_on_is_what_git_takes_for_true(home, value):
    top = home.parent / "work"
    subprocess.run(["git", "-C", str(top), "config", "core.ignoreCase", value], check=True)
    said = subprocess.run(["git", "-C", str(top), "config", "--type=bool", "core.ignoreCase"], capture_output=True,
                          text=True, check=True).stdout.strip()  # fmt: skip
    found = Settings(top / ".git")
    found.read(top / ".git" / "config")
    assert found.is_on("core.ignorecase") is (said == "true")
