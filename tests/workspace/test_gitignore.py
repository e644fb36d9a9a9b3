"""What git ignores, we ignore, and nothing else: git itself is asked about generated rules, on a tree of odd names."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kvlsp.workspace.gitignore import Patterns
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.refusal import Refusal
from kvlsp.workspace.wildmatch import compile_glob
from tests.workspace.trees import write_tree

pytestmark = pytest.mark.skipif(shutil.which("git") is None or os.name != "posix",
                                reason="git is the judge here, and names are bytes")

NAMES = [b"a", b"b", b"ab", b"abc", b"a.py", b"b.py", b"a-b", b"A", b"1", b"x1.py", b" a", b"a ", b"#a", b"!a", b"[a]",
         b"a\\b", b"\xc3\xa9", b"a\xc3\xa9.py", b"a*", b"foo", b"bar", b"foobar", b"\x0ca", b"a\xe2\x80\xa8b", b"]",
         b"-", b"^", b"a\rb", b"\tq"]  # fmt: skip
ATOMS = [
    b"a", b"b", b"*", b"**", b"?", b"/", b"/**/", b"**/", b"/**", b"[ab]", b"[!a]", b"[^b]", b"[a-c]", b"[c-a]",
    b"[[:digit:]]", b"[[:alpha:]]", b"[[:space:]]", b"[![:alnum:]]", b"[[:nope:]]", b"[]a]", b"[a", b"[!]]", b"[a-]",
    b"[-a]", b"[\\]]", b"[a-\\c]", b"[[:a]", b"[[:", b"\\", b"\\a", b"\\*", b"\\/", b".py", b"*.py", b"foo", b"bar",
    b"ab", b"\xc3\xa9", b" ", b"\\ ", b"#", b"!", b"-", b"]", b"^", b"\xe2\x80\xa8", b"\x0c", b"\r", b"\t", b"[a/b]",
    b"[/]", b"[!/]", b"[[:print:]]", b"[[:cntrl:]]", b"[[:punct:]]", b"a*b", b"\x00", b"[a-c-e]", b"[[:digit:]-z]",
]  # fmt: skip
LINES = st.builds(lambda start, atoms, end: start + b"".join(atoms) + end, st.sampled_from([b"", b"", b"!", b"/"]),
                  st.lists(st.sampled_from(ATOMS), min_size=1, max_size=6), st.sampled_from([b"", b"", b"/", b"  "]))
DATA = st.builds(lambda mark, lines, ends: mark + ends.join(lines), st.sampled_from([b"", b"\xef\xbb\xbf"]),
                 st.lists(LINES, max_size=6), st.sampled_from([b"\n", b"\r\n"]))


class Tree:
    """A repository with files and folders of all these names, four levels deep."""

    def __init__(self, top: Path) -> None:
        self.top = top
        subprocess.run(["git", "init", "-q", str(top)], check=True)
        draw, root = random.Random(7), os.fsencode(top)
        self.files: set[bytes] = set()
        self.folders: set[bytes] = set()
        for _ in range(1500):
            parts = draw.choices(NAMES, k=draw.choice([1, 1, 2, 2, 3, 4]))
            above = {b"/".join(parts[:count]) for count in range(1, len(parts))}
            path = b"/".join(parts)
            if path not in self.folders and path not in self.files and not above & self.files:
                self.folders |= above
                os.makedirs(os.path.join(root, *parts[:-1]), exist_ok=True)
                self.files.add(path)
                open(os.path.join(root, path), "wb").close()

    def ignored_by_git(self) -> set[bytes]:
        asked = subprocess.run(["git", "-C", str(self.top), "check-ignore", "--no-index", "-z", "--stdin"],
                               input=b"".join(path + b"\0" for path in sorted(self.files | self.folders)),
                               capture_output=True, timeout=60)
        assert asked.returncode in (0, 1), asked.stderr
        return set(asked.stdout.split(b"\0")[:-1])

    def ignored_by_us(self, patterns: Patterns) -> set[bytes]:
        found: set[bytes] = set()
        for path in sorted(self.files | self.folders, key=lambda path: path.count(b"/")):
            above = path[:max(path.rfind(b"/"), 0)]
            if above in found or patterns.verdict(path, is_folder=path in self.folders):
                found.add(path)
        return found


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Tree:
    return Tree(tmp_path_factory.mktemp("tree"))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=DATA)
@example(b"\xef\xbb\xbfab/\r\n*.py\r\n")
@example(b"a\x0cb\n\x0ca\n")
@example(b"x\xe2\x80\xa8b.py\na\xe2\x80\xa8b\n")
@example(b"foo/\n/*\n!/a/\n")
@example(b"[z-a]*\n*.py\n")
@example(b"a**/b\n/a**b/**/foo\n")
@example(b"a \\ \n a\n\\#a\n\\!a\n")
def test_a_file_of_rules_means_what_git_says(tree, data):
    (tree.top / ".gitignore").write_bytes(data)
    ours, git = tree.ignored_by_us(Patterns.parse(data)), tree.ignored_by_git()
    assert (sorted(ours - git), sorted(git - ours)) == ([], [])


BRACKETS = ["[a]", "[A]", "[!a]", "[!A]", "[^a-c]", "[^A-C]", "[a-C]", "[A-z]", "[Z-a]", "[[:upper:]]",
            "[![:upper:]]", "[[:lower:]]", "[^[:lower:]]", "[\\A]", "[!\\A-\\C]", "*[!a]", "?[A]", "[!a-b]?",
            "[[:alpha:]_]", "[[:xdigit:]]", "[!B-C1]", "[_A-B]"]  # fmt: skip


@pytest.mark.parametrize("fold", [True, False])
def test_brackets_name_what_git_says_where_letters_of_both_cases_are_the_same(fold, tmp_path):
    names = ["a", "A", "b", "B", "z", "Z", "1", "_", "^", "Ab", "aB", "aa", "AA", "1A"]
    write_tree(tmp_path, {f"{number}/{name}": "" for number in range(len(BRACKETS)) for name in names})
    write_tree(tmp_path, {f"{number}/.gitignore": f"{glob}\n" for number, glob in enumerate(BRACKETS)})
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "config", "core.ignorecase", str(fold).lower()], check=True)
    paths = [f"{number}/{name}" for number in range(len(BRACKETS)) for name in names]
    asked = subprocess.run(["git", "-C", str(tmp_path), "check-ignore", "--no-index", "--stdin"], text=True,
                           input="\n".join(paths), capture_output=True, timeout=60)  # fmt: skip
    rules = Rules(tmp_path)
    ours = {path for path in paths if rules.listed(tmp_path / path, is_folder=False) is Refusal.IGNORED}
    assert ours == set(asked.stdout.splitlines())


FILES = ["a.py", "b.py", "sub/a.py", "sub/b.py", "sub/in/a.py", "sub/in/1.py", "out/a.py", "out/src/a.py",
         "src/out/a.py", "src/A.py", "src/b.PY"]  # fmt: skip
PLACES = [".gitignore", "sub/.gitignore", "sub/in/.gitignore", "src/.gitignore", ".git/info/exclude", "../ignore"]
SIMPLE = st.lists(st.sampled_from([
    "*", "!*", "*.py", "!*.py", "a.py", "!a.py", "/a.py", "!/a.py", "sub", "!sub", "sub/*", "!sub/in", "in/", "!in/",
    "out/", "!out/", "/out", "/*", "!/src/", "**/in/*", "!**/a.py", "[[:digit:]].py", "src/**/a.py", "A.PY", "*.Py",
    "SRC/",
]), max_size=4)  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules=st.dictionaries(st.sampled_from(PLACES), SIMPLE, max_size=4), fold=st.booleans(),
       start=st.sampled_from([".", "sub", "src"]))
def test_files_of_rules_at_every_place_count_as_in_git(rules, fold, start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    top = folder / "top"
    write_tree(top, dict.fromkeys(FILES, "x = 1\n"))
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    subprocess.run(["git", "-C", str(top), "config", "core.ignorecase", str(fold).lower()], check=True)
    subprocess.run(["git", "-C", str(top), "config", "core.excludesFile", str(folder / "ignore")], check=True)
    write_tree(top, {name: "\n".join(lines) + "\n" for name, lines in rules.items()})
    root = top / start
    names = [str(path.relative_to(top)) for path in sorted(top.rglob("*.[pP]*")) if path.is_relative_to(root)]
    asked = subprocess.run(["git", "-C", str(top), "check-ignore", "--no-index", start, *names], capture_output=True,
                           text=True, timeout=60)
    git = set(asked.stdout.splitlines())
    if start in git:  # then we work in it under its own rules
        return
    ours = {name for name in names if Rules(root).refusal(top / name) is Refusal.IGNORED}
    assert (sorted(ours - git), sorted(git - ours)) == ([], [])


def test_a_worktree_shares_the_repositorys_own_rules(tmp_path):
    write_tree(tmp_path / "main", {"a.py": "x = 1\n"})
    git = ["git", "-C", str(tmp_path / "main"), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(tmp_path / "other")], check=True)
    (tmp_path / "main/.git/info/exclude").write_text("notes.py\n")
    write_tree(tmp_path / "other", {"notes.py": "x = 1\n"})
    rules = Rules(tmp_path / "other")
    assert rules.refusal(tmp_path / "other/notes.py") is Refusal.IGNORED
    assert rules.refusal(tmp_path / "other/a.py") is None


@pytest.mark.parametrize("setting", ["excludesFile = {}", "excludesfile={} # mine", 'EXCLUDESFILE = "{}"', None])
def test_the_users_rules_for_all_repositories_count(tmp_path, monkeypatch, setting):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = tmp_path / "config/git/ignore" if setting is None else tmp_path / "home" / "my rules"
    write_tree(tmp_path, {"work/a.py": "", "work/b.py": "", str(file.relative_to(tmp_path)): "b.py\n"})
    if setting is not None:
        text = f"[user]\n\tname = a\n[core]\n\t{setting.format('~/my rules')}\n"
        write_tree(tmp_path / "home", {".gitconfig": text})
    subprocess.run(["git", "init", "-q", str(tmp_path / "work")], check=True)
    ask = ["git", "-C", str(tmp_path / "work"), "check-ignore", "b.py"]
    assert subprocess.run(ask, capture_output=True, text=True).stdout == "b.py\n"
    assert Rules(tmp_path / "work").refusal(tmp_path / "work/b.py") is Refusal.IGNORED
    assert Rules(tmp_path / "work").refusal(tmp_path / "work/a.py") is None


@pytest.mark.parametrize(("glob", "path"), [
    (b"*a" * 28 + b"b", b"a" * 200 + b".py"), (b"*a" * 2000 + b"b", b"a" * 4000),
    (b"**/*a" * 50 + b"/b", b"/".join([b"a" * 20] * 100)), (b"**/a/" * 200 + b"b", b"/".join([b"a"] * 2000)),
    (b"x/" + b"**/*a*a*a*a*b/" * 60 + b"c", b"x/" + b"/".join([b"a" * 30] * 120)),
    (b"**/" * 60 + b"a", b"b/" * 2000 + b"b"),
])  # fmt: skip
@pytest.mark.parametrize("paths", [False, True])
def test_no_glob_takes_for_ever(glob, path, paths):
    """Each of these would: with every star that is tried again the time doubles, and there are dozens of them."""
    assert not compile_glob(glob, paths=paths)(path)
