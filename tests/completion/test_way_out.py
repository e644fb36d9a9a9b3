"""The way out of a loop: what gains, where and only after something was repeated."""

from __future__ import annotations

import pytest

from kvlsp.completion.penalty import GrammarPenalty
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language

PYTHON = Language.of("python")


def after(prefix: str, generated: str, suffix: str = "") -> GrammarPenalty:
    penalty = GrammarPenalty(Place.at(prefix, suffix, PYTHON))
    for piece in generated.splitlines(keepends=True):
        for word in piece.split(" "):
            penalty.push(word if word.endswith("\n") else word + " ")
    return penalty


def test_nothing_gains_where_nothing_repeats():
    penalty = after("x = [\n", "    1,\n    foo(2),\n")
    assert penalty.gains("]") == penalty.gains(None) == 0.0
    assert GrammarPenalty(Place.at("", "", PYTHON)).gains(None) == 0.0


def test_the_end_gains_behind_whole_statements_and_the_more_the_more_is_repeated():
    some = after("def f():\n", "    spin(1, 2)\n" * 4)
    more = after("def f():\n", "    spin(1, 2)\n" * 8)
    assert 0.0 < some.gains(None) < more.gains(None)
    assert more.gains("    spin") == 0.0


def test_the_end_does_not_gain_behind_half_a_statement():
    penalty = after("def f():\n", "    spin(1, 2)\n" * 8 + "    if x:\n")
    assert penalty.gains(None) == 0.0


@pytest.mark.parametrize(("prefix", "line", "closer"), [
    ("x = [\n", "    1, 2,\n", "]"),
    ("x = {\n", '    "a": 1,\n', "}"),
    ("def f():\n    call(\n", "        a=b,\n", "    )"),
    ('def f():\n    """Text.\n\n', "    again and again\n", '    """'),
])
def test_what_closes_the_open_gains_and_the_end_does_not(prefix: str, line: str, closer: str):
    penalty = after(prefix, line * 8)
    assert penalty.gains(closer) > 0.0
    assert penalty.gains(None) == penalty.gains("x") == 0.0


def test_what_the_rest_of_the_document_closes_is_left_to_it():
    penalty = after("x = [\n", "    1, 2,\n" * 8, "]\n")
    assert penalty.gains("]") == 0.0
    assert penalty.gains(None) > 0.0
    penalty = after('def f():\n    """Text.\n\n', "    again and again\n" * 8, '    """\n')
    assert penalty.gains('"""') == penalty.gains(None) == 0.0


def test_a_penalty_that_is_off_lets_nothing_gain():
    penalty = GrammarPenalty(Place.at("x = [\n", "", PYTHON), strength=1.0)
    for _ in range(20):
        penalty.push("    1,\n")
    assert penalty.gains("]") == penalty.gains(None) == 0.0
