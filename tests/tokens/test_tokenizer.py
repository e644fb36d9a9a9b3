"""Text to ids and back, control tokens, refusals."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from kvlsp.errors import TokenizerError
from kvlsp.tokens import tokenizer as tokenizer_module
from kvlsp.tokens.tokenizer import Tokenizer, readable
from tests.support.nasty import PIECES, nasty_text
from tests.support.tokenizers import CONTROL, KINDS, tokenizer_json

RULES = {
    "gemma": "SP+B",
    "codellama": "SP",
    "metaspace-first": "SP",
    "metaspace-never": "SP",
    "metaspace-split": "SP",
    "unknown-kind": "whole",
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@cache
def made(kind: str) -> Tokenizer:
    return Tokenizer.from_json(tokenizer_json(kind))


def test_the_rule_fits_the_kind(kind: str) -> None:
    tokenizer = made(kind)
    assert tokenizer.rule == RULES.get(kind, "A+B")
    sentencepiece = kind in ("gemma", "codellama", "metaspace-first", "metaspace-never", "metaspace-split")
    assert tokenizer.kind == ("sentencepiece" if sentencepiece else "byte-level")


def test_text_comes_back(kind: str) -> None:
    tokenizer = made(kind)
    for text in ("", "def f(x):\n\treturn x  # 漢字 😀\r\n", "<|fim_prefix|></s><0x0A>", "\x00\x0c\u2028"):
        assert tokenizer.decode(tokenizer.encode(text, initial=False).ids) == text
    assert tokenizer.decode(tokenizer.encode("a\ud83db", initial=False).ids) == "a\ufffdb"
    if kind == "codellama":
        assert tokenizer.decode(tokenizer.encode("x").ids) == " x"  # the dummy space is shown
    if kind == "qwen2":
        assert tokenizer.decode(tokenizer.encode("e\u0301").ids) == "\u00e9"


def test_control_tokens_in_a_text_are_ordinary_text(kind: str) -> None:
    tokenizer = made(kind)
    text = "".join(CONTROL) + "<s></s><unk>"
    found = tokenizer.encode(text, initial=False)
    assert not set(found.ids.tolist()) & set(tokenizer.control.values())
    assert tokenizer.decode(found.ids) == text
    for name, number in tokenizer.control.items():
        assert tokenizer.token_bytes(number) == b""
        assert tokenizer.piece(number) == name


def test_a_word_that_equals_a_control_token_is_not_taken_whole() -> None:
    """With ignore_merges a vocabulary is asked for whole words first: no control token may be found there."""
    file = json.loads(tokenizer_json("llama3"))
    number = max(file["model"]["vocab"].values()) + 1
    file["model"]["vocab"]["stop"] = number
    file["added_tokens"].append({**file["added_tokens"][0], "id": number, "content": "stop"})
    tokenizer = Tokenizer.from_json(json.dumps(file))
    assert number not in tokenizer.encode("stop").ids.tolist()
    assert tokenizer.decode(tokenizer.encode("stop").ids) == "stop"


@given(nasty_text(20))
def test_tokens_start_where_they_are_said_to(text: str) -> None:
    for kind in ("gpt2", "llama3", "codellama"):
        tokenizer = made(kind)
        found = tokenizer.encode(text, initial=False)
        starts = [*found.starts.tolist(), len(text)]
        assert starts == sorted(starts)
        clean = readable(text)
        if tokenizer.kind == "sentencepiece":
            clean = clean.replace("▁", " ")  # its way of writing a space
        assert not starts[:-1] or starts[0] == 0
        for index in range(len(found.ids)):
            if starts[index] < starts[index + 1] and (not index or starts[index - 1] < starts[index]):
                # a token that shares no character with its neighbours spells its characters
                spelt = clean[starts[index] : starts[index + 1]]
                assert tokenizer.decode(found.ids[index : index + 1]) == spelt


@pytest.mark.parametrize("kind", ["gpt2", "qwen2", "codellama", "prefix-space"])
def test_long_texts_are_encoded_in_pieces_with_the_same_result(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = made(kind)
    text = "def function(argument):\n    return argument + 1  # 漢字\n" * 40
    text += "a" * 300 + "\n" + " ".join(PIECES)
    at_once = tokenizer.encode(text)
    monkeypatch.setattr(tokenizer_module, "CHUNK", 50)
    lengths: list[int] = []
    encode_piece = Tokenizer._encode_piece

    def counted(self: Tokenizer, piece: str, base: int, initial: bool):
        lengths.append(len(piece))
        return encode_piece(self, piece, base, initial)

    monkeypatch.setattr(Tokenizer, "_encode_piece", counted)
    in_pieces = tokenizer.encode(text)
    assert len(lengths) > 20
    assert max(lengths) < 1_000
    for name in ("ids", "starts", "words"):
        assert np.array_equal(getattr(in_pieces, name), getattr(at_once, name)), name


def test_the_default_tokenizer() -> None:
    import kvlsp.default_model

    tokenizer = Tokenizer.load(Path(kvlsp.default_model.folder()))
    assert tokenizer.rule == "A+B"
    assert tokenizer.end_of_text
    assert {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"} <= set(tokenizer.control)
    assert tokenizer.decode(tokenizer.encode("def f():\n    return 1\n").ids) == "def f():\n    return 1\n"
    assert tokenizer.token_bytes(10**9) == b""
    assert tokenizer.token_bytes(-1) == b""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "complete"),
        ("{}", "complete"),
        ('{"model": {"type": "WordPiece", "vocab": {}}}', "BPE"),
        ('{"model": {"type": "BPE", "vocab": {}, "merges": []}, "added_tokens": []}', "byte-level"),
        ('{"model": {"vocab": {}, "merges": [], "end_of_word_suffix": "</w>"}}', "suffix"),
        ('{"model": {"vocab": {}, "merges": 3, "byte_fallback": true}}', "library"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(text: str, message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.from_json(text)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TokenizerError, match="cannot be read"):
        Tokenizer.load(tmp_path)
