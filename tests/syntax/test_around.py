"""What of the lines below the caret is parsed."""

from __future__ import annotations

import pytest

from kvlsp.syntax import around
from kvlsp.syntax.around import Around, Size
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language


@pytest.mark.parametrize(("above", "below"), [("(\n", ")\n"), ("{\n", "}\n"), ("[", "]\n")])
@pytest.mark.parametrize("size", list(Size))
def test_closers_are_made_for_the_end_and_not_for_every_line_below(monkeypatch, above, below, size):
    """Thousands of brackets, closed one in a line: counted, not timed."""
    made: list[int] = []
    closers = around.closers
    monkeypatch.setattr(around, "closers", lambda stack: made.append(len(stack)) or closers(stack))
    place = Place.at(above * 3000, "\n" + below * 3000, Language.of("javascript"))
    Around(place).piece("x", size)
    assert len(made) <= 2
