"""Generated ids become text; half characters wait."""

from __future__ import annotations

import pytest

from kvlsp.tokens.stream import TextStream
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.tokenizers import tokenizer_json


@pytest.mark.parametrize("kind", ["gpt2", "codellama"])
def test_characters_are_shown_once_complete(kind: str) -> None:
    tokenizer = Tokenizer.from_json(tokenizer_json(kind))
    stream = TextStream(tokenizer)
    text = "x = '👩‍👧 漢'\n"
    shown, waited = "", False
    for number in tokenizer.encode(text, initial=False).ids.tolist():
        shown += stream.push(number)
        assert text.startswith(shown)
        waited |= stream.incomplete
    assert shown == text
    assert waited
    assert stream.finish() == ""


def test_what_never_becomes_a_character_is_replaced() -> None:
    tokenizer = Tokenizer.from_json(tokenizer_json("gpt2"))
    stream = TextStream(tokenizer)
    first, *_ = tokenizer.encode("漢", initial=False).ids.tolist()
    (letter,) = tokenizer.encode("a", initial=False).ids.tolist()
    assert stream.push(first) == ""
    assert stream.push(letter) == "\ufffda"
    assert stream.push(first) == ""
    assert stream.finish() == "\ufffd"
    assert stream.push(letter) == "a"
    assert stream.push(tokenizer.control["<|endoftext|>"]) == ""
