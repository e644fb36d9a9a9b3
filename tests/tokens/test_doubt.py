"""Where no place to stop is near an edit is followed roughly at once, and exactly at rest."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.errors import TokenizationError
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens import boundaries, doubt, refine, retokenize
from kvlsp.tokens import document as document_module
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.doubt import Doubt
from kvlsp.tokens.reading import Reading
from kvlsp.tokens.tokenizer import Tokenizer, readable
from tests.support.nasty import nasty_text, placed, replacements
from tests.support.tokenizers import KINDS
from tests.tokens.test_document import at_once, encoded_characters, tokenizer_of

MOST = 2048


def follow(document: TokenizedText, edit: Edit) -> None:
    """Apply an edit; the change says what happened to the ids, the tokens spell the text."""
    ids, serials = document.ids, document.serials
    change = document.apply(edit, document.text.replace(edit))
    check_change(document, change, ids, serials)


def check_change(document: TokenizedText, change, ids, serials) -> None:
    assert document.ids.tolist() == [*ids[: change.start], *change.ids, *ids[change.end :]]
    end = change.start + len(change.ids)
    assert np.array_equal(document.serials[: change.start], serials[: change.start])
    assert np.array_equal(document.serials[end:], serials[change.end :])
    assert len(set(document.serials.tolist())) == len(document)
    assert len(document.ids) == len(document.starts)
    assert np.all(np.diff(document.starts) >= 0)


def rest(document: TokenizedText, steps: int = 10_000) -> int:
    """Refine until all is certain; how many steps that took."""
    for step in range(steps):
        if not document.rough:
            return step
        ids, serials = document.ids, document.serials
        check_change(document, document.refine(), ids, serials)
    return steps


def check_exact(document: TokenizedText) -> None:
    assert not document.rough
    wanted, starts = at_once(document.tokenizer, str(document.text))
    assert document.ids.tolist() == wanted
    assert document.starts.tolist() == starts


@pytest.mark.parametrize("kind", ["default", *KINDS])
def test_any_history_is_exact_at_rest(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With windows of a few characters, so that nearly every edit leaves something in doubt."""
    tokenizer = tokenizer_of(kind)
    monkeypatch.setattr(retokenize, "NEAR", 4)
    monkeypatch.setattr(retokenize, "ROUGHLY", 3)
    monkeypatch.setattr(retokenize, "FIRST_LOOK", 4)
    monkeypatch.setattr(refine, "PIECE", 8)
    monkeypatch.setattr(document_module, "PIECE", 8)
    plain = kind not in ("unknown-kind", "nfkc", "nfd", "qwen2")

    @settings(max_examples=60, deadline=None)
    @given(nasty_text(60), st.lists(st.tuples(replacements(), st.integers(0, 6)), max_size=8))
    def history(text: str, edits) -> None:
        document = TokenizedText.of(tokenizer, Rope.of(text), most=8)
        for replacement, steps in edits:
            follow(document, Edit(*placed(replacement, len(document.text))))
            if plain:
                spelled = tokenizer.decode(document.ids)
                whole = readable(str(document.text))
                if tokenizer.kind == "sentencepiece":
                    whole = whole.replace("▁", " ")
                assert spelled in (whole, " " + whole)
            rest(document, steps)
        rest(document)
        check_exact(document)

    history()


