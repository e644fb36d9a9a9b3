"""Long texts and long lines: what looking takes does not grow with the document."""

from __future__ import annotations

import numpy as np

from kvlsp.nextedit.change import Change
from kvlsp.nextedit.features import Judged
from kvlsp.nextedit.near import REACH, Near
from kvlsp.nextedit.places import places
from kvlsp.syntax.language import Language

PYTHON = Language.of("python")
LINE = "x = 'é'\n"
LONG = LINE * (REACH * 3 // len(LINE))
CODE = "def add(total):\n    return amount\n\n"


def judged(text: str) -> Judged:
    """A token a character."""
    return Judged(np.arange(len(text)), np.full(len(text), 3, np.float32), np.full(len(text), -5, np.float32))


def renamed(text: str) -> Change:
    at = text.index("total")
    return Change.of(text, at, at + 5, "amount")


def test_a_place_in_a_long_text_is_named_by_its_line_and_characters():
    text = LONG + CODE + LONG
    (place,) = places(text, [renamed(text)], judged(text), PYTHON)
    assert text[place.start : place.end] == "    return amount"
    assert text.split("\n")[place.line] == "    return amount"
    assert place.candidates == ("    return total",)
    assert places(text, [renamed(text)], judged(text), PYTHON, refused=[place.line]) == []


def test_of_a_long_text_whole_lines_near_the_last_change_are_looked_at():
    text = LONG + CODE + LONG
    far = Change.of(text, 4, 5, "y")
    near = Near.of(text, [far, renamed(text)], judged(text))
    assert len(near.text) <= 2 * REACH
    assert text[near.start - 1] == "\n"
    assert text.startswith(near.text, near.start)
    assert text.count("\n", 0, near.start) == near.line
    assert [near.text[one.start : one.end] for one in near.changes] == ["def add(total):"]
    assert len(near.judged.starts) == len(near.text)


def test_all_of_a_short_text_is_looked_at():
    near = Near.of(CODE, [renamed(CODE)], judged(CODE))
    assert (near.text, near.start, near.line) == (CODE, 0, 0)


def test_in_a_line_that_is_longer_than_that_nothing_is_looked_for():
    text = "x = [" + "1, " * REACH + "]\n"
    assert places(text, [Change.of(text, 8, 9, "2")], judged(text), PYTHON) == []
