"""The edits of the last minutes: what stood there, what stands there now."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.nextedit.log import EditLog
from kvlsp.text.edit import Edit


class Typed:
    """A text that is edited, with its log."""

    def __init__(self, text: str, **limits: float) -> None:
        self.text, self.log, self.now = text, EditLog(**limits), 0.0

    def edit(self, start: int, end: int, text: str) -> None:
        around = self.text[max(0, start - 1) : start], self.text[end : end + 1]
        self.log.follow(Edit(start, end, text), self.text[start:end], around, self.now)
        self.text = self.text[:start] + text + self.text[end:]

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(record.old, self.text[record.start : record.end]) for record in self.log]


def test_a_name_typed_over_key_by_key_is_one_record():
    typed = Typed("def add(amount):")
    typed.edit(8, 14, "")
    for number, letter in enumerate("total"):
        typed.edit(8 + number, 8 + number, letter)
    assert typed.said == [("amount", "total")]


def test_backspaces_beyond_what_was_typed_take_from_what_stood_there():
    typed = Typed("count + 1")
    typed.edit(5, 5, "x")
    for end in (6, 5, 4):
        typed.edit(end - 1, end, "")
    assert typed.text == "cou + 1"
    assert typed.said == [("nt", "")]


def test_another_place_is_another_record_and_the_first_one_moves():
    typed = Typed("one two three")
    typed.edit(8, 13, "3")
    typed.edit(0, 3, "first")
    assert typed.said == [("three", "3"), ("one", "first")]


def test_neighbouring_lines_are_one_record():
    typed = Typed("a = amount\nb = amount\nc = 1\n")
    typed.edit(0, 10, "a = total")
    typed.edit(10, 20, "b = total")
    assert typed.said == [("a = amount\nb = amount", "a = total\nb = total")]


def test_old_edits_are_forgotten():
    typed = Typed("one two three", seconds=60.0)
    typed.edit(8, 13, "3")
    typed.now = 61.0
    typed.edit(0, 3, "1")
    assert typed.said == [("one", "1")]


def test_no_more_places_than_that():
    typed = Typed("a  b  c  d", records=2)
    for at in (0, 3, 6):
        typed.edit(at, at + 1, "x")
    assert [old for old, _ in typed.said] == ["b", "c"]


def test_a_paste_of_pages_is_not_remembered():
    typed = Typed("one")
    typed.edit(0, 0, "x" * 5000)
    assert not len(typed.log)


edits = st.tuples(st.integers(0, 40), st.integers(0, 5), st.text("xy", max_size=4))


@given(st.text("ab\n", max_size=30), st.lists(edits, max_size=8))
def test_taking_all_records_back_gives_the_first_text(text, edits):
    typed = Typed(text)
    for at, length, new in edits:
        start = min(at, len(typed.text))
        typed.edit(start, min(len(typed.text), start + length), new)
    records, back = list(typed.log), typed.text
    if any(a.end > b.start for a, b in zip(sorted(records, key=lambda r: r.start), sorted(
            records, key=lambda r: r.start)[1:], strict=False)):
        return  # records that have grown into one another
    for record in sorted(records, key=lambda one: -one.start):
        assert 0 <= record.start <= record.end <= len(typed.text)
        back = back[: record.start] + record.old + back[record.end :]
    if len(records) == 1:
        assert back == text
