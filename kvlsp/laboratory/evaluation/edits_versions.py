"""Pairs of released versions of pure-Python packages: where real edits come from.

The packages are held out from the default model's corpus (:mod:`kvlsp.laboratory.training.deny_list`). Full
measurements read wheels, two per package, from a folder or fetch them with pip; quick ones read excerpts that come
along.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from pathlib import Path

from kvlsp.errors import ConfigurationError

RELEASES = {
    "click": ("8.1.8", "8.2.1"),
    "jinja2": ("3.0.3", "3.1.6"),
    "trio": ("0.24.0", "0.27.0"),
    "werkzeug": ("2.3.8", "3.0.6"),
}
SAMPLE = Path(__file__).parent / "edit_samples" / "hunks.json"


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines [start, end) of the version before are replaced by ``lines`` (each with its ending)."""

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Revision:
    """A file (or an excerpt) before, and the hunks that lead to the version after. Hunks ascend."""

    package: str
    path: str
    before: tuple[str, ...]
    hunks: tuple[Hunk, ...]


def hunks_between(before: Sequence[str], after: Sequence[str]) -> tuple[Hunk, ...]:
    """A line diff."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return tuple(
        Hunk(start, end, tuple(after[first:last]))
        for kind, start, end, first, last in matcher.get_opcodes() if kind != "equal"
    )


def sampled() -> list[Revision]:
    """The excerpts that come along."""
    return [
        Revision(entry["package"], entry["path"], tuple(entry["before"]),
                 tuple(Hunk(hunk["start"], hunk["end"], tuple(hunk["lines"])) for hunk in entry["hunks"]))
        for entry in json.loads(SAMPLE.read_text(encoding="utf-8"))
    ]


def write_sample(revisions: Iterable[Revision], path: Path = SAMPLE) -> None:
    """Store excerpts as :func:`sampled` reads them."""
    path.write_text(json.dumps([asdict(one) for one in revisions], indent=0) + "\n", encoding="utf-8")


def released(folder: Path) -> list[Revision]:
    """Every file that differs between the two versions of each package, from wheels in ``folder``.

    Raises :class:`ConfigurationError` when a wheel is missing.
    """
    revisions = []
    for package, versions in RELEASES.items():
        before, after = (sources(folder, package, version) for version in versions)
        for path in sorted(before.keys() & after.keys()):
            old, new = before[path].splitlines(keepends=True), after[path].splitlines(keepends=True)
            if old != new and "\r" not in before[path] + after[path]:
                revisions.append(Revision(package, path, tuple(old), hunks_between(old, new)))
    return revisions


def fetch(folder: Path) -> Path:
    """Have pip put the wheels into ``folder``; those already there stay. Raises :class:`ConfigurationError`."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        f"{package}=={version}" for package, versions in RELEASES.items() for version in versions
        if not _matching(folder, package, version)
    ]
    for requirement in wanted:  # one by one: pip refuses two versions of a package in one call
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
                   "--dest", str(folder), requirement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigurationError(
                f"pip could not fetch {requirement}. Put the wheel into {folder} and name it with --versions."
            )
    return folder


def _matching(folder: Path, package: str, version: str) -> list[Path]:
    stem = f"{package}-{version}-"
    return [path for path in folder.glob("*.whl") if path.name.lower().startswith(stem)]


def _wheel(folder: Path, package: str, version: str) -> Path:
    found = _matching(folder, package, version)
    if not found:
        raise ConfigurationError(
            f"There is no wheel of {package} {version} in {folder}. `kvlsp evaluate edits --versions fetch` gets it."
        )
    return found[0]


def sources(folder: Path, package: str, version: str) -> dict[str, str]:
    """Path -> text of the Python files in a wheel, tests left out. Raises :class:`ConfigurationError`."""
    with zipfile.ZipFile(_wheel(folder, package, version)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()
                if name.endswith(".py") and "/_tests/" not in name}
