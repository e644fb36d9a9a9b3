"""Edits that split characters beyond U+FFFF, as editors send them that compare texts in UTF-16."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kvlsp.errors import PositionError
from kvlsp.text.document import Document, RangeChange
from kvlsp.text.pairs import halves, joined
from kvlsp.text.position import PositionEncoding

UTF8, UTF16, UTF32 = PositionEncoding.UTF8, PositionEncoding.UTF16, PositionEncoding.UTF32

UNITS = st.lists(st.sampled_from([*"ab\n", "é", "\ud83d", "\ud83c", "\ude00", "\udf1f"]), max_size=6)
"""Text as such an editor holds it: one string per UTF-16 unit."""


def text_of(units: list[str]) -> str:
    return "".join(units).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def position(units: list[str], at: int, encoding: PositionEncoding) -> tuple[int, int]:
    """Where the editor says that unit ``at`` is."""
    before = units[:at]
    line = before.count("\n")
    column = text_of(before[max((i + 1 for i, unit in enumerate(before) if unit == "\n"), default=0):])
    if encoding is UTF16:
        return line, len(column.encode("utf-16-le", "surrogatepass")) // 2
    return line, len(column.encode("utf-8", "surrogatepass") if encoding is UTF8 else column)


def inside_a_pair(units: list[str], at: int) -> bool:
    return len(text_of(units)) != len(text_of(units[:at])) + len(text_of(units[at:]))


@given(UNITS, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), UNITS), max_size=6),
       st.sampled_from([UTF8, UTF16, UTF32]), st.booleans())
@example(["\ud83d", "\ude00"], [(0.5, 1, ["\udf1f"])], UTF16, True)
@example(["\ud83d", "\ude00"], [(0, 0.5, ["\ud83c"])], UTF8, True)
@example([], [(0, 0, ["\ud83d"]), (1, 1, ["\ude00"])], UTF32, False)
@example(["\ud83d", "a", "\ude00"], [(0.34, 0.67, [])], UTF16, False)
@example(["\ud83d", "\ude00"], [(0.5, 0.5, ["a"])], UTF16, False)
def test_the_text_is_the_editors_after_any_history(units, edits, encoding, at_once):
    document = Document.open("u:a", "python", 1, text_of(units))
    changes = []
    for version, (first, last, new) in enumerate(edits, 2):
        start, end = sorted((round(first * len(units)), round(last * len(units))))
        if encoding is UTF32 and (inside_a_pair(units, start) or inside_a_pair(units, end)):
            continue  # whole characters are counted: there is no such position
        change = RangeChange(position(units, start, encoding), position(units, end, encoding), text_of(new))
        units = [*units[:start], *new, *units[end:]]
        if at_once:
            changes.append(change)
        else:
            document.apply(version, [change], encoding)
            assert str(document.snapshot.text) == text_of(units)
    document.apply(100, changes, encoding)
    assert str(document.snapshot.text) == text_of(units)


@pytest.mark.parametrize(("text", "character"), [("é", 1), ("漢", 1), ("漢", 2), ("😀", 1), ("😀", 2)])
def test_a_change_inside_a_characters_bytes_is_refused(text, character):
    document = Document.open("u:a", "python", 1, text)
    with pytest.raises(PositionError, match="into a character"):
        document.apply(2, [RangeChange((0, character), (0, 99), "")], UTF8)
    assert str(document.snapshot.text) == text


@given(st.characters(min_codepoint=0x10000))
def test_halves_make_the_character(character):
    high, low = halves(character)
    assert joined(f"x{high}{low}") == f"x{character}"
    assert joined(low + high) == low + high
