"""Many changes in one pass are the same text as one after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.text.backwards import from_the_end
from kvlsp.text.document import Document, RangeChange
from kvlsp.text.position import PositionEncoding
from kvlsp.text.rope import Rope

PLACE = st.tuples(st.integers(0, 4), st.integers(0, 4))


@given(st.text("ab\n", max_size=12), st.lists(st.tuples(PLACE, PLACE, st.text("xy\n", max_size=3)), max_size=5),
       st.booleans())
def test_the_same_text(text, changes, ordered):
    if ordered:  # most would be of another kind
        places = sorted((place for start, end, _ in changes for place in (start, end)), reverse=True)
        changes = [(places[2 * i + 1], places[2 * i], new) for i, (_, _, new) in enumerate(changes)]
    document = Document.open("u:a", "python", 1, text)
    document.apply(2, [RangeChange(*change) for change in changes], PositionEncoding.UTF16)
    found = from_the_end(Rope.of(text), changes)
    if found is not None:
        edit, after = found
        assert str(after) == str(Rope.of(text).replace(edit)) == str(document.snapshot.text)


def test_replace_all_is_of_this_kind():
    text = Rope.of("x = item\n" * 3)
    found = from_the_end(text, [((line, 4), (line, 8), "entry") for line in (2, 1, 0)])
    assert found is not None
    assert str(found[1]) == "x = entry\n" * 3
    assert found[0].start == 4


@pytest.mark.parametrize(("text", "changes"), [
    ("ab", [((0, 0), (0, 1), ""), ((0, 1), (0, 2), "")]),  # from the beginning on
    ("ab", [((0, 2), (0, 1), "")]),                        # backwards
    ("ab", [((0, 1), (0, 9), "")]),                        # behind the line's end
    ("ab", [((3, 0), (3, 0), "")]),                        # behind the text's end
    ("ab", [((0, -1), (0, 0), "")]),                       # no position
    ("a\rb", [((0, 0), (0, 0), "x")]),
    ("ab", [((0, 0), (0, 0), "\r")]),
    ("é", [((0, 0), (0, 0), "x")]),
    ("ab", [((0, 0), (0, 0), "\ude00")]),
])
def test_what_needs_a_second_look_is_left_alone(text, changes):
    assert from_the_end(Rope.of(text), changes) is None
