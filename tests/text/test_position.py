"""Positions in the three encodings, clamped as the protocol asks."""

from __future__ import annotations

import pytest
from hypothesis import given

from kvlsp.errors import PositionError
from kvlsp.text.position import PositionEncoding, offset_of, position_of
from kvlsp.text.rope import Rope
from tests.support.nasty import nasty_text

UTF8, UTF16, UTF32 = PositionEncoding.UTF8, PositionEncoding.UTF16, PositionEncoding.UTF32


@pytest.mark.parametrize(
    ("text", "line", "character", "encoding", "offset"),
    [
        ("ab\ncd", 1, 1, UTF16, 4),
        ("ab\ncd", 0, 9, UTF16, 2),  # past the end of the line
        ("ab\r\ncd", 0, 3, UTF16, 2),  # not between \r and \n
        ("ab\r\ncd", 0, 3, UTF8, 2),
        ("ab\ncd", 7, 0, UTF16, 5),  # past the last line
        ("ab\ncd\n", 2, 4, UTF16, 6),
        ("a😀b", 0, 3, UTF16, 2),
        ("a😀b", 0, 2, UTF16, 1),  # inside a surrogate pair
        ("a😀b", 0, 2, UTF32, 2),
        ("a😀b", 0, 5, UTF8, 2),
        ("a😀b", 0, 4, UTF8, 1),  # inside a character's bytes
        ("\ud83dx", 0, 1, UTF16, 1),  # a lone surrogate is one unit
        ("\ud83dx", 0, 3, UTF8, 1),  # and three bytes
        ("a\x0cb\u2028c", 0, 5, UTF16, 5),  # neither a form feed nor U+2028 ends a line
    ],
)
def test_positions_become_offsets(text, line, character, encoding, offset) -> None:
    assert offset_of(Rope.of(text), line, character, encoding) == offset


@pytest.mark.parametrize(("line", "character"), [(-1, 0), (0, -1)])
def test_negative_positions_are_refused(line: int, character: int) -> None:
    with pytest.raises(PositionError, match="negative"):
        offset_of(Rope.of("x"), line, character, UTF16)


@given(nasty_text(30))
def test_every_offset_has_a_position_and_comes_back(text: str) -> None:
    rope = Rope.of(text)
    for encoding in PositionEncoding:
        for offset in range(len(text) + 1):
            inside_a_break = text[offset - 1 : offset + 1] == "\r\n" and offset > 0
            line, character = position_of(rope, offset, encoding)
            assert offset_of(rope, line, character, encoding) == offset - inside_a_break


def test_offsets_outside_are_clamped() -> None:
    rope = Rope.of("ab\ncd")
    assert position_of(rope, -3, UTF16) == (0, 0)
    assert position_of(rope, 99, UTF16) == (1, 2)
