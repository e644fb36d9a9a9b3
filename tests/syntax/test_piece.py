"""Where in a piece of code the parser finds what is wrong."""

from __future__ import annotations

from time import thread_time

import pytest

from kvlsp.syntax.language import Language
from kvlsp.syntax.piece import Patience, Piece

PYTHON = Language.of("python")


def piece(before: str, below: str = "\n") -> Piece:
    return Piece(PYTHON, "a = 1\n", before, below, True, True, False, Patience(9.0))


@pytest.mark.parametrize(("before", "broken"), [
    ("b c d ", True), ("b c d", True), ("b ) ", False), ("b )\n\n", False), (") b ", True), ("b", True),
])
def test_what_is_broken_before_the_last_word_is_not_the_texts_fault(before, broken):
    assert piece(before).broken_before("") is broken


@pytest.mark.parametrize("before", ["a" * 40_000 + "\n(", "a" * 20_000 + " " * 20_000 + "("])
def test_the_last_word_is_found_from_the_end(before):
    """Not from each letter of all words before it: that took ten seconds."""
    began = thread_time()
    piece(before, "x)\n").broken_before("")
    assert thread_time() - began < 1.0
