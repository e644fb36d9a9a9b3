"""The entries of vocabularies of every kind: their bytes, their names, and those that begin with a text."""

from __future__ import annotations

import pytest

from kvlsp.tokens import definition
from kvlsp.tokens.vocabulary import Vocabulary
from tests.support.tokenizers import CONTROL, KINDS, tokenizer_json


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_for_healing_begin_with_the_text_or_are_its_beginning(kind: str) -> None:
    vocabulary = Vocabulary(definition.read(tokenizer_json(kind)))
    for text in ("ret", " re", "\n", "é", "self.x", "漢"):
        wanted = text.encode()
        expected = [
            number
            for number in range(vocabulary.size)
            if (piece := vocabulary.bytes_of(number))
            and (piece.startswith(wanted) or (len(piece) < len(wanted) and wanted.startswith(piece)))
        ]
        assert vocabulary.starting_with(text).tolist() == expected
    assert not vocabulary.starting_with("ret").flags.writeable


def test_a_control_token_has_a_name_and_no_bytes() -> None:
    found = definition.read(tokenizer_json("qwen2"))
    vocabulary = Vocabulary(found)
    end = found.control[CONTROL[0]]
    assert vocabulary.bytes_of(end) == b""
    assert vocabulary.piece(end) == CONTROL[0]
    assert vocabulary.end_of_text == {end}


def test_ids_that_no_token_has_have_no_bytes() -> None:
    vocabulary = Vocabulary(definition.read(tokenizer_json("gpt2")))
    assert [vocabulary.bytes_of(number) for number in (-1, vocabulary.size, 10**9)] == [b"", b"", b""]
