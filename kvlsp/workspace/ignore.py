"""What of a workspace is never read: by name, by .gitignore (nested ones too), by the user's own globs.

    rules = Rules(root, exclude=("*.snap", "fixtures/"))
    rules.refusal(root / "src" / "app.py")        # None: it may be read
    rules.refusal(root / "config" / ".env.local") # Refusal.SECRET

Names decide first, so that nothing is opened to find out that it must not be; only .gitignore files are read here.
Rules are those of git: the last matching line of the nearest file counts, nothing comes back below an ignored
folder, and .gitignore files above the root count up to the top of its repository. A user's global gitignore
is not looked at.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import pathspec

from kvlsp.errors import ConfigurationError
from kvlsp.syntax.language import Language
from kvlsp.workspace.reading import read_bytes, refusal_of
from kvlsp.workspace.refusal import Refusal

SECRETS: Final = (
    ".env*", "*.env", "env.local", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.asc",
    "*.ovpn", "*.gpg", "*.ppk", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "credential", "credentials", "credential.*",
    "credentials.*", "*.credentials", "*-credentials.*", "*_credentials.*", "secret", "secrets", "secret.*", "*.secret",
    "secrets.*", "*.secrets", "*.tfvars", "*.tfstate*", "*service-account*.json", "*service_account*.json", ".netrc",
    "_netrc", ".npmrc", ".pypirc", ".htpasswd", ".git-credentials", ".pgpass", ".dockercfg", ".vault*",
)  # fmt: skip
"""File names, compared without case. Source files called ``secrets`` are left out with the rest on purpose."""
SECRET_FOLDERS: Final = frozenset({".ssh", ".aws", ".gnupg", ".azure", ".kube", ".docker", "secrets", "credentials"})
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
MOST_FOLDERS: Final = 20_000
"""Folders whose .gitignore is remembered; beyond it the memory begins anew."""


def _any_of(globs: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(glob) for glob in globs))


_SECRET, _GENERATED = _any_of(SECRETS), _any_of(GENERATED)


def name_refusal(name: str) -> Refusal | None:
    """What a file's name alone forbids."""
    if not _is_unicode(name):
        return Refusal.ODD_NAME
    lower = name.lower()
    if _SECRET.match(lower):
        return Refusal.SECRET
    if Language.of(os.path.splitext(lower)[1] or ".") is None:
        return Refusal.NOT_SOURCE
    return Refusal.GENERATED if _GENERATED.match(lower) else None


