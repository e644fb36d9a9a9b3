"""The training corpus: made from folders of Python files (from fetched packages: `gather.py`), saved and read.

The corpus is a list of `SourceFile`, saved as JSON lines so that a resumed training reads the very same one.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import sys
import sysconfig
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TextIO, cast

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.training.deny_list import HELD_OUT_PACKAGES, is_test, path_refusal, quality, text_refusal
from kvlsp.laboratory.training.duplicates import SeenRuns, fingerprints
from kvlsp.laboratory.training.languages import language_of
from kvlsp.laboratory.training.licences import LicenceTable

#: A file is dropped when more than this share of its runs of lines is known already.
MAX_KNOWN_SHARE = 0.5
#: ... and already at this share when the runs are known from a held-out package.
MAX_HELD_OUT_SHARE = 0.1
#: Characters kept of one package, the best files first; of them at most the share given may be tests.
PACKAGE_CAP = 2_500_000
STDLIB_CAP = 10_000_000
TEST_SHARE = 0.12
#: A language with less of the text than this was not learned.
LEAST_SHARE = 0.005
_VENDORS = frozenset({"_vendor", "vendored", "third_party", "extern", "_vendored"})


@dataclass(frozen=True)
class SourceFile:
    """One file of the corpus. `path` is relative to its package's folder's parent, never absolute."""

    package: str
    path: str
    text: str
    quality: float


@dataclass(frozen=True)
class Corpus:
    """Training files, held-out files, and what the model card says about them."""

    train: tuple[SourceFile, ...]
    held_out: tuple[SourceFile, ...]
    licences: dict[str, str] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)

    def sizes(self) -> dict[str, int]:
        """Characters of the training files in each language, the largest first."""
        sizes: Counter[str] = Counter()
        for file in self.train:
            sizes[language_of(file.path) or "python"] += len(file.text)
        return dict(sizes.most_common())

    def languages(self) -> list[str]:
        """The languages a model can have learned from this corpus: those with a share worth the name."""
        sizes = self.sizes()
        return [name for name, size in sizes.items() if size >= LEAST_SHARE * sum(sizes.values())]

    def digest(self) -> str:
        """SHA-256 over all training texts in order: two trainings on equal digests saw the same text."""
        total = hashlib.sha256()
        for file in self.train:
            total.update(file.text.encode("utf-8", "replace"))
        return total.hexdigest()


def default_folders() -> list[Path]:
    """The running interpreter's standard library and its installed packages."""
    paths = sysconfig.get_paths()
    return sorted({Path(paths["stdlib"]), Path(paths["purelib"])})


def some_folder() -> Path:
    """A small folder of Python files that every interpreter has, to try a training with."""
    return Path(sysconfig.get_paths()["stdlib"]) / "asyncio"


def package_of(path: Path) -> str:
    """The package a path relative to a corpus folder belongs to: a vendored package counts as itself."""
    parts = path.parts
    for marker in ("site-packages", "dist-packages"):
        if marker in parts:
            parts = parts[parts.index(marker) + 1 :]
    for i in range(len(parts) - 2, -1, -1):
        if parts[i] in _VENDORS:
            return parts[i + 1].removesuffix(".py")
    return parts[0].removesuffix(".py")


def _python_files(folder: Path) -> Iterator[tuple[Path, Path]]:
    """(absolute, relative) of every Python file below `folder`, in the order of their names.

    A folder that is a package, or lies in one, counts with the package's name: held out stays held out.
    """
    base = folder.resolve()
    while (base / "__init__.py").exists():
        base = base.parent
    for path in sorted(folder.resolve().rglob("*.py")):
        if path.is_file() and not path.is_symlink():
            yield path, path.relative_to(base)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_stdlib(folder: Path, relative: Path) -> bool:
    return (folder / "os.py").exists() and relative.parts[0] not in ("site-packages", "dist-packages")


def held_out_files(folders: Iterable[Path]) -> list[SourceFile]:
    """The files of the held-out packages installed below `folders`, each text once, vendored copies left
    out.
    """
    found: dict[str, SourceFile] = {}
    for folder in folders:
        for absolute, relative in _python_files(folder):
            package = package_of(relative)
            if package not in HELD_OUT_PACKAGES or is_test(relative) or _VENDORS & set(relative.parts):
                continue
            text = _read(absolute)
            if text is not None and text_refusal(text) is None:
                found.setdefault(text, SourceFile(package, relative.as_posix(), text, 1.0))
    return list(found.values())


