"""The one promise: after any history of edits the tokens equal tokenizing the whole text, at every caret
too."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kvlsp.default_model
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens import retokenize
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.tokenizer import Tokenizer, readable
from tests.support.nasty import nasty_text, placed, replacements
from tests.support.tokenizers import KINDS, tokenizer_json

ALL = ["default", *KINDS]

NASTY = (
    "x='re we'll we'l y'r 'LL12345,6 ()\r\n\n  \n\ta_b''l 漢字ab漢 1e\u0301\u0301 .\n\n=\"Qx9\ud83d'v  \n   z"
    "<|fim_prefix|>#\x0c\u2028\n!"
)


@cache
def tokenizer_of(kind: str) -> Tokenizer:
    if kind == "default":
        return Tokenizer.load(Path(kvlsp.default_model.folder()))
    return Tokenizer.from_json(tokenizer_json(kind))


def at_once(tokenizer: Tokenizer, text: str, *, initial: bool = True) -> tuple[list[int], list[int]]:
    """(ids, starts) of a text by one call of the library: the oracle."""
    backend = tokenizer._initial if initial else tokenizer._continuation
    found = backend.encode(readable(text), add_special_tokens=False)
    starts: list[int] = []
    for start, _ in found.offsets:
        starts.append(max(start, starts[-1] if starts else 0))
    return found.ids, starts


def check_edit(document: TokenizedText, edit: Edit) -> None:
    """Apply an edit and compare with tokenizing it all; the token edit is minimal; names are kept and
    unique."""
    ids, serials = document.ids, document.serials
    after = document.text.replace(edit)
    change = document.apply(edit, after)
    wanted, starts = at_once(document.tokenizer, str(after))
    assert document.ids.tolist() == wanted
    assert document.starts.tolist() == starts
    assert [*ids[: change.start], *change.ids, *ids[change.end :]] == wanted
    gone = ids[change.start : change.end]
    if len(gone) and len(change.ids):
        assert gone[0] != change.ids[0]
        assert gone[-1] != change.ids[-1]
    end = change.start + len(change.ids)
    assert np.array_equal(document.serials[: change.start], serials[: change.start])
    assert np.array_equal(document.serials[end:], serials[change.end :])
    assert len(set(document.serials.tolist())) == len(document)
    assert not set(document.serials[change.start : end].tolist()) & set(serials.tolist())


def check_cut(document: TokenizedText, caret: int) -> None:
    """Prefix and suffix equal tokenizing both sides apart; no name stands twice, nor changes when asked
    again."""
    text = str(document.text)
    cut = document.cut(caret)
    assert cut.prefix_ids(document).tolist() == at_once(document.tokenizer, text[:caret])[0]
    assert cut.suffix_ids(document).tolist() == at_once(document.tokenizer, text[caret:], initial=False)[0]
    serials = [*cut.prefix_serials(document), *cut.suffix_serials(document)]
    assert len(serials) == len(cut.prefix_ids(document)) + len(cut.suffix_ids(document))
    assert len(set(serials)) == len(serials)
    assert not {*cut.tail_serials, *cut.head_serials} & set(document.serials.tolist())
    again = document.cut(caret)
    assert [*again.prefix_serials(document), *again.suffix_serials(document)] == serials


@pytest.mark.parametrize("rule_b_only", [False, True])
@pytest.mark.parametrize("kind", ALL)
def test_any_history(kind: str, rule_b_only: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, edits and carets at random; with rule A switched off as well, where there is a rule B."""
    tokenizer = tokenizer_of(kind)
    if rule_b_only:
        if not tokenizer.resumable:
            assert tokenizer.rule in ("A", "SP", "whole")
            return
        monkeypatch.setattr(retokenize, "NEAR", -1)

    @settings(max_examples=60, deadline=None)
    @given(nasty_text(40), st.lists(st.tuples(replacements(), st.floats(0, 1)), max_size=8))
    def history(text: str, edits) -> None:
        document = TokenizedText.of(tokenizer, Rope.of(text))
        for replacement, where in edits:
            check_edit(document, Edit(*placed(replacement, len(document.text))))
            check_cut(document, round(where * len(document.text)))

    history()


