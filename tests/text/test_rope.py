"""The rope against plain strings."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.text.units import PositionEncoding
from tests.support.nasty import nasty_text, placed, replacements

UTF8, UTF16, UTF32 = PositionEncoding.UTF8, PositionEncoding.UTF16, PositionEncoding.UTF32


def line_starts(text: str) -> list[int]:
    return [0] + [found.end() for found in re.finditer(r"\r\n|\r|\n", text)]


def check(rope: Rope, text: str) -> None:
    """Everything a rope knows equals what the string says."""
    assert str(rope) == text
    assert len(rope) == len(text)
    starts = line_starts(text)
    assert rope.line_count == len(starts)
    assert [rope.line_start(line) for line in range(len(starts))] == starts


def with_small_leaves(test):
    """Hypothesis runs many examples in one fixture's life: that is wanted here."""
    relaxed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    return pytest.mark.usefixtures("small_leaves")(relaxed(test))


@with_small_leaves
@given(nasty_text(40), st.lists(replacements(12), max_size=12))
def test_any_history_of_edits_equals_the_string(text: str, history) -> None:
    rope = Rope.of(text)
    check(rope, text)
    for replacement in history:
        edit = Edit(*placed(replacement, len(text)))
        before, was = rope, text
        rope = rope.replace(edit)
        text = text[: edit.start] + edit.text + text[edit.end :]
        check(rope, text)
        assert str(before) == was  # what was handed out never changes


@with_small_leaves
@given(nasty_text(40), st.data())
def test_slices_lines_and_units_equal_the_string(text: str, data) -> None:
    rope = Rope.of(text)
    a, b = (data.draw(st.integers(0, len(text) + 2)) for _ in range(2))
    assert rope.slice(a, b) == text[a:b]
    starts = line_starts(text)
    for offset in range(len(text) + 1):
        assert rope.line_of(offset) == max(k for k, start in enumerate(starts) if start <= offset)
        head = text[:offset]
        assert rope.units_before(offset, UTF8) == len(head.encode("utf-8", "surrogatepass"))
        assert rope.units_before(offset, UTF16) == sum(1 + (ord(c) > 0xFFFF) for c in head)
        assert rope.units_before(offset, UTF32) == offset
    for encoding in PositionEncoding:
        ends = [rope.units_before(offset, encoding) for offset in range(len(text) + 1)]
        for units in range(ends[-1] + 2):
            wanted = max(offset for offset, end in enumerate(ends) if end <= units)
            assert rope.offset_at_units(units, encoding) == wanted


@pytest.mark.parametrize(
    ("text", "edit", "lines"),
    [
        ("a\r\nb", Edit(2, 2, "x"), 3),  # between \r and \n: two breaks now
        ("a\r\nb", Edit(2, 3, ""), 2),  # the \n goes, the \r still ends the line
        ("a\r\nb", Edit(1, 2, ""), 2),
        ("a\rb\nc", Edit(2, 3, ""), 2),  # \r and \n meet
        ("a\x0cb\u2028c\x85d\x0be", Edit(0, 0, ""), 1),  # no line breaks at all
        ("", Edit(0, 0, "\r"), 2),
        ("\r", Edit(1, 1, "\n"), 2),
        ("\r\n", Edit(1, 1, "\r\n"), 4),  # a carriage return, a pair, a line feed
    ],
)
@pytest.mark.usefixtures("small_leaves")
@pytest.mark.parametrize("padding", range(0, 20, 3))
def test_breaks_are_split_and_joined(text: str, edit: Edit, lines: int, padding: int) -> None:
    pad = "." * padding  # moves the place across the border of a leaf
    moved = Edit(edit.start + padding, edit.end + padding, edit.text)
    rope = Rope.of(pad + text + pad).replace(moved)
    whole = pad + text[: edit.start] + edit.text + text[edit.end :] + pad
    check(rope, whole)
    assert rope.line_count == len(line_starts(whole))
    if not padding:
        assert rope.line_count == lines


def test_what_lies_outside_is_refused() -> None:
    rope = Rope.of("ab\nc")
    for start, end in ((-1, 0), (0, 5), (3, 2)):
        with pytest.raises(IndexError):
            rope.replace(Edit(start, end, ""))
    for line in (-1, 2):
        with pytest.raises(IndexError):
            rope.line_start(line)
    with pytest.raises(IndexError):
        rope.line_of(5)
