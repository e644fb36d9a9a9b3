"""Where a git repository keeps what counts beside .gitignore files, and which of its settings bear on them.

A worktree's ``.git`` is a file that points elsewhere; the rules of all worktrees lie in one place. Of git's settings
(:mod:`kvlsp.workspace.git_settings`) only two are looked for, in the repository and in the user's own files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kvlsp.workspace.git_settings import Settings, expanded
from kvlsp.workspace.reading import read_bytes
from kvlsp.workspace.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Repository:
    """``excludes``: files of rules that count less than any .gitignore, the stronger one first."""

    excludes: tuple[Path, ...]
    fold: bool
    """Letters of both cases are the same, as on disks that do not tell them apart."""
    settings: tuple[Path, ...] = ()
    """Files of settings that were looked at, there or not."""


def top_of(folder: Path) -> Path | None:
    """Where the repository begins, or the worktree of one, in which a folder lies; None where it lies in none.

    What has the name and not what git looks for (left behind, or made by hand) counts where there is nothing else.
    """
    named = [one for one in (folder, *folder.parents) if os.path.lexists(one / ".git")]
    return next((one for one in named if _is_one(one / ".git")), named[0] if named else None)


def _is_one(git: Path) -> bool:
    return not os.path.isdir(git) or (os.path.lexists(git / "HEAD") and os.path.isdir(git / "objects"))


def own_excludes(folder: Path) -> Path | None:
    """The repository's own file of rules, which no commit holds; None where no repository begins."""
    git = _own(folder)
    return None if git is None else _shared(git) / "info" / "exclude"


def repository_of(top: Path) -> Repository:
    """What the user and the repository that begins here have set."""
    git = _own(top)
    common = None if git is None else _shared(git)
    home = Path(os.path.expanduser("~"))
    beside = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"
    found = Settings(git)
    for file in (*_general(home, beside), *([common / "config"] if common is not None else [])):
        found.read(file)
    if git is not None and found.is_on("extensions.worktreeconfig"):
        found.read(git / "config.worktree")
    named = found.value("core.excludesfile")
    general = beside / "ignore" if named is None else top / expanded(named)
    own = own_excludes(top)
    return Repository((*([own] if own else []), general), found.is_on("core.ignorecase"), tuple(found.files))


def _general(home: Path, beside: Path) -> Iterator[Path]:
    """The files that hold for all repositories of the machine, and of the user."""
    if os.environ.get("GIT_CONFIG_NOSYSTEM", "").lower() not in ("1", "true", "yes", "on"):
        yield Path(os.environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig")
    named = os.environ.get("GIT_CONFIG_GLOBAL")
    yield from (beside / "config", home / ".gitconfig") if named is None else (Path(named),)


def _own(folder: Path) -> Path | None:
    """The folder that the repository, or a worktree of it, keeps for itself."""
    git = folder / ".git"
    if os.path.isdir(git):
        return git
    pointed = _line(git) if os.path.isfile(git) else ""
    return folder / pointed.removeprefix("gitdir:").strip() if pointed.startswith("gitdir:") else None


def _shared(git: Path) -> Path:
    """The folder that all worktrees of the repository share."""
    common = _line(git / "commondir")
    return git / common if common else git


def _line(file: Path) -> str:
    """The first line of a file that names another one; empty for what no file can be called."""
    found = read_bytes(file)
    line = b"" if isinstance(found, Refusal) else found[0].split(b"\n", 1)[0]
    return "" if b"\0" in line else os.fsdecode(line).strip()