@pytest.mark.parametrize("rule_b_only", [False, True])
@pytest.mark.parametrize("kind", ALL)
def test_every_place_of_a_nasty_text(kind: str, rule_b_only: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut, an insertion and a replacement at every offset."""
    if rule_b_only:
        monkeypatch.setattr(retokenize, "NEAR", -1)
    document = TokenizedText.of(tokenizer_of(kind), Rope.of(NASTY))
    for caret in range(len(NASTY) + 1):
        check_cut(document, caret)
        for width, new in ((0, "'"), (1, "l"), (0, "\n"), (2, "\u0301"), (0, "9"), (1, "")):
            end = min(caret + width, len(NASTY))
            there = Edit(caret, end, new)
            check_edit(document, there)
            check_edit(document, there.inverse(NASTY[caret:end]))


@pytest.mark.parametrize("kind", ALL)
def test_a_text_made_and_unmade_character_by_character(kind: str) -> None:
    document = TokenizedText.of(tokenizer_of(kind), Rope.of(""))
    assert len(document) == 0
    for offset, character in enumerate(NASTY):
        check_edit(document, Edit(offset, offset, character))
    while len(document.text):
        check_edit(document, Edit(0, 1, ""))
    check_cut(document, 0)
    check_edit(document, Edit(0, 0, NASTY))
    check_edit(document, Edit(0, len(NASTY), ""))


def encoded_characters(document: TokenizedText, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Lengths of all texts that are encoded from now on."""
    lengths: list[int] = []
    encode = Tokenizer.encode

    def counted(self: Tokenizer, text: str, *, initial: bool = True):
        lengths.append(len(text))
        return encode(self, text, initial=initial)

    monkeypatch.setattr(Tokenizer, "encode", counted)
    return lengths


LONG = {
    "code": "    value = some_function(argument, other=1)  # why\n" * 400,
    "minified": "a.b(c=>{if(d[0]!==e){return f.g(\"h\",1e3)}});" * 400,
    "digits": "8675309,24" * 2_000,
    "base64": "QWxhZGRpbjpvcGVuIHNlc2FtZQ+x/9" * 600,
}


@pytest.mark.parametrize("text", LONG)
@pytest.mark.parametrize("kind", ["default", "gpt2", "llama3", "deepseek-coder", "deepseek-v3", "codellama"])
def test_a_window_is_small_however_long_the_text(
    kind: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = TokenizedText.of(tokenizer_of(kind), Rope.of(LONG[text]))
    lengths = encoded_characters(document, monkeypatch)
    for offset in (9_000, 9_001, 3, len(LONG[text]) - 2):
        edit = Edit(offset, offset + 1, "q")
        document.apply(edit, document.text.replace(edit))
        document.cut(offset)
    assert sum(lengths) <= 12 * 400
    assert document.ids.tolist() == at_once(document.tokenizer, str(document.text))[0]


def test_a_text_without_any_place_to_stop_is_still_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """One letter, 20,000 times: the window grows to all of it, by doubling and no more."""
    document = TokenizedText.of(tokenizer_of("default"), Rope.of("a" * 20_000))
    lengths = encoded_characters(document, monkeypatch)
    check_edit(document, Edit(10_000, 10_000, "b"))
    assert sum(lengths) <= 2 * 20_001
    check_cut(document, 15_000)


@pytest.mark.parametrize("kind", ALL)
def test_typing_leaves_the_suffix_its_names(kind: str) -> None:
    """Each keystroke of a statement, before brackets and line feeds that merge with it: the suffix stays
    resident, and the prefix up to what was typed. (Equal tokens in white space may change places.)"""
    text = "def f(x):\n    return g(x)[0]\n\n\nclass A:\n    pass\n"
    document = TokenizedText.of(tokenizer_of(kind), Rope.of(text))
    for caret in (9, 24, 25, 28, 30, len(text)):
        typed = "(y, 'it' + z[1])  #h("
        cut = document.cut(caret)
        for index, character in enumerate(typed):
            here = caret + index
            suffix, prefix = cut.suffix_serials(document), cut.prefix_serials(document)
            prefix_ids = cut.prefix_ids(document)
            check_edit(document, Edit(here, here, character))
            cut = document.cut(here + 1)
            if kind != "unknown-kind":  # what stands at a cut is written otherwise on both sides
                assert np.array_equal(cut.suffix_serials(document), suffix), (here, character)
            now = cut.prefix_ids(document)
            same = min(len(now), len(prefix_ids))
            different = np.flatnonzero(now[:same] != prefix_ids[:same])
            same = int(different[0]) if len(different) else same
            assert np.array_equal(cut.prefix_serials(document)[:same], prefix[:same]), (here, character)
        undo = Edit(caret, caret + len(typed), "")
        check_edit(document, undo)


def test_the_memory_of_names_is_bounded() -> None:
    from kvlsp.tokens.serials import SerialBook

    book = SerialBook(capacity=10)
    first = book.of_tail(0, np.arange(5, dtype=np.int32))
    for neighbour in range(1, 50):
        book.of_tail(neighbour, np.arange(5, dtype=np.int32))
    assert len(book) == 10
    assert not set(book.of_tail(0, np.arange(5, dtype=np.int32)).tolist()) & set(first.tolist())


def test_an_edit_that_does_not_fit_is_refused_and_arrays_are_read_only() -> None:
    document = TokenizedText.of(tokenizer_of("default"), Rope.of("abc"))
    with pytest.raises(ValueError, match="does not lead"):
        document.apply(Edit(0, 0, "x"), Rope.of("abc"))
    for array in (document.ids, document.starts, document.serials):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert document.apply(Edit(1, 1, ""), Rope.of("abc")).changes_nothing
    assert document.cut(99).caret == 3
    assert document.cut(-1).caret == 0


def test_a_cut_is_made_once_and_anew_after_an_edit() -> None:
    tokenized = TokenizedText.of(tokenizer_of("default"), Rope.of("alpha(beta)\n" * 3))
    first = tokenized.cut(9)
    assert tokenized.cut(9) is first
    assert tokenized.cut(10) is not first
    tokenized.apply(Edit(0, 5, "gamma"), Rope.of("gamma(beta)\nalpha(beta)\nalpha(beta)\n"))
    again = tokenized.cut(9)
    assert again is not first
    assert at_once(tokenized.tokenizer, "gamma(bet")[0] == again.prefix_ids(tokenized).tolist()
