"""Where a git repository keeps what counts beside .gitignore files, and which of its settings bear on them.

A worktree's ``.git`` is a file that points elsewhere; the rules of all worktrees lie in one place. Of git's settings
only two are looked for, in the repository and in the user's own files; a file that these include is not followed.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kvlsp.workspace.reading import read_bytes
from kvlsp.workspace.refusal import Refusal

_SECTION: Final = re.compile(r"\s*\[\s*([\w.-]+)\s*(\")?")
_SETTING: Final = re.compile(r"\s*(excludesfile|ignorecase)\s*(?:=\s*(.*?))?\s*$", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^"#;]*)')
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Repository:
    """``excludes``: files of rules that count less than any .gitignore, the stronger one first."""

    excludes: tuple[Path, ...]
    fold: bool
    """Letters of both cases are the same, as on disks that do not tell them apart."""


def is_top(folder: Path) -> bool:
    """Whether a repository, or one of its worktrees, begins here."""
    return os.path.lexists(folder / ".git")


def own_excludes(folder: Path) -> Path | None:
    """The repository's own file of rules, which no commit holds; None where no repository begins."""
    common = _common(folder)
    return None if common is None else common / "info" / "exclude"


def repository_of(top: Path) -> Repository:
    """What the user and the repository that begins here have set."""
    common = _common(top)
    home = Path(os.path.expanduser("~"))
    beside = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    found: dict[str, str] = {}
    files = (Path("/etc/gitconfig"), beside / "config", home / ".gitconfig", common / "config" if common else None)
    for file in files:
        found.update(_settings(file) if file is not None else {})
    named = found.get("excludesfile")
    general = beside / "ignore" if named is None else Path(os.path.expanduser(named))
    own = own_excludes(top)
    fold = found.get("ignorecase", "").lower() in ("true", "yes", "on", "1")
    return Repository((*([own] if own else []), general), fold)


def _common(folder: Path) -> Path | None:
    """The folder that all worktrees of the repository share."""
    git = folder / ".git"
    if os.path.isdir(git):
        return git
    if not os.path.isfile(git):
        return None
    pointed = _line(git)
    if not pointed.startswith("gitdir:"):
        return None
    own = folder / pointed.removeprefix("gitdir:").strip()
    common = _line(own / "commondir")
    return own / common if common else own


def _line(file: Path) -> str:
    """The first line of a file that names another one; empty for what no file can be called."""
    found = read_bytes(file)
    line = b"" if isinstance(found, Refusal) else found[0].split(b"\n", 1)[0]
    return "" if b"\0" in line else os.fsdecode(line).strip()


def _settings(file: Path) -> dict[str, str]:
    """Of the section ``core``, by lower-case name; a setting without a value is true."""
    found = read_bytes(Path(os.path.realpath(file)))
    settings: dict[str, str] = {}
    within = False
    for line in () if isinstance(found, Refusal) else found[0].decode("utf-8", "surrogateescape").split("\n"):
        section = _SECTION.match(line)
        if section:
            within = section[1].lower() == "core" and not section[2]
            line = line[line.find("]") + 1:]
        setting = _SETTING.match(line)
        if within and setting:
            settings[setting[1].lower()] = "true" if setting[2] is None else _plain(setting[2])
    return settings


def _plain(value: str) -> str:
    """Without quotes and the comment behind."""
    text = ""
    for part in _QUOTED.finditer(value):
        text += _ESCAPED.sub(r"\1", part[1]) if part[1] is not None else _ESCAPED.sub(r"\1", part[2])
        if value[part.end():part.end() + 1] in ("#", ";"):
            break
    return text.strip()
