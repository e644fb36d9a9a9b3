from __future__ import annotations

from pathlib import Path

import pytest

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.commands.held_out import held_out
from kvlsp.laboratory.training.corpus import Corpus, SourceFile, save_corpus

FILES = tuple(SourceFile("one", f"one/a{ending}", "text", 1.0) for ending in (".py", ".js", ".mjs", ".ts"))


@pytest.mark.parametrize("name", ["corpus.jsonl", "corpus.jsonl.xz"])
def test_a_saved_corpus_gives_the_files_of_one_language(tmp_path: Path, name: str):
    save_corpus(Corpus((), FILES), tmp_path / name)
    assert [file.path for file in held_out([tmp_path / name])] == ["one/a.py"]
    assert [file.path for file in held_out([tmp_path / name], "javascript")] == ["one/a.js", "one/a.mjs"]
    with pytest.raises(ConfigurationError, match="no held-out files in tsx"):
        held_out([tmp_path / name], "tsx")


def test_folders_have_python_only(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="name one with --from"):
        held_out([tmp_path], "typescript")