RUNS = {
    "digits": "8675309" * 40_000,
    "one letter": "a" * 200_000,
    "blanks": " " * 200_000,
    "one ideograph": "漢" * 60_000,
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("kind", ["llama3", "qwen2", "codellama", "gemma", "deepseek-coder"])
def test_an_edit_in_a_long_run_encodes_little_and_rest_makes_it_exact(
    kind: str, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "x = 1\n" + RUNS[run] + ";\ny = 2\n"
    document = TokenizedText.of(tokenizer_of(kind), Rope.of(text), most=MOST)
    assert not document.rough
    lengths = encoded_characters(document, monkeypatch)
    place = len(text) // 2
    for offset in (place, place + 1, place - 900, 9, len(text) - 3):
        follow(document, Edit(offset, offset, "7"))
        document.cut(offset + 1)
        assert sum(lengths) <= 8 * MOST + 4 * 400
        lengths.clear()
    rest(document)
    check_exact(document)


def test_pieces_of_a_long_text_without_boundaries_do_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened in pieces, a run of one letter costs a few times its length, and each piece little more than itself."""
    tokenizer = tokenizer_of("default")
    text = Rope.of("a" * 40_000)
    tokens, reading = TokenizedText.of(tokenizer, Rope.of(""), most=MOST), Reading(len(text), 1000)
    lengths = encoded_characters(tokens, monkeypatch)
    while reading:
        edit = reading.take(text, near=17_000, dear=tokens.tokenized_again)
        tokens.apply(edit, tokens.text.replace(edit))
    assert max(lengths) <= 4 * MOST
    rest(tokens)
    check_exact(tokens)


def test_an_edit_while_a_long_piece_is_encoded_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another thread brings for a text that is no more does not count."""
    monkeypatch.setattr(doubt, "PATIENCE", 0.0)
    monkeypatch.setattr(refine, "PIECE", 64)
    monkeypatch.setattr(document_module, "PIECE", 64)
    document = TokenizedText.of(tokenizer_of("default"), Rope.of("a" * 50_000), most=MOST)
    follow(document, Edit(25_000, 25_000, "b"))
    for offset in range(0, 40_000, 5_000):
        rest(document, 9)
        follow(document, Edit(offset, offset, "c"))
    deadline = time.monotonic() + 60
    while document.rough and time.monotonic() < deadline:
        document.refine()
    check_exact(document)


def test_what_the_library_gives_up_on_stays_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    document = TokenizedText.of(tokenizer_of("default"), Rope.of("a" * 50_000), most=MOST)
    follow(document, Edit(25_000, 25_000, "b"))
    before = document.ids

    def gives_up(self: Tokenizer, text: str, *, initial: bool = True):
        raise TokenizationError("too long")

    monkeypatch.setattr(Tokenizer, "encode", gives_up)
    rest(document)
    assert not document.rough
    assert np.array_equal(document.ids, before)


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        (Edit(0, 0, "ab"), Doubt(12, 22)),
        (Edit(12, 14, "abc"), Doubt(10, 21)),
        (Edit(5, 15, ""), Doubt(5, 10)),
        (Edit(15, 25, "a"), Doubt(10, 16)),
        (Edit(0, 30, "ab"), Doubt(0, 2)),
        (Edit(25, 25, "a"), Doubt(10, 20)),
    ],
)
def test_doubt_moves_with_the_text(edit: Edit, after: Doubt) -> None:
    assert Doubt(10, 20).moved(edit) == after


@settings(deadline=None)
@given(text=st.text("ab c漢\n▁", max_size=60), entries=st.lists(st.text("ab c漢▁", max_size=4), max_size=8))
def test_many_pairs_are_looked_up_as_few_are(text: str, entries) -> None:
    few = boundaries.OutsideVocabulary(entries, "▁")
    places = [place for place in range(1, len(text)) if few.first(text[place - 1 : place + 1])]
    assert few._places(text.replace(" ", "▁")).tolist() == places


@pytest.mark.parametrize("mark", ["\u0301", "\u0301\u0323", "\u0345\u0301\u0327"])
def test_a_key_among_marks_without_an_end_is_followed_roughly_at_once(mark, monkeypatch):
    """Before none of them may a text be cut and both sides normalised apart."""
    tokenizer = tokenizer_of("qwen2")
    text = "x = e" + mark * (6000 // len(mark)) + "y\n"
    document = TokenizedText.of(tokenizer, Rope.of(text), most=MOST)
    for at, new in ((3000, "b"), (3000, "\u0323"), (10, "c"), (2500, "")):
        lengths = encoded_characters(document, monkeypatch)
        edit = Edit(at, at + (not new), new)
        document.apply(edit, document.text.replace(edit))
        monkeypatch.undo()
        assert sum(lengths) <= 3 * MOST
        assert document.rough
    rest(document)
    check_exact(document)
