"""From the fetched packages to the training corpus: one after the other read, filtered, deduplicated and written.

Only hashes of what was kept so far are remembered. The file is what `corpus.load_corpus` reads.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import TextIO

from kvlsp.laboratory.training import deny_list, deny_list_javascript
from kvlsp.laboratory.training.archives import BrokenArchive, Package, read_package
from kvlsp.laboratory.training.corpus import MAX_HELD_OUT_SHARE, MAX_KNOWN_SHARE, STDLIB_CAP, TEST_SHARE, SourceFile
from kvlsp.laboratory.training.duplicates import SeenRuns, fingerprints
from kvlsp.laboratory.training.fetch import archive_of
from kvlsp.laboratory.training.languages import language_of
from kvlsp.laboratory.training.packages import Named

#: Characters kept of one package, the best files first.
PACKAGE_CAP = 8_000_000
STANDARD_LIBRARY = "python-stdlib"


@dataclass
class Gathered:
    """What was gathered: characters kept by language and package, what was refused and why, and each licence."""

    characters: Counter[str] = field(default_factory=Counter)
    packages: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    licences: dict[str, str] = field(default_factory=dict)


def gather(
    lists: Iterable[Named],
    archives: Path,
    out: Path,
    *,
    cap: int = PACKAGE_CAP,
    limits: dict[str, int] | None = None,
    standard_library: Path | None = None,
    report: Callable[[str, Gathered], None] = lambda _, __: None,
) -> Gathered:
    """Write the corpus of the packages in ``lists`` that lie in ``archives`` to ``out``.

    ``limits`` are characters for each registry (``pypi``, ``npm``), after which no further package of it is read.
    ``standard_library`` is the folder of an interpreter's own library; without one this interpreter's is taken, if
    Python is among the lists.
    """
    lists = list(lists)
    gathered = Gathered()
    body = out.with_suffix(".body")
    with body.open("w", encoding="utf-8") as sink:
        sieve = _Sieve(gathered, sink)
        for named in lists:
            for name in named.held_out:
                for package in _packages(archives, named.registry, [name], gathered):
                    sieve.hold_out(package)
        for named in lists:
            kept = 0
            wanted: Iterable[Package] = _packages(archives, named.registry, named.packages, gathered)
            for package in _with_library(wanted, named.registry, standard_library):
                if limits and kept >= limits.get(named.registry, kept + 1):
                    break
                kept += sieve.take(package, STDLIB_CAP if package.name == STANDARD_LIBRARY else cap)
                report(package.name, gathered)
    head = {"licences": dict(sorted(gathered.licences.items())), "refused": dict(gathered.refused)}
    part = out.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file, body.open(encoding="utf-8") as written:
        file.write(json.dumps(head) + "\n")
        shutil.copyfileobj(written, file, 1 << 22)
    part.replace(out)
    body.unlink()
    return gathered


def _packages(archives: Path, registry: str, names: Iterable[str], gathered: Gathered) -> Iterator[Package]:
    for name in names:
        archive = archive_of(archives, registry, name)
        if archive is None:
            gathered.refused["package not fetched"] += 1
            continue
        try:
            package = read_package(archive)
        except BrokenArchive:
            gathered.refused["package not readable"] += 1
            continue
        if package.permissive:
            yield package
        else:
            gathered.refused["package without a permissive licence"] += 1


def _with_library(packages: Iterable[Package], registry: str, folder: Path | None) -> Iterator[Package]:
    """The interpreter's own library before the packages of Python's registry."""
    if registry == "pypi":
        folder = folder or Path(sysconfig.get_paths()["stdlib"])
        files = [
            (PurePosixPath(path.relative_to(folder).as_posix()), path.read_text(encoding="utf-8", errors="ignore"))
            for path in sorted(folder.rglob("*.py"))
            if not {"site-packages", "dist-packages"} & set(path.parts) and path.is_file()
        ]
        yield Package(STANDARD_LIBRARY, sysconfig.get_python_version(), "PSF-2.0", True, list(files))
    yield from packages


class _Sieve:
    """Decides which files of a package are kept, and writes them."""

    def __init__(self, gathered: Gathered, sink: TextIO) -> None:
        self._gathered = gathered
        self._sink = sink
        self._exact: set[bytes] = set()
        self._known = SeenRuns()
        self._known_held_out = SeenRuns()

    def hold_out(self, package: Package) -> None:
        """Write the package's files as held out, tests and what was not written by a person left aside."""
        for path, text in package.files:
            if text is None:
                continue
            self._known_held_out.add(fingerprints(text))
            if deny_list.is_test(path) or not _quality(text, path) or deny_list_javascript.path_refusal(path):
                continue
            self._write("held_out", SourceFile(package.name, path.as_posix(), text, 1.0))

    def take(self, package: Package, cap: int) -> int:
        """Write the best files of the package up to ``cap`` characters; how many characters that were."""
        candidates = sorted((file for file in self._candidates(package)), key=lambda file: (-file.quality, file.path))
        kept: list[SourceFile] = []
        used = of_tests = 0
        for file in candidates:
            test = deny_list.is_test(PurePosixPath(file.path))
            if used + len(file.text) > cap or (test and of_tests + len(file.text) > TEST_SHARE * cap):
                self._refuse("package cap")
            elif (reason := self._copied(file.text)) is not None:
                self._refuse(reason)
            else:
                used += len(file.text)
                of_tests += len(file.text) * test
                kept.append(file)
        for file in sorted(kept, key=lambda file: file.path):
            self._write("train", file)
        if kept:
            self._gathered.licences[package.name] = f"{package.licence} ({package.version})"
            self._gathered.packages[package.name] = used
        return used

    def _candidates(self, package: Package) -> Iterator[SourceFile]:
        for path, text in package.files:
            reason = _path_refusal(path) if text is not None else "not UTF-8"
            if text is None or reason is not None:
                self._refuse(reason or "")
                continue
            if (reason := deny_list.text_refusal(text)) is not None:
                self._refuse(reason)
                continue
            value = _quality(text, path)
            if value == 0.0:
                self._refuse("no function, another dialect, or not written by a person")
                continue
            yield SourceFile(package.name, path.as_posix(), text, round(value, 4))

    def _copied(self, text: str) -> str | None:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
        prints = fingerprints(text)
        if digest in self._exact or self._known.share(prints) > MAX_KNOWN_SHARE:
            return "duplicate"
        if self._known_held_out.share(prints) > MAX_HELD_OUT_SHARE:
            return "copy of a held-out package"
        self._exact.add(digest)
        self._known.add(prints)
        return None

    def _refuse(self, reason: str) -> None:
        self._gathered.refused[reason] += 1

    def _write(self, kind: str, file: SourceFile) -> None:
        self._sink.write(json.dumps({"kind": kind, **asdict(file)}) + "\n")
        if kind == "train":
            self._gathered.characters[language_of(file.path) or ""] += len(file.text)


def _path_refusal(path: PurePath) -> str | None:
    if language_of(path) == "python":
        return deny_list.path_refusal(path)
    return deny_list_javascript.path_refusal(path)


def _quality(text: str, path: PurePath) -> float:
    return deny_list.quality(text) if language_of(path) == "python" else deny_list_javascript.quality(text, path)
