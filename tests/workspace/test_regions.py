"""The stretch between two definitions' ends, and the lines that a region shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvlsp.syntax.language import Language
from kvlsp.workspace.messages import Visited
from kvlsp.workspace.regions import ABOVE, BELOW, REGIONS, regions_of, stretch

ROOT = Path("/project")


def split(text: str) -> str:
    """The stretch around ``$0``, between ``[`` and ``]``."""
    offset, plain = text.index("$0"), text.replace("$0", "")
    start, end = stretch(plain, offset, Language.of(".py"))
    return f"{plain[:start]}[{plain[start:end]}]{plain[end:]}"


@pytest.mark.parametrize(("text", "marked"), [
    ("import os\n\ndef f():\n    $0pass\n\nx = 1\n", "import os\n\n[def f():\n    pass\n]\nx = 1\n"),
    ("import os\n$0\ndef f():\n    pass\n\nx = 1\n", "[import os\n\n]def f():\n    pass\n\nx = 1\n"),
    ("def f():\n    pass\n\nx = 1$0\n", "def f():\n    pass\n[\nx = 1\n]"),
    ("class A:\n    def f(self):\n        pass\n\n    def g(self):\n        $0pass\n",
     "class A:\n    def f(self):\n        pass\n\n[    def g(self):\n        pass\n]"),
    ("$0", "[]"),
])
def test_a_stretch_ends_where_definitions_do(text, marked):
    assert split(text) == marked


def test_without_a_language_all_is_one_stretch():
    assert stretch("a\nb\n", 1, None) == (0, 4)


def lines(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(count))


def place(path: str, text: str, row: int, edited: bool = True) -> Visited:
    return Visited(path, text.index(f"line {row}\n"), edited)


def test_a_region_shows_the_lines_around_a_place():
    text = lines(40)
    [region] = regions_of([place("b", text, 20)], {"b": (ROOT, "lib/b.py", text)})
    assert (region.root, region.path, region.line, region.end) == (ROOT, "lib/b.py", 20 - ABOVE, 20 + BELOW + 1)
    assert region.text == "\n".join(f"line {number}" for number in range(20 - ABOVE, 20 + BELOW + 1))
    assert region.reason == "edited lately"


def test_empty_lines_at_its_ends_are_left_out():
    [region] = regions_of([Visited("b", 3, False)], {"b": (ROOT, "b.py", "\n\n\nx = 1\n\n\n")})
    assert (region.line, region.end, region.text, region.reason) == (3, 4, "x = 1", "visited lately")
    assert regions_of([Visited("b", 0, True)], {"b": (ROOT, "b.py", "\n \n")}) == ()


def test_the_same_lines_are_shown_once_and_unknown_documents_not_at_all():
    text = lines(200)
    places = [place("b", text, 100), place("b", text, 103), place("c", text, 5), place("b", text, 10)]
    shown = regions_of(places, {"b": (ROOT, "b.py", text)})
    assert [(region.path, region.line) for region in shown] == [("b.py", 100 - ABOVE), ("b.py", 10 - ABOVE)]


def test_there_are_a_few_at_most():
    text = lines(400)
    places = [place("b", text, row) for row in range(380, 0, -30)]
    assert [region.line + ABOVE for region in regions_of(places, {"b": (ROOT, "b.py", text)})] == \
        list(range(380, 0, -30))[:REGIONS]
