from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kvlsp import default_model
from kvlsp.default_model.knows import Knowledge
from kvlsp.default_model.learned import LANGUAGES_KEY, languages_of, titles


def model(folder: Path, languages: object) -> Path:
    (folder / "config.json").write_text(json.dumps({LANGUAGES_KEY: languages}), encoding="utf-8")
    return folder


@pytest.mark.parametrize("language", ["python", "a/b.py", "tsx.py", "typescriptreact", "a.tsx"])
def test_what_it_has_learned(tmp_path: Path, language: str):
    knowledge = Knowledge(model(tmp_path, ["python", "tsx"]))
    assert knowledge.knows(language)
    assert knowledge.refusal(language) is None


@pytest.mark.parametrize("language", ["javascript", "a.ts", "rust", "c.rs", "plaintext", "markdown", "", "Makefile"])
def test_what_it_has_not(tmp_path: Path, language: str):
    knowledge = Knowledge(model(tmp_path, ["python", "tsx"]))
    assert not knowledge.knows(language)
    assert "has learned only Python and TypeScript JSX" in str(knowledge.refusal(language))


def test_the_refusal_names_the_language_and_what_to_do(tmp_path: Path):
    refusal = Knowledge(model(tmp_path, ["python"])).refusal("rust")
    assert refusal == (
        "The loaded model has learned only Python, so nothing is suggested by itself in Rust. "
        "Ask for a completion to see what it has, or set `model` to one that knows the language."
    )
    assert "in this kind of file" in str(Knowledge(tmp_path).refusal("plaintext"))


@pytest.mark.parametrize("languages", [None, [], "python", 3])
def test_a_model_that_says_nothing_knows_everything(tmp_path: Path, languages: object):
    knowledge = Knowledge(model(tmp_path, languages))
    assert knowledge.knows("rust")
    assert knowledge.refusal("") is None


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_folder_without_a_readable_config_says_nothing(tmp_path: Path, text: str):
    assert languages_of(tmp_path / "nowhere") is None
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    assert languages_of(tmp_path) is None


def test_the_model_that_ships_says_what_its_card_says():
    languages = languages_of(default_model.folder())
    assert languages is not None
    card = (default_model.folder() / "README.md").read_text(encoding="utf-8")
    head = card.partition(", and no other language.")[0].rpartition("It knows ")[2]
    assert set(re.split(", | and ", head)) == {titles([name]) for name in languages}
    assert "python" in languages
