"""Offsets that follow the text: shown by marks in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.crossfile.visits import APART, MOST, Visit, Visits, stretched
from kvlsp.text.edit import Edit


@pytest.mark.parametrize(("edit", "after"), [
    (Edit(0, 0, "xx"), (6, 10)),   # before it
    (Edit(4, 4, "xx"), (4, 10)),   # typed at its start
    (Edit(6, 6, "xx"), (4, 10)),   # inside
    (Edit(8, 8, "xx"), (4, 10)),   # typed at its end
    (Edit(9, 9, "xx"), (4, 8)),    # behind it
    (Edit(0, 3, ""), (1, 5)),
    (Edit(5, 7, ""), (4, 6)),
    (Edit(4, 8, "x"), (4, 5)),     # replaced as a whole
    (Edit(2, 6, "x"), (3, 5)),     # over its start
    (Edit(6, 10, "x"), (4, 7)),    # over its end
    (Edit(0, 12, ""), (0, 0)),
])
def test_a_stretch_of_4_to_8(edit, after):
    assert stretched((4, 8), edit) == after


@settings(deadline=None)  # other work may keep the machine busy
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.text("ab", max_size=5)), max_size=30))
def test_a_stretch_stays_one_within_the_text(edits):
    length, within = 40, (10, 20)
    for a, b, text in edits:
        edit = Edit(min(a, b, length), min(max(a, b), length), text)
        length += edit.delta
        within = stretched(within, edit)
        assert 0 <= within[0] <= within[1] <= length


def test_places_close_by_are_one_and_stay_edited():
    visits = Visits()
    visits.add(1000, 1, edited=True)
    visits.add(1000 + APART, 2, edited=False)
    assert visits.latest == (Visit(1000 + APART, True, 2),)
    visits.add(5000, 3, edited=False)
    visits.add(1000, 4, edited=False)
    assert visits.latest == (Visit(1000, True, 4), Visit(5000, False, 3))


def test_places_follow_edits_and_are_few():
    visits = Visits()
    for number in range(10):
        visits.add(number * 1000, number, edited=False)
    assert [visit.offset for visit in visits.latest] == [9000, 8000, 7000, 6000][:MOST]
    visits.follow(Edit(7500, 7500, "x" * 10))
    assert [visit.offset for visit in visits.latest] == [9010, 8010, 7000, 6000]
    visits.follow(Edit(0, 10_000, ""))
    assert {visit.offset for visit in visits.latest} == {0, }
