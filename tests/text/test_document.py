"""Documents: versions, batches of changes, full texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.errors import PositionError, VersionError
from kvlsp.text.document import Change, Document, FullChange, RangeChange
from kvlsp.text.edit import Edit
from kvlsp.text.position import PositionEncoding, position_of
from kvlsp.text.rope import Rope
from tests.support.nasty import as_sent, nasty_text, placed, replacements

UTF16 = PositionEncoding.UTF16


def opened(text: str) -> Document:
    return Document.open("untitled:1", "python", 1, text)


def test_changes_of_one_batch_refer_to_the_text_between() -> None:
    document = opened("one\ntwo\n")
    before = document.snapshot
    changes = document.apply(
        2, [RangeChange((0, 0), (0, 0), "zero\n"), RangeChange((2, 0), (2, 3), "TWO")], UTF16
    )
    assert str(document.snapshot.text) == "zero\none\nTWO\n"
    assert [change.edit for change in changes] == [Edit(0, 0, "zero\n"), Edit(9, 12, "TWO")]
    assert [str(change.after) for change in changes] == ["zero\none\ntwo\n", "zero\none\nTWO\n"]
    assert document.snapshot.version == 2
    assert (str(before.text), before.version) == ("one\ntwo\n", 1)


def test_a_form_feed_and_u2028_do_not_move_lines() -> None:
    document = opened("a\x0cb\u2028c\nsecond\n")
    document.apply(2, [RangeChange((1, 0), (1, 6), "2nd")], UTF16)
    assert str(document.snapshot.text) == "a\x0cb\u2028c\n2nd\n"


@pytest.mark.parametrize("version", [0, 1])
def test_a_version_that_does_not_grow_is_refused(version: int) -> None:
    document = opened("x")
    with pytest.raises(VersionError, match="grow"):
        document.apply(version, [FullChange("y")], UTF16)
    assert str(document.snapshot.text) == "x"


def test_a_batch_is_applied_wholly_or_not_at_all() -> None:
    document = opened("abc")
    with pytest.raises(PositionError):
        document.apply(2, [FullChange("zzz"), RangeChange((0, -1), (0, 0), "")], UTF16)
    assert (str(document.snapshot.text), document.snapshot.version) == ("abc", 1)


def test_wide_changes_are_trimmed() -> None:
    document = opened("def f():\n    return 1\n")
    (change,) = document.apply(2, [FullChange("def f():\n    return 12\n")], UTF16)
    assert change.edit == Edit(21, 21, "2")
    (change,) = document.apply(3, [RangeChange((0, 0), (2, 0), "def g():\n    return 12\n")], UTF16)
    assert change.edit == Edit(4, 5, "g")
    assert document.apply(4, [FullChange(str(document.snapshot.text))], UTF16) == ()
    assert document.snapshot.version == 4


def test_backward_ranges_and_positions_past_the_end() -> None:
    document = opened("ab\ncd")
    document.apply(2, [RangeChange((0, 2), (0, 1), "X")], UTF16)
    assert str(document.snapshot.text) == "aX\ncd"
    document.apply(3, [RangeChange((9, 9), (9, 9), "!")], UTF16)
    assert str(document.snapshot.text) == "aX\ncd!"


@given(
    nasty_text(30),
    st.lists(replacements(), max_size=6),
    st.sampled_from(list(PositionEncoding)),
    st.booleans(),
)
def test_any_batch_equals_the_string(text, replacements_, encoding, as_full_text) -> None:
    text = as_sent(text)
    document = opened(text)
    changes: list[RangeChange | FullChange] = []
    expected = text
    for replacement in replacements_:
        start, end, new = placed(replacement, len(expected))
        rope = Rope.of(expected)
        while start and expected[start - 1 : start + 1] == "\r\n":
            start -= 1  # no position lies inside a line break
        while end and expected[end - 1 : end + 1] == "\r\n":
            end -= 1
        end = max(start, end)
        expected = as_sent(expected[:start] + new + expected[end:])
        if as_full_text:
            changes.append(FullChange(expected))
        else:
            first, last = position_of(rope, start, encoding), position_of(rope, end, encoding)
            changes.append(RangeChange(first, last, new))
    made = document.apply(2, changes, encoding)
    assert str(document.snapshot.text) == expected
    replayed = text
    for change in made:
        assert isinstance(change, Change)
        edit = change.edit
        replayed = replayed[: edit.start] + edit.text + replayed[edit.end :]
        assert str(change.after) == replayed