def folder_name_refusal(name: str) -> Refusal | None:
    """What a folder's name alone forbids; all below it is forbidden with it."""
    if not _is_unicode(name):
        return Refusal.ODD_NAME
    lower = name.lower()
    if lower in SECRET_FOLDERS:
        return Refusal.SECRET
    return Refusal.TOOL_FOLDER if lower in TOOL_FOLDERS or lower.startswith(".") else None


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class Rules:
    """The rules of one root. They remember .gitignore files; :meth:`forget` when one has changed."""

    def __init__(self, root: Path, exclude: Sequence[str] = ()) -> None:
        """Raises :class:`ConfigurationError` when a glob of the user's cannot be understood."""
        self.root = root
        try:
            self._exclude = pathspec.GitIgnoreSpec.from_lines(exclude)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"kvlsp.exclude holds a glob that cannot be understood: {error}. "
                                     "Write them like lines of a .gitignore.") from error
        self.identity = "\0".join([str(root), *exclude])
        """Names root and globs: an index made under other globs is another one."""
        self._specs: dict[Path, pathspec.GitIgnoreSpec | None] = {}
        self._verdicts: dict[Path, Refusal | None] = {}
        self._above = self._find_above()

    def forget(self) -> None:
        """Read .gitignore files again: one was written, moved or deleted."""
        self._specs.clear()
        self._verdicts.clear()
        self._above = self._find_above()

    def refusal(self, path: Path) -> Refusal | None:
        """Why this file of the root is never read; None: it may be (if it is text, as reading finds out)."""
        refusal = (self.below_folder(path.parent) or name_refusal(path.name)
                   or self.listed(path, is_folder=False))
        if refusal is not None:
            return refusal
        try:
            return refusal_of(os.lstat(path))
        except OSError:
            return Refusal.GONE

    def below_folder(self, folder: Path) -> Refusal | None:
        """Why nothing below this folder is read; folders from the root down to it are looked at."""
        if folder == self.root:
            return None
        if folder not in self._verdicts:
            try:
                folder.relative_to(self.root)
            except ValueError:
                return Refusal.OUTSIDE
            verdict = self.below_folder(folder.parent) or self.folder(folder)
            if len(self._verdicts) > MOST_FOLDERS:
                self._verdicts.clear()
            self._verdicts[folder] = verdict
        return self._verdicts[folder]

    def folder(self, folder: Path) -> Refusal | None:
        """Why this folder is not entered, when those above it are."""
        refusal = folder_name_refusal(folder.name)
        if refusal is not None:
            return refusal
        if folder.is_symlink():
            return Refusal.LINK
        if any((folder / mark).exists() for mark in TOOL_MARKS):
            return Refusal.TOOL_FOLDER
        return self.listed(folder, is_folder=True)

    def listed(self, path: Path, *, is_folder: bool) -> Refusal | None:
        """What kvlsp.exclude and .gitignore files say of it, when its folder is not excluded itself."""
        tail = "/" if is_folder else ""
        if self._exclude.check_file(_below(path, self.root) + tail).include:
            return Refusal.EXCLUDED
        folder = path.parent
        while True:
            verdict = _verdict(self._spec(folder), _below(path, folder) + tail)
            if verdict is not None:
                return Refusal.IGNORED if verdict else None
            if folder == self.root:
                break
            folder = folder.parent
        for above in self._above:
            verdict = _verdict(self._spec(above), _below(path, above) + tail)
            if verdict is not None:
                return Refusal.IGNORED if verdict else None
        return None

    def _spec(self, folder: Path) -> pathspec.GitIgnoreSpec | None:
        if folder not in self._specs:
            if len(self._specs) > MOST_FOLDERS:
                self._specs.clear()
            self._specs[folder] = _read_spec(folder)
        return self._specs[folder]

    def _find_above(self) -> tuple[Path, ...]:
        """Folders above the root whose .gitignore counts, nearest first; none when they ignore the root itself."""
        if (self.root / ".git").exists():
            return ()
        found: list[Path] = []
        for folder in self.root.parents:
            found.append(folder)
            if (folder / ".git").exists():
                inside = [self.root, *found[:-1]]
                ignored = any(_verdict(self._spec(top), _below(part, top) + "/")
                              for part in inside for top in found if top in part.parents)
                return () if ignored else tuple(found)
        return ()


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _verdict(spec: pathspec.GitIgnoreSpec | None, path: str) -> bool | None:
    """True: ignored, False: taken back by a line with ``!``, None: no line speaks of it."""
    return None if spec is None else spec.check_file(path).include


def _read_spec(folder: Path) -> pathspec.GitIgnoreSpec | None:
    """The lines of ``.gitignore`` and of a repository's own ``.git/info/exclude``; a broken line is passed over."""
    lines: list[str] = []
    for file in (folder / ".git" / "info" / "exclude", folder / ".gitignore"):
        found = read_bytes(file)
        if not isinstance(found, Refusal):
            lines += found[0].decode("utf-8", "replace").splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    return _spec_of(lines) if lines else None


def _spec_of(lines: list[str]) -> pathspec.GitIgnoreSpec:
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except (ValueError, TypeError):
        good = []
        for line in lines:
            try:
                pathspec.GitIgnoreSpec.from_lines([line])
            except (ValueError, TypeError):
                continue
            good.append(line)
        return pathspec.GitIgnoreSpec.from_lines(good)
