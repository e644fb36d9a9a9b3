"""Many changes as one: the same text, one edit, nothing touched outside of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.text.composed import FEW, composed
from kvlsp.text.document import Change, Document, RangeChange
from kvlsp.text.position import PositionEncoding
from kvlsp.text.rope import Rope

UTF16 = PositionEncoding.UTF16


def replaced_all(lines: int, old: str, new: str, first: int = 0) -> tuple[Rope, tuple[Change, ...]]:
    """The changes of an editor that replaces ``old`` by ``new`` in each line from ``first`` on, the last line first."""
    document = Document.open("u:a", "python", 1, "".join(f"value_{i} = f({old}, {i})\n" for i in range(lines)))
    before = document.snapshot.text
    changes = []
    for line in reversed(range(first, lines)):
        at = len(f"value_{line} = f(")
        changes.append(RangeChange((line, at), (line, at + len(old)), new))
    return before, document.apply(2, changes, UTF16)


def test_few_changes_stay_as_they_are():
    before, changes = replaced_all(FEW, "item", "entry")
    assert composed(before, changes) == changes


def test_many_become_one_from_the_first_place_to_the_last():
    before, changes = replaced_all(FEW + 50, "item", "entry", first=10)
    [change] = composed(before, changes)
    assert str(before.replace(change.edit)) == str(change.after) == str(before).replace("item", "entry").replace(
        "entry", "item", 10)
    assert change.edit.start == str(before).index("value_10") + len("value_10 = f(")


def test_changes_that_undo_each_other_are_none():
    document = Document.open("u:a", "python", 1, "ab")
    changes = [change for _ in range(FEW) for change in (
        RangeChange((0, 1), (0, 1), "x"), RangeChange((0, 1), (0, 2), ""))]
    assert composed(Rope.of("ab"), document.apply(2, changes, UTF16)) == ()


@given(st.text("ab\n", max_size=20), st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.text("xy\n", max_size=3)),
                                              max_size=6))
def test_any_changes_are_the_same_text(text, edits):
    document = Document.open("u:a", "python", 1, text)
    before, made = document.snapshot.text, []
    for version, (first, last, new) in enumerate(edits, 2):
        now = document.snapshot.text
        low, high = sorted((round(first * len(now)), round(last * len(now))))
        places = [(now.line_of(at), at - now.line_start(now.line_of(at))) for at in (low, high)]
        made += document.apply(version, [RangeChange(places[0], places[1], new)], UTF16)
    together = before
    changes = composed(before, made, few=1)
    assert len(changes) <= 1
    for change in changes:
        together = together.replace(change.edit)
    assert str(together) == str(document.snapshot.text)
