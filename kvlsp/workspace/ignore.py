"""What of a workspace is never read: by name, by .gitignore (nested ones too), by the user's own globs.

    rules = Rules(root, exclude=("*.snap", "fixtures/"))
    rules.refusal(root / "src" / "app.py")        # None: it may be read
    rules.refusal(root / "config" / ".env.local") # Refusal.SECRET

Names decide first, so that nothing is opened to find out that it must not be; only files of rules are read here.
Rules are those of git: the last matching line of the nearest file counts, nothing comes back below an ignored
folder, and .gitignore files above the root count up to the top of its repository; last come the repository's own
``info/exclude`` and the user's file for all repositories. Where git could not be followed in bounded time, all of a
folder is passed over, and said.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from kvlsp.syntax.language import Language
from kvlsp.text.secret_names import secret_folder, secret_name
from kvlsp.workspace.exclude import excluded
from kvlsp.workspace.gitignore import Patterns, TooMany
from kvlsp.workspace.outside import Outside
from kvlsp.workspace.reading import read_bytes, refusal_for, refusal_of
from kvlsp.workspace.refusal import Refusal
from kvlsp.workspace.repository import Repository, own_excludes, repository_of, top_of

GENERATED: Final = (
    "*.min.*", "*-min.*", "*.bundle.*", "*.chunk.*", "*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*.pb.*", "*_pb.js",
    "*_pb.ts", "*.generated.*", "*_generated.*", "*.gen.*", "*.designer.*", "moc_*.cpp", "ui_*.h", "zz_generated*",
    "*.d.ts.map", "*.tab.c", "*.tab.h", "lex.yy.c",
)  # fmt: skip
TOOL_FOLDERS: Final = frozenset({
    "node_modules", "bower_components", "__pycache__", "__pypackages__", "venv", "env.bak", "site-packages", "cvs",
})  # fmt: skip
"""Beside every folder whose name begins with a dot."""
TOOL_MARKS: Final = ("pyvenv.cfg", "CACHEDIR.TAG")
"""A folder that holds one of these belongs to a tool, whatever its name."""
OF_RULES: Final = frozenset({".gitignore", ".git", *TOOL_MARKS})
"""What bears on more than itself where it comes into being, is written or goes."""
MOST_FOLDERS: Final = 20_000
"""Folders whose .gitignore is remembered; beyond it the memory begins anew."""


def _any_of(globs: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(glob) for glob in globs))


_GENERATED = _any_of(GENERATED)


def name_refusal(name: str) -> Refusal | None:
    """What a file's name alone forbids."""
    if not _is_unicode(name):
        return Refusal.ODD_NAME
    lower = name.lower()
    if secret_name(name):
        return Refusal.SECRET
    if Language.of(os.path.splitext(lower)[1] or ".") is None:
        return Refusal.NOT_SOURCE
    return Refusal.GENERATED if _GENERATED.match(lower) else None


def folder_name_refusal(name: str) -> Refusal | None:
    """What a folder's name alone forbids; all below it is forbidden with it."""
    if not _is_unicode(name):
        return Refusal.ODD_NAME
    lower = name.lower()
    if secret_folder(lower):
        return Refusal.SECRET
    return Refusal.TOOL_FOLDER if lower in TOOL_FOLDERS or lower.startswith(".") else None


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


_Chain: TypeAlias = tuple[tuple[int, Patterns], ...]


