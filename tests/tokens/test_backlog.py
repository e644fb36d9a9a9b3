"""A text that is tokenized piece by piece has the tokens of a text that is tokenized at once, whatever is typed
meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.backlog import Backlog
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.nasty import nasty_text, placed, replacements
from tests.tokens.test_document import ALL, NASTY, at_once, tokenizer_of


def follow(tokens: TokenizedText, backlog: Backlog) -> Edit:
    """One piece."""
    edit = backlog.take(tokens.tokenized_again)
    tokens.apply(edit, tokens.text.replace(edit))
    return edit


def check(tokens: TokenizedText, text: str) -> None:
    ids, starts = at_once(tokens.tokenizer, text)
    assert str(tokens.text) == text
    assert tokens.ids.tolist() == ids
    assert tokens.starts.tolist() == starts
    assert len(set(tokens.serials.tolist())) == len(tokens)


@pytest.mark.parametrize("kind", ALL)
def test_pieces_add_up_to_the_whole(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    edits = st.lists(st.tuples(replacements(12), st.integers(0, 4)), max_size=4)

    @settings(max_examples=60, deadline=None)
    @given(text=nasty_text(40), edits=edits, piece=st.integers(1, 40))
    def history(text: str, edits, piece: int) -> None:
        tokens, backlog = TokenizedText.of(tokenizer, Rope.of("")), Backlog(piece)
        backlog.add(Edit(0, 0, text))
        for replacement, pieces in edits:  # typed while the text is being read, long replacements among it
            edit = Edit(*placed(replacement, len(text)))
            backlog.add(edit)
            text = text[: edit.start] + edit.text + text[edit.end :]
            for _ in range(pieces):
                if backlog:
                    follow(tokens, backlog)
        while backlog:
            follow(tokens, backlog)
            check(tokens, str(tokens.text))
        assert not backlog.characters
        check(tokens, text)

    history()


@pytest.mark.parametrize("kind", ALL)
def test_a_nasty_text_in_pieces_of_every_size(kind: str) -> None:
    for piece in range(1, len(NASTY) + 1):
        tokens, backlog = TokenizedText.of(tokenizer_of(kind), Rope.of("")), Backlog(piece)
        backlog.add(Edit(0, 0, NASTY))
        while backlog:
            follow(tokens, backlog)
        check(tokens, NASTY)


def test_pieces_end_behind_lines_and_count_what_is_left() -> None:
    backlog = Backlog(10)
    backlog.add(Edit(3, 5, "one\ntwo\nthree\nfour-and-more-than-ten"))
    left = [backlog.characters]
    pieces = []
    while backlog:
        pieces.append(backlog.take())
        left.append(backlog.characters)
    assert pieces == [
        Edit(3, 5, "one\ntwo\n"), Edit(11, 11, "three\n"), Edit(17, 17, "four-and-m"), Edit(27, 27, "ore-than-t"),
        Edit(37, 37, "en"),
    ]
    assert left == [36, 28, 22, 12, 2, 0]


def test_short_edits_wait_only_behind_others() -> None:
    backlog = Backlog(10)
    assert not backlog.takes(10)
    assert backlog.takes(11)
    backlog.add(Edit(0, 0, "x" * 11))
    assert backlog.takes(0)


@pytest.mark.parametrize(
    ("kind", "text", "most"),
    [
        ("default", "def f(x):\n    return x\n" * 2000, 1.1),
        ("default", '{"a":1,"b":[2,3]},' * 2500, 1.1),  # nowhere white space behind a word
        ("default", "a" * 40_000, 5),  # one pre-token: each piece needs all that stands before it
        ("unknown-kind", "def f(x):\n    return x\n" * 2000, 5),  # a tokenizer that knows no boundary at all
    ],
)
def test_what_the_library_encodes_stays_in_proportion_to_the_text(
    kind: str, text: str, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tokenizer_of(kind)
    tokens, backlog = TokenizedText.of(tokenizer, Rope.of("")), Backlog(1000)
    backlog.add(Edit(0, 0, text))
    encoded: list[int] = []
    encode = Tokenizer.encode

    def counting(self: Tokenizer, piece: str, **options: bool) -> object:
        encoded.append(len(piece))
        return encode(self, piece, **options)

    monkeypatch.setattr(Tokenizer, "encode", counting)
    while backlog:
        follow(tokens, backlog)
    assert sum(encoded) <= most * len(text)
    if most < 2:
        assert max(encoded) <= 2000
    check(tokens, text)
