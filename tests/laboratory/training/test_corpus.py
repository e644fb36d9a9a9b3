from __future__ import annotations

import random
from pathlib import Path

import pytest

from kvlsp.laboratory.training.corpus import (
    PACKAGE_CAP,
    SourceFile,
    build_corpus,
    held_out_files,
    load_corpus,
    package_of,
    save_corpus,
)
from kvlsp.laboratory.training.duplicates import SeenRuns, fingerprints


def module(seed: int, functions: int = 12) -> str:
    """Python that shares no three lines in a row with a module of another seed."""
    rng = random.Random(seed)
    names = ["read_" + "".join(rng.choices("bcdfghklmnprstvw", k=7)) for _ in range(functions)]
    return "".join(
        f'def {name}(value: str) -> str:\n    """Does {name} of it."""\n'
        f'    {name}_result = value + "{name}"\n'
        f"    return {name}_result\n\n\n"
        for name in names
    )


def put(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    put(tmp_path, "alpha/core.py", module(1))
    put(tmp_path, "alpha/other.py", module(2))
    put(tmp_path, "beta/_vendor/gamma/core.py", module(3))
    put(tmp_path, "delta/copy.py", module(1) + "\nTAIL = 1\n")
    put(tmp_path, "click/core.py", module(4))
    put(tmp_path, "beta/renamed.py", module(4) + module(5, functions=3))
    put(tmp_path, "old/two.py", module(6) + "print 'two'\n")
    put(
        tmp_path,
        "alpha-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: alpha\nLicense-Expression: MIT\n\nText\n",
    )
    put(tmp_path, "alpha-1.0.dist-info/RECORD", "alpha/core.py,,\nalpha-1.0.dist-info/METADATA,,\n")
    return tmp_path


def test_corpus_keeps_each_text_once_and_no_held_out_text(site: Path):
    corpus = build_corpus([site])
    assert {file.path for file in corpus.train} == {
        "alpha/core.py",
        "alpha/other.py",
        "beta/_vendor/gamma/core.py",
    }
    assert [file.path for file in corpus.held_out] == ["click/core.py"]
    assert corpus.refused["duplicate"] == 1
    assert corpus.refused["copy of a held-out package"] == 1
    assert corpus.refused["no function, or not Python 3"] == 1


def test_a_vendored_package_counts_as_itself(site: Path):
    assert {file.package for file in build_corpus([site]).train} == {"alpha", "gamma"}
    assert package_of(Path("site-packages/pip/_vendor/rich/table.py")) == "rich"
    assert package_of(Path("lib/third_party/six.py")) == "six"


def test_licences_come_from_metadata(site: Path):
    assert build_corpus([site]).licences == {"alpha": "MIT", "gamma": "see the package"}


def test_earlier_folders_win_among_duplicates(tmp_path: Path):
    put(tmp_path, "new/pkg/a.py", module(1))
    put(tmp_path, "old/pkg/b.py", module(1) + "\n# older\n")
    assert [file.path for file in build_corpus([tmp_path / "new", tmp_path / "old"]).train] == ["pkg/a.py"]


def test_a_package_is_capped_and_its_best_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path, "pkg/good.py", module(1))
    put(tmp_path, "pkg/poor.py", "".join(f"def f{i}q(x):\n    y{i} = x\n    return y{i}\n" for i in range(40)))
    monkeypatch.setattr("kvlsp.laboratory.training.corpus.PACKAGE_CAP", len(module(1)) + 10)
    assert [file.path for file in build_corpus([tmp_path]).train] == ["pkg/good.py"]
    assert PACKAGE_CAP > 1_000_000


def test_a_saved_corpus_is_read_back(site: Path, tmp_path: Path):
    corpus = build_corpus([site])
    save_corpus(corpus, tmp_path / "corpus.jsonl")
    assert load_corpus(tmp_path / "corpus.jsonl") == corpus
    assert load_corpus(tmp_path / "corpus.jsonl").digest() == corpus.digest()


def test_held_out_files_leave_out_vendored_copies(tmp_path: Path):
    put(tmp_path, "click/core.py", module(1))
    put(tmp_path, "other/_vendor/click/core.py", module(2))
    assert held_out_files([tmp_path]) == [SourceFile("click", "click/core.py", module(1), 1.0)]


def test_share_of_known_runs():
    seen = SeenRuns([module(1)])
    assert seen.share(fingerprints(module(1))) == 1.0
    assert seen.share(fingerprints(module(2))) == 0.0
    assert 0.3 < seen.share(fingerprints(module(1) + module(2))) < 0.7


def test_a_held_out_package_named_as_a_folder_stays_held_out(tmp_path: Path):
    for name in ("click/__init__.py", "click/core.py", "alpha/__init__.py", "alpha/sub/__init__.py"):
        put(tmp_path, name, "")
    put(tmp_path, "click/core.py", module(1))
    put(tmp_path, "alpha/sub/core.py", module(2))
    corpus = build_corpus([tmp_path / "click", tmp_path / "alpha" / "sub"])
    assert [(file.package, file.path) for file in corpus.train] == [("alpha", "alpha/sub/core.py")]
    assert [file.path for file in corpus.held_out] == ["click/core.py"]