class Rules:
    """The rules of one root. They remember files of rules; :meth:`forget` when one has changed."""

    def __init__(self, root: Path, exclude: Sequence[str] = ()) -> None:
        self.root = root
        self.unfollowed: dict[Path, str] = {}
        """Files of rules that are too long to follow, and why: all that they speak of is passed over."""
        self._exclude, self.problems = excluded(exclude)
        self.identity = "\0".join([str(root), *exclude])
        """Names root and globs: an index made under other globs is another one."""
        self._verdicts: dict[Path, Refusal | None] = {}
        self._read_anew()

    def forget(self) -> None:
        """Read the files again: one was written, moved or deleted. Of a root that is gone nothing can be read; what was
        forbidden there stays so, as long as documents of it are open."""
        if os.path.isdir(self.root):
            self._read_anew()

    def _read_anew(self) -> None:
        self._verdicts.clear()
        self.unfollowed.clear()
        self._chains: dict[bytes, _Chain] = {}
        self._outside = Outside()
        self._general: tuple[Patterns, ...] = ()
        self._fold = False
        self._base = self.root  # where paths that rules are asked about begin: the top of the repository, or the root
        top = top_of(self.root)
        if top is not None:
            repository = repository_of(top)
            self._fold, self._base = repository.fold, top
            self._general = self._general_of(repository)
            if self._is_ignored_itself():
                self._base, self._general = self.root, ()
                self._chains.clear()

    @property
    def outdated(self) -> bool:
        """Whether a file of rules has changed that lies where nobody watches: :meth:`forget`."""
        return self._outside.changed

    def refusal(self, path: Path) -> Refusal | None:
        """Why this file of the root is never read; None: it may be (if it is text, as reading finds out)."""
        refusal = (self.below_folder(path.parent) or name_refusal(path.name)
                   or self.listed(path, is_folder=False))
        if refusal is not None:
            return refusal
        try:
            return refusal_of(os.lstat(path))
        except (OSError, ValueError) as error:
            return refusal_for(error)

    def below_folder(self, folder: Path) -> Refusal | None:
        """Why nothing below this folder is read; folders from the root down to it are looked at."""
        if not folder.is_relative_to(self.root):
            return Refusal.OUTSIDE
        waiting: list[Path] = []
        while folder != self.root and folder not in self._verdicts:
            waiting.append(folder)
            folder = folder.parent
        verdict = None if folder == self.root else self._verdicts[folder]
        if len(self._verdicts) > MOST_FOLDERS:
            self._verdicts.clear()
        while waiting:
            folder = waiting.pop()
            verdict = self._verdicts[folder] = verdict or self.folder(folder)
        return verdict

    def folder(self, folder: Path) -> Refusal | None:
        """Why this folder is not entered, when those above it are."""
        refusal = folder_name_refusal(folder.name)
        if refusal is not None:
            return refusal
        if os.path.islink(folder):
            return Refusal.LINK
        if any(os.path.lexists(folder / mark) for mark in TOOL_MARKS):
            return Refusal.TOOL_FOLDER
        return self.listed(folder, is_folder=True)

    def listed(self, path: Path, *, is_folder: bool) -> Refusal | None:
        """What kvlsp.exclude and git's rules say of it, when its folder is not excluded itself."""
        try:
            if self._exclude.verdict(_below(path, self.root), is_folder=is_folder):
                return Refusal.EXCLUDED
            return Refusal.IGNORED if self._ignores(_below(path, self._base), is_folder) else None
        except UnicodeEncodeError:  # no name that the disk could have
            return Refusal.ODD_NAME

    def _ignores(self, path: bytes, is_folder: bool) -> bool:
        for start, patterns in self._over(path[:max(path.rfind(b"/"), 0)]):
            verdict = patterns.verdict(path[start:], is_folder=is_folder)
            if verdict is not None:
                return verdict
        return False

    def _is_ignored_itself(self) -> bool:
        """Whether the repository ignores the root: then its owner works in it all the same, under its own rules."""
        inside = [folder for folder in (self.root, *self.root.parents) if self._base in folder.parents]
        return any(self._ignores(_below(folder, self._base), True) for folder in inside)

    def _over(self, folder: bytes) -> _Chain:
        """All rules that count in a folder, the strongest first, each with where the paths begin that it speaks of."""
        waiting: list[bytes] = []
        while folder and folder not in self._chains:
            waiting.append(folder)
            folder = folder[:max(folder.rfind(b"/"), 0)]
        if folder not in self._chains:
            self._chains[b""] = (*self._lying_in(b""), *((0, patterns) for patterns in self._general))
        chain = self._chains[folder]
        if len(self._chains) > MOST_FOLDERS:
            self._chains.clear()
        while waiting:
            folder = waiting.pop()
            own = self._lying_in(folder)
            chain = self._chains[folder] = (*own, *chain) if own else chain
        return chain

    def _lying_in(self, folder: bytes) -> _Chain:
        place = self._base / os.fsdecode(folder)
        if place in self.root.parents:
            self._outside.note([place / ".gitignore"])
        found = [self._read(place / ".gitignore")]
        if folder and own_excludes(place) is not None:  # a repository in the repository
            found += self._general_of(repository_of(place))
        return tuple((len(folder) + 1 if folder else 0, patterns) for patterns in found if patterns)

    def _general_of(self, repository: Repository) -> tuple[Patterns, ...]:
        self._outside.note((*repository.settings, *repository.excludes))
        return tuple(self._read(file, links=True) for file in repository.excludes)

    def _read(self, file: Path, *, links: bool = False) -> Patterns:
        """git follows links to the files of rules that it looks for by itself, and to none in a workspace."""
        data = read_bytes(file, links=links)
        if data is Refusal.TOO_LARGE:
            self.unfollowed[file] = "is larger than 1 MB"
            return _EVERYTHING
        if isinstance(data, Refusal):
            return _NOTHING
        try:
            return Patterns.parse(data[0], fold=self._fold)
        except TooMany:
            self.unfollowed[file] = "has too many lines"
            return _EVERYTHING


_NOTHING, _EVERYTHING = Patterns(()), Patterns.parse(b"*")


def _below(path: Path, folder: Path) -> bytes:
    """The path from the folder, as git writes it."""
    below = os.fsencode(path)[len(os.fsencode(str(folder).rstrip(os.sep))) + 1:]
    return below if os.sep == "/" else below.replace(os.fsencode(os.sep), b"/")
