"""A text that is read piece by piece, in any order, has the tokens of a text that is tokenized at once, whatever is
typed meanwhile."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.reading import Reading
from kvlsp.tokens.tokenizer import Tokenizer
from tests.support.nasty import nasty_text, placed, replacements
from tests.tokens.test_document import ALL, NASTY, at_once, tokenizer_of


class Reader:
    """A document that is read in pieces, and the tokens of what has been read."""

    def __init__(self, tokenizer: Tokenizer, text: str, piece: int) -> None:
        self.text = Rope.of(text)
        self.reading = Reading(len(text), piece)
        self.tokens = TokenizedText.of(tokenizer, Rope.of("" if self.reading else text))

    def edit(self, edit: Edit, **how: bool) -> None:
        self.text = self.text.replace(edit)
        read = self.reading.follow(edit, **how)
        if read is not None:
            self.tokens.apply(read, self.tokens.text.replace(read))

    def read(self, near: int | None = None) -> Edit:
        """One piece."""
        piece = self.reading.take(self.text, near, self.tokens.tokenized_again)
        self.tokens.apply(piece, self.tokens.text.replace(piece))
        return piece

    def check(self) -> None:
        """Read and unread ranges partition the document, and the tokens are those of what has been read."""
        text, unread = str(self.text), self.reading.unread
        edges = [edge for start_end in unread for edge in start_end]
        assert edges == sorted(set(edges)), "sorted, not empty, none touches the next"
        assert all(0 <= edge <= len(text) for edge in edges)
        assert self.reading.characters == sum(end - start for start, end in unread)
        assert bool(self.reading) == bool(unread)
        assert str(self.tokens.text) == "".join(
            text[start:end] for start, end in zip([0, *edges[1::2]], [*edges[::2], len(text)], strict=True)
        )
        ids, starts = at_once(self.tokens.tokenizer, str(self.tokens.text))
        assert self.tokens.ids.tolist() == ids
        assert self.tokens.starts.tolist() == starts
        assert len(set(self.tokens.serials.tolist())) == len(self.tokens)


@pytest.mark.parametrize("kind", ALL)
def test_pieces_add_up_to_the_whole_in_any_order(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    near = st.one_of(st.none(), st.floats(0, 1))
    edits = st.lists(st.tuples(replacements(12), st.booleans(), st.lists(near, max_size=3)), max_size=4)

    @settings(max_examples=60, deadline=None)
    @given(text=nasty_text(40), edits=edits, piece=st.integers(1, 40), order=st.lists(near, max_size=20))
    def history(text: str, edits, piece: int, order) -> None:
        reader = Reader(tokenizer, text, piece)
        for replacement, now, pieces in edits:  # typed while the text is being read, long replacements among it
            edit = Edit(*placed(replacement, len(text)))
            reader.edit(edit, at_once=now)
            text = text[: edit.start] + edit.text + text[edit.end :]
            assert str(reader.text) == text
            reader.check()
            for where in pieces:
                if reader.reading:
                    reader.read(None if where is None else round(where * len(text)))
        while reader.reading:
            where = order.pop() if order else None
            before = reader.reading.characters
            piece_read = reader.read(None if where is None else round(where * len(text)))
            assert reader.reading.characters == before - len(piece_read.text) < before
            reader.check()
        reader.check()
        assert str(reader.tokens.text) == text

    history()


@pytest.mark.parametrize("kind", ALL)
def test_a_nasty_text_in_pieces_of_every_size(kind: str) -> None:
    for piece in range(1, len(NASTY)):
        for near in (None, len(NASTY), len(NASTY) // 2):
            reader = Reader(tokenizer_of(kind), NASTY, piece)
            while reader.reading:
                reader.read(near)
            reader.check()
            assert str(reader.tokens.text) == NASTY


def marked(text: str, unread: tuple[tuple[int, int], ...]) -> str:
    """The text with brackets around what is unread."""
    for start, end in reversed(unread):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


def test_a_text_no_longer_than_a_piece_is_read_from_the_start() -> None:
    assert not Reading(10, 10)
    assert Reading(11, 10).unread == ((0, 11),)


def test_pieces_end_behind_lines_and_what_is_left_is_counted() -> None:
    text = "one\ntwo\nthree\nfour-and-more-than-ten"
    reading = Reading(len(text), 10)
    left, pieces = [reading.characters], []
    while reading:
        pieces.append(reading.take(Rope.of(text)))
        left.append(reading.characters)
    assert pieces == [
        Edit(0, 0, "one\ntwo\n"), Edit(8, 8, "three\n"), Edit(14, 14, "four-and-m"), Edit(24, 24, "ore-than-t"),
        Edit(34, 34, "en"),
    ]
    assert left == [36, 28, 22, 12, 2, 0]


def test_what_is_near_is_read_first_and_then_outwards() -> None:
    text = "".join(f"{number:03}\n" for number in range(20))
    reading = Reading(len(text), 16)
    near = text.index("010")
    seen = [marked(text, reading.unread).replace("\n", " ")]
    for _ in range(4):
        reading.take(Rope.of(text), near)
        seen.append(marked(text, reading.unread).replace("\n", " "))
    assert seen == [
        "[000 001 002 003 004 005 006 007 008 009 010 011 012 013 014 015 016 017 018 019 ]",
        "[000 001 002 003 004 005 006 007 ]008 009 010 [011 012 013 014 015 016 017 018 019 ]",
        "[000 001 002 003 004 005 006 007 ]008 009 010 011 012 013 014 [015 016 017 018 019 ]",
        "[000 001 002 003 ]004 005 006 007 008 009 010 011 012 013 014 [015 016 017 018 019 ]",
        "[000 001 002 003 ]004 005 006 007 008 009 010 011 012 013 014 015 016 017 018 [019 ]",
    ]


@settings(deadline=None)
@given(st.integers(50, 400), st.integers(1, 60), st.floats(0, 1), st.integers(0, 100))
def test_the_neighbourhood_of_a_place_is_read_before_all_else(size: int, piece: int, where: float, margin: int) -> None:
    near, reading = round(where * size), Reading(size, piece)
    text = Rope.of("x" * size)
    while not reading.has_read(near, margin):
        first = reading.offset_in_document(reading.take(text, near).start)
        assert first <= near + margin
    for start, end in reading.unread:
        assert end <= max(0, near - margin) or start >= min(size, near + margin)
    within = sum(1 for start, end in reading.unread if start < near + margin and end > near - margin)
    assert within == 0


@pytest.mark.parametrize(
    ("edit", "comes_to", "unread"),
    [
        (Edit(0, 0, "abc"), Edit(0, 0, "abc"), ((13, 23),)),  # before
        (Edit(10, 10, "abc"), Edit(10, 10, "abc"), ((13, 23),)),  # right before
        (Edit(20, 20, "abc"), Edit(10, 10, "abc"), ((10, 20),)),  # right behind
        (Edit(25, 27, ""), Edit(15, 17, ""), ((10, 20),)),
        (Edit(15, 15, "abc"), None, ((10, 23),)),  # inside
        (Edit(12, 18, ""), None, ((10, 14),)),
        (Edit(12, 18, "abc"), None, ((10, 17),)),
        (Edit(5, 12, "abc"), Edit(5, 10, "abc"), ((8, 16),)),  # across one end or both
        (Edit(18, 25, "abc"), Edit(10, 15, "abc"), ((10, 18),)),
        (Edit(5, 25, "abc"), Edit(5, 15, "abc"), ()),
        (Edit(10, 20, ""), None, ()),
        (Edit(2, 3, "x" * 11), Edit(2, 3, ""), ((2, 13), (20, 30))),  # longer than a piece
        (Edit(10, 10, "x" * 11), None, ((10, 31),)),
        (Edit(20, 20, "x" * 11), None, ((10, 31),)),
    ],
)
def test_what_an_edit_comes_to(edit: Edit, comes_to: Edit | None, unread: tuple[tuple[int, int], ...]) -> None:
    """In a document of 30 characters of which those from 10 to 20 are unread."""
    reading = Reading(30, 10)
    text = Rope.of("." * 30)
    reading.take(text)
    reading.take(text, near=30)
    assert reading.unread == ((10, 20),)
    assert reading.follow(edit) == comes_to
    assert reading.unread == unread


def test_what_must_be_read_at_once_does_not_wait() -> None:
    reading = Reading(0, 10)
    assert reading.follow(Edit(0, 0, "x" * 30), at_once=True) == Edit(0, 0, "x" * 30)
    assert not reading


@settings(deadline=None)
@given(st.integers(40, 200), st.integers(1, 20), st.lists(st.floats(0, 1), max_size=8))
def test_offsets_lead_to_the_read_text_and_back(size: int, piece: int, places: list[float]) -> None:
    text = "".join(chr(0x4E00 + number) for number in range(size))
    reading, read = Reading(size, piece), ""
    for place in places:
        if reading:
            part = reading.take(Rope.of(text), round(place * size))
            read = read[: part.start] + part.text + read[part.end :]
    for offset in range(size + 1):
        inside = reading.offset_in_read(offset)
        known = not any(start <= offset < end for start, end in reading.unread)
        if offset < size:
            assert known == (read[inside : inside + 1] == text[offset])
        assert read[:inside] == "".join(character for character in text[:offset] if character in read)
        back = reading.offset_in_document(inside)
        assert back <= offset
        assert reading.offset_in_read(back) == inside
        assert back == offset or not reading.has_read(offset, 0) or any(end == offset for _, end in reading.unread)
    for one, other in pairwise(range(len(read) + 1)):
        assert reading.offset_in_document(one) < reading.offset_in_document(other)


@pytest.mark.parametrize("where", [None, 0.4, 1.0])
@pytest.mark.parametrize(
    ("kind", "text", "forwards", "outwards"),
    [
        ("default", "def f(x):\n    return x\n" * 2000, 1.1, 1.1),
        ("default", '{"a":1,"b":[2,3]},' * 2500, 1.1, 2.1),  # nowhere white space behind a word
        ("default", "a" * 40_000, 5, 7),  # one pre-token: each piece needs all that has been read of it
        ("unknown-kind", "def f(x):\n    return x\n" * 2000, 5, 5),  # a tokenizer that knows no boundary at all
    ],
)
def test_what_the_library_encodes_stays_in_proportion_to_the_text(
    kind: str, text: str, forwards: float, outwards: float, where: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(tokenizer_of(kind), text, 1000)
    encoded: list[int] = []
    encode = Tokenizer.encode

    def counting(self: Tokenizer, piece: str, **options: bool) -> object:
        encoded.append(len(piece))
        return encode(self, piece, **options)

    monkeypatch.setattr(Tokenizer, "encode", counting)
    while reader.reading:
        reader.read(None if where is None else round(where * len(text)))
    assert sum(encoded) <= (forwards if where is None else outwards) * len(text)
    if forwards < 2:
        assert max(encoded) <= 2000
    reader.check()
    assert str(reader.tokens.text) == text