def build_corpus(folders: Iterable[Path]) -> Corpus:
    """Read all folders (earlier ones win among duplicates) and return what is worth training on.

    Held-out packages are collected apart and used to refuse copies of themselves anywhere else.
    """
    folders = list(folders)
    licences = LicenceTable()
    held_out = held_out_files(folders)
    exact: set[bytes] = set()
    known_held_out = SeenRuns()
    listing: list[tuple[Path, Path, Path]] = []
    for folder in folders:
        licences.scan(folder)
        for absolute, relative in _python_files(folder):
            listing.append((folder, absolute, relative))
            if set(relative.parts) & set(HELD_OUT_PACKAGES) and (text := _read(absolute)) is not None:
                known_held_out.add(fingerprints(text))

    refused: Counter[str] = Counter()
    candidates: list[tuple[SourceFile, bool]] = []
    known = SeenRuns()
    for folder, absolute, relative in listing:
        if (reason := path_refusal(relative)) is not None:
            refused[reason] += 1
            continue
        text = _read(absolute)
        if text is None:
            refused["not UTF-8"] += 1
            continue
        if (reason := text_refusal(text)) is not None:
            refused[reason] += 1
            continue
        digest = hashlib.sha256(text.encode()).digest()
        prints = fingerprints(text)
        if digest in exact or known.share(prints) > MAX_KNOWN_SHARE:
            refused["duplicate"] += 1
            continue
        if known_held_out.share(prints) > MAX_HELD_OUT_SHARE:
            refused["copy of a held-out package"] += 1
            continue
        value = quality(text)
        if value == 0.0:
            refused["no function, or not Python 3"] += 1
            continue
        exact.add(digest)
        known.add(prints)
        package = "python-stdlib" if _is_stdlib(folder, relative) else package_of(relative)
        candidates.append((SourceFile(package, relative.as_posix(), text, value), is_test(relative)))
    train = _capped(candidates, refused)
    names = {file.package for file in train}
    return Corpus(tuple(train), tuple(held_out), licences.of(names), dict(refused))


def _capped(candidates: list[tuple[SourceFile, bool]], refused: Counter[str]) -> list[SourceFile]:
    """The best files of each package up to its cap, in the order of the candidates."""
    used: Counter[str] = Counter()
    used_by_tests: Counter[str] = Counter()
    kept: set[int] = set()
    for i, (file, test) in sorted(enumerate(candidates), key=lambda item: -item[1][0].quality):
        cap = STDLIB_CAP if file.package == "python-stdlib" else PACKAGE_CAP
        full = used[file.package] + len(file.text) > cap
        if full or (test and used_by_tests[file.package] > TEST_SHARE * cap):
            refused["package cap"] += 1
            continue
        used[file.package] += len(file.text)
        used_by_tests[file.package] += len(file.text) * test
        kept.add(i)
    return [file for i, (file, _) in enumerate(candidates) if i in kept]


def save_corpus(corpus: Corpus, path: Path) -> None:
    """Write the corpus as JSON lines, atomically; compressed when the name ends in `.xz`."""
    part = path.with_name(f"part-{path.name}")
    with _opened(part, "wt") as out:
        out.write(json.dumps({"licences": corpus.licences, "refused": corpus.refused}) + "\n")
        for kind, files in (("held_out", corpus.held_out), ("train", corpus.train)):
            for file in files:
                out.write(json.dumps({"kind": kind, **asdict(file)}) + "\n")
    part.replace(path)


def load_corpus(path: Path, kinds: Collection[str] = ("train", "held_out")) -> Corpus:
    """Read what `save_corpus` wrote, the files of other ``kinds`` left out. Raises ConfigurationError."""
    files: dict[str, list[SourceFile]] = {"train": [], "held_out": []}
    try:
        with _opened(path, "rt") as lines:
            head = json.loads(next(lines))
            for line in lines:
                if not any(line.startswith(f'{{"kind": "{kind}"') for kind in kinds):
                    continue
                record = json.loads(line)
                files[record.pop("kind")].append(SourceFile(**record))
        return Corpus(tuple(files["train"]), tuple(files["held_out"]), head["licences"], head["refused"])
    except (OSError, EOFError, lzma.LZMAError, StopIteration, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is no saved corpus: {type(error).__name__}.") from error


@contextmanager
def _opened(path: Path, mode: Literal["rt", "wt"]) -> Iterator[TextIO]:
    with lzma.open(path, mode, encoding="utf-8") if path.suffix == ".xz" else path.open(mode, encoding="utf-8") as file:
        yield cast(TextIO, file)


def main(arguments: list[str]) -> None:
    """`python -m kvlsp.laboratory.training.corpus OUT FOLDER...`: save a corpus, print what was refused."""
    corpus = build_corpus([Path(argument) for argument in arguments[1:]])
    save_corpus(corpus, Path(arguments[0]))
    sizes: Counter[str] = Counter()
    for file in corpus.train:
        sizes[file.package] += len(file.text)
    print(f"{len(corpus.train)} files, {sum(sizes.values()) / 1e6:.1f} M characters")
    print(f"refused: {corpus.refused}")
    print(", ".join(f"{name} {size / 1e6:.2f}" for name, size in sizes.most_common(150)))


if __name__ == "__main__":
    main(sys.argv[1:])
