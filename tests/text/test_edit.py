"""Edits: trimming, undoing, moving offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.text.edit import Edit, common_prefix, common_suffix
from tests.support.nasty import nasty_text, placed, replacements


def applied(text: str, edit: Edit) -> str:
    return text[: edit.start] + edit.text + text[edit.end :]


@pytest.mark.parametrize(
    ("replaced", "text", "minimal"),
    [
        ("abc", "abc", (13, 13, "")),
        ("abc", "abxc", (12, 12, "x")),
        ("foo", "foofoo", (13, 13, "foo")),
        ("aaaa", "aa", (12, 14, "")),
        ("", "x", (10, 10, "x")),
        ("x", "y", (10, 11, "y")),
        ("\r\n", "\n", (10, 11, "")),
    ],
)
def test_common_ends_are_trimmed(replaced: str, text: str, minimal: tuple[int, int, str]) -> None:
    assert Edit(10, 10 + len(replaced), text).minimised(replaced) == Edit(*minimal)


@given(nasty_text(), replacements())
def test_a_minimised_edit_does_the_same_and_an_inverse_undoes_it(text, replacement) -> None:
    edit = Edit(*placed(replacement, len(text)))
    replaced = text[edit.start : edit.end]
    small = edit.minimised(replaced)
    after = applied(text, edit)
    assert applied(text, small) == after
    assert small.delta == edit.delta == len(after) - len(text)
    assert applied(after, edit.inverse(replaced)) == text
    gone, come = text[small.start : small.end], small.text
    if gone and come:
        assert gone[0] != come[0]
        assert gone[-1] != come[-1]


@given(st.text("ab", max_size=400), st.text("ab", max_size=400), st.integers(0, 300))
def test_common_ends_are_as_long_as_they_can_be(one: str, other: str, shared: int) -> None:
    common = "ab" * shared
    for a, b in ((one, other), (common + one, common + other)):
        k = common_prefix(a, b)
        assert a[:k] == b[:k]
        assert k == min(len(a), len(b)) or a[k] != b[k]
    for a, b in ((one, other), (one + common, other + common)):
        k = common_suffix(a, b, 10_000)
        assert a[len(a) - k :] == b[len(b) - k :]
        assert k == min(len(a), len(b)) or a[-k - 1] != b[-k - 1]


def test_offsets_move_with_the_text_around_them() -> None:
    edit = Edit(3, 6, "xy")
    assert [edit.shift(offset) for offset in (0, 3, 4, 6, 7)] == [0, 3, 5, 5, 6]
    assert not edit.changes_nothing
    assert Edit(4, 4, "").changes_nothing
