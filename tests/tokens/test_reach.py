"""How far patterns read ahead and normalisers join: what an edit cannot have changed."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.acting import FORMS, acting
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.pattern import read
from kvlsp.tokens.reach import Reach
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.tokenizers import _LLAMA3, _O200K, tokenizer_json
from tests.tokens.test_document import at_once, check_edit, encoded_characters, tokenizer_of


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None)
@given(parts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2))
def test_a_text_may_be_cut_before_a_character_on_which_the_normaliser_does_not_act(form, parts) -> None:
    left, right = parts
    if right and not acting(form).match(right):
        apart = unicodedata.normalize(form, left) + unicodedata.normalize(form, right)
        assert unicodedata.normalize(form, left + right) == apart


@pytest.mark.parametrize("text", ["русский ёй", "漢字かな", "한국어", "Größe", "שלום", "ไทย"])
def test_nfc_leaves_most_writing_alone(text: str) -> None:
    assert not acting("NFC").search(text)


@pytest.mark.parametrize(
    ("pattern", "margin", "runs"),
    [
        (_LLAMA3, 4, 0),
        (_O200K, 5, 1),
        (r"\p{Lu}+\p{Ll}+|\p{L}", 3, 1),
        (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}|\s*[\r\n]|\s+(?!\S)|\s", 4, 0),
        (r"\p{N}{1,30}", 31, 0),
    ],
)
def test_how_far_a_pattern_reads(pattern: str, margin: int, runs: int) -> None:
    found = read(pattern)
    assert found is not None
    assert (found.margin, len(found.runs)) == (margin, runs)


@pytest.mark.parametrize("pattern", [
    r"(?:z|zz)+(?=!)|\p{L}+", r"\p{N}{1,3}(?=(?:\p{N}{3})*$)", r"a.*?b", r"(a|bb)*c", r"x(?!\S+)", r"[a", r"(?<=a)b",
])  # fmt: skip
def test_patterns_that_are_not_understood(pattern: str) -> None:
    assert read(pattern) is None


def test_what_a_reach_says() -> None:
    letters = read(_O200K)
    assert letters is not None
    reach = Reach(steps=(letters,))
    assert reach.latest("x = AAAAAAAAAA") == 3
    assert reach.latest("AAAAAAAAAA") == -1
    assert Reach(raw=4, steps=()).latest("abcdefgh") == 4
    assert Reach().latest("ab      ") == 1


def test_nfkc_digits_that_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    document = TokenizedText.of(tokenizer_of("nfkc"), Rope.of("½" * 401))
    check_edit(document, Edit(200, 200, "."))


def test_a_cased_run_that_becomes_a_word() -> None:
    text = " 亚洲AV" + "A" * 450
    document = TokenizedText.of(tokenizer_of("o200k"), Rope.of(text))
    check_edit(document, Edit(len(text), len(text), "b"))


@pytest.mark.parametrize("text", ["# комментарий на русском языке, без латиницы\n", "# 函数的说明，参数和返回值。\n",
                                  "# हिन्दी में टिप्पणी और कुछ शब्द।\n", "# o\u0302\u0309 e\u0323\u0301\n"])
@pytest.mark.parametrize("kind", ["qwen2", "o200k"])
def test_the_window_is_small_in_any_script(kind: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Qwen normalises: only characters on which it acts may hold a window open."""
    long = text * 900
    document = TokenizedText.of(tokenizer_of(kind), Rope.of(long))
    lengths = encoded_characters(document, monkeypatch)
    for offset in (len(long) // 2, len(long) // 2 + 5, len(long) - 3):
        edit = Edit(offset, offset, "й")
        document.apply(edit, document.text.replace(edit))
    assert sum(lengths) <= 12 * 400
    assert document.ids.tolist() == at_once(document.tokenizer, str(document.text))[0]


@pytest.mark.parametrize("kind", ["white-space-tokens", "gemma"])
def test_minified_lines_beside_added_tokens_of_white_space(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a.b(c=>{if(d[0]!==e){return f.g(\"h\",1e3)}});" * 800
    document = TokenizedText.of(tokenizer_of(kind), Rope.of(text))
    lengths = encoded_characters(document, monkeypatch)
    edit = Edit(9_000, 9_001, "q")
    document.apply(edit, document.text.replace(edit))
    assert sum(lengths) <= 4 * 400
    assert document.ids.tolist() == at_once(document.tokenizer, str(document.text))[0]


def test_a_normaliser_that_nobody_knows_is_tokenized_whole() -> None:
    file = json.loads(tokenizer_json("gpt2"))
    file["normalizer"] = {"type": "Replace", "pattern": {"String": "a b"}, "content": "c"}
    assert Tokenizer.from_json(json.dumps(file)).rule == "whole"
