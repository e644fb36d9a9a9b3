"""Packages whose files are each other's context: held out from the default model's corpus.

Full measurements read one wheel per package, from a folder or fetched with pip, so that everybody judges the same
lines; quick ones take what is installed beside kvlsp (two of the four come with what it needs). Tests are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.evaluation.edits_versions import RELEASES, sources
from kvlsp.laboratory.training.deny_list import HELD_OUT_PACKAGES
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.index import Index

_TESTS = frozenset({"_tests", "tests", "test"})


@dataclass(frozen=True, slots=True)
class Package:
    """A package on the disk below ``root``, indexed; ``texts`` by path relative to it, with ``/`` between folders."""

    name: str
    root: Path
    texts: Mapping[str, str]
    index: Index


def released(wheels: Path) -> dict[str, dict[str, str]]:
    """Package -> path -> text, of the later version of each pair that ``kvlsp evaluate edits`` compares.

    Raises :class:`ConfigurationError` when a wheel is missing.
    """
    return {package: _without_tests(sources(wheels, package, later)) for package, (_, later) in RELEASES.items()}


def installed(folders: Sequence[Path]) -> dict[str, dict[str, str]]:
    """The same of the held-out packages in folders of installed packages. Raises :class:`ConfigurationError`."""
    found: dict[str, dict[str, str]] = {}
    for folder in folders:
        for package in HELD_OUT_PACKAGES:
            paths = sorted((folder / package).rglob("*.py"))
            if paths and package not in found:
                texts = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
                found[package] = _without_tests(texts)
    if not found:
        raise ConfigurationError(
            f"None of the held-out packages ({', '.join(HELD_OUT_PACKAGES)}) is installed here. "
            "Let pip get them: --packages fetch."
        )
    return found


@contextmanager
def indexed(packages: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[Package, ...]]:
    """The packages in a folder for the time being, each a workspace of its own."""
    with TemporaryDirectory(prefix="kvlsp-crossfile-") as folder:
        base = Path(folder).resolve()
        opened = [_opened(base, name, packages[name]) for name in sorted(packages)]
        try:
            yield tuple(opened)
        finally:
            for package in opened:
                package.index.close()


def _opened(base: Path, name: str, texts: Mapping[str, str]) -> Package:
    root = base / "packages" / name
    for path, text in texts.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
    index = Index(Rules(root), base / "kept")
    _exhaust(index.scan())
    return Package(name, root, dict(texts), index)


def _exhaust(steps: Iterable[object]) -> None:
    for _ in steps:
        pass


def _without_tests(texts: Mapping[str, str]) -> dict[str, str]:
    """Files with ``\\n`` line ends that are no tests."""
    return {path: text for path, text in texts.items()
            if not _TESTS & set(PurePosixPath(path).parts) and "\r" not in text}
