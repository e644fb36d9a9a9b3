"""A tokenizer rebuilt from a file's vocabulary equals the one that the file was made from, and llama.cpp's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llama_cpp", reason="GGUF models take llama-cpp-python")

from kvlsp import default_model
from kvlsp.errors import TokenizerError
from kvlsp.gguf.api import LlamaModel
from kvlsp.gguf.metadata import read
from kvlsp.gguf.proof import check_entries, probes, prove
from kvlsp.gguf.splitting import KNOWN, pre_tokenizer
from kvlsp.gguf.vocabulary import PUBLISHED, definition
from kvlsp.laboratory.training.to_gguf import convert
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.llama import tiny_file, with_metadata


@pytest.fixture(scope="module")
def default_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(default_model.folder(), tmp_path_factory.mktemp("gguf") / "default.gguf", "q8_0")


def test_the_default_models_tokenizer_comes_back(default_file: Path) -> None:
    ours, rebuilt = Tokenizer.load(default_model.folder()), Tokenizer(definition(read(default_file)))
    assert dict(rebuilt.control) == dict(ours.control)
    assert rebuilt.rule == ours.rule
    for text in probes():
        assert np.array_equal(rebuilt.encode(text).ids, ours.encode(text).ids)
    prove(rebuilt, LlamaModel(default_file, vocabulary_only=True))


def renamed(source: Path, target: Path, **changes: Any) -> LlamaModel:
    return LlamaModel(with_metadata(source, target, changes), vocabulary_only=True)


def test_a_tokenizer_that_differs_from_llama_cpps_is_refused(default_file: Path, tmp_path: Path) -> None:
    """As if the table of patterns said something else than llama.cpp does."""
    ours = Tokenizer(definition({**read(default_file), "tokenizer.ggml.pre": "llama-bpe"}))
    with pytest.raises(TokenizerError, match=r"other tokens than llama.cpp does \(in a probe .* where llama.cpp has"):
        prove(ours, LlamaModel(default_file, vocabulary_only=True))


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_way_of_cutting_words_is_llama_cpps(default_file: Path, tmp_path: Path, name: str) -> None:
    path = with_metadata(default_file, tmp_path / "a.gguf", {"tokenizer.ggml.pre": name})
    prove(Tokenizer(definition(read(path))), LlamaModel(path, vocabulary_only=True))


def test_unknown_ways_and_kinds_are_refused_with_a_sentence(default_file: Path) -> None:
    found = read(default_file)
    for changes, says in (({"tokenizer.ggml.pre": "new-way"}, "called new-way"),
                          ({"tokenizer.ggml.model": "bert"}, "kind bert"),
                          ({"tokenizer.ggml.tokens": []}, "no vocabulary"),
                          ({"tokenizer.ggml.model": "llama"}, "no scores")):  # fmt: skip
        with pytest.raises(TokenizerError, match=says):
            definition({**found, **changes})
    assert pre_tokenizer("new-way") is None


def spm(tmp_path: Path) -> Path:
    """A SentencePiece-style vocabulary: bytes, letters, and some words by their scores."""
    words = ["\u2581", *"abcdefgh\u00e9", "ab", "\u2581a", "cd", "abcd", "\u2581ab", "efg", "ef", "\u2581\u2581"]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    scores = [0.0] * 259 + [-float(number) for number in range(len(words))]
    types = [2, 3, 3] + [6] * 256 + [1] * len(words)
    tokens += [f"[PAD{number}]" for number in range(len(tokens), 263)]
    changes: dict[str, Any] = {
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default", "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": scores, "tokenizer.ggml.token_type": types, "tokenizer.ggml.merges": None,
        "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0,
    }  # fmt: skip
    return with_metadata(tiny_file(1, vocab_size=len(tokens)), tmp_path / "spm.gguf", changes)


def test_a_sentencepiece_vocabulary_is_rebuilt_from_its_scores(tmp_path: Path) -> None:
    path = spm(tmp_path)
    made = Tokenizer(definition(read(path)))
    assert made.kind == "sentencepiece"
    prove(made, LlamaModel(path, vocabulary_only=True))
    assert [made.piece(int(one)) for one in made.encode("abcd efg").ids] == [" ", "abcd", " ", "efg"]


def test_a_tokenizer_json_inside_the_file_is_believed_but_for_its_numbers(default_file: Path, tmp_path: Path) -> None:
    published = (default_model.folder() / "tokenizer.json").read_text(encoding="utf-8")
    found = {**read(default_file), PUBLISHED: published}
    assert definition(found) == published
    model, made = LlamaModel(default_file, vocabulary_only=True), Tokenizer(published)
    check_entries(made, model, found["tokenizer.ggml.tokens"])
    with pytest.raises(TokenizerError, match="the file itself does not"):
        check_entries(made, model, ["", *found["tokenizer.ggml.tokens"]])
