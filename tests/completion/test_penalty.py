"""``|`` is the caret; what was generated is pushed piece by piece; then tokens are weighed."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.penalty import GrammarPenalty
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language

PYTHON = Language.of("python")
COST = -math.log(0.9)


def after(document: str, generated: str, language: Language | None = PYTHON) -> GrammarPenalty:
    prefix, suffix = document.split("|")
    penalty = GrammarPenalty(Place.at(prefix, suffix, language))
    for piece in re.findall(r" *\w+|\n|\s+|[^\w\s]", generated):
        penalty.push(piece)
    return penalty


def count(penalty: GrammarPenalty, piece: str) -> float:
    """For how many copies this token is held back: the exponents 1, 3, 6, 10 ... compound over the copies."""
    exponent = penalty.lowers(piece) / COST
    return round((math.sqrt(1 + 8 * exponent) - 1) / 2, 6)


def test_the_start_of_a_repeated_line_is_held_back_more_each_time():
    for copies in range(2, 6):
        penalty = after("|", "".join(f"x = foo({n})\n" for n in range(copies)))
        assert count(penalty, "y") == copies - 1
        assert count(penalty, "x") == copies - 1
        assert count(penalty, "return") == 0
        assert count(penalty, "\n") == 0


def test_nothing_is_held_back_at_first():
    assert not after("|", "x = 1\n").active
    assert not after("|", "x = 1\ny = foo()\nreturn x\n").active


def test_the_line_break_before_it_too():
    penalty = after("def f():\n    |", "x = 1\n    y = 2")
    assert count(penalty, "\n") == 1
    assert count(penalty, "\n    ") == 1
    assert count(penalty, "\n  ") == 0
    assert count(penalty, "\n\n") == 1
    assert count(penalty, " +") == 0


def test_also_where_it_comes_with_the_closing_text():
    penalty = after("def f():\n    |", "x = f(1)\n    y = f(2")
    assert count(penalty, ")\n") == 1
    assert count(penalty, ")") == 0
    assert count(penalty, ", 3)\n") == 0


def test_and_the_indentation():
    penalty = after("def f():\n    |", "x = 1\n    y = 2\n")
    assert count(penalty, "    ") == 1
    assert count(penalty, "        ") == 0
    assert count(penalty, "return") == 0


def test_units_of_several_lines():
    chain = "".join(f"elif x == {n}:\n    return '{n}'\n" for n in range(4))
    penalty = after("if x:\n    return 1\n|", chain)
    assert count(penalty, "elif") == 3
    assert count(penalty, "else") == 0
    assert count(penalty, "x") == 0


def test_inside_a_unit_nothing_is_held_back():
    chain = "".join(f"elif x == {n}:\n    return '{n}'\n" for n in range(4))
    penalty = after("if x:\n    return 1\n|", chain + "elif x == 5:\n")
    assert count(penalty, "return") == count(penalty, "    ") == 0


def test_a_table_of_the_document_is_continued_more_easily_than_a_new_one():
    rows = [f'    ("a{n}", {n}),\n' for n in range(9)]
    assert count(after("x = [\n|]\n", "".join(rows[:4])), "    ") == 3
    assert count(after("x = [\n" + "".join(rows[:3]) + "|]\n", "".join(rows[:4])), "    ") == 1
    assert not after("x = [\n" + "".join(rows) + "|]\n", "".join(rows)).active


def test_prose_in_circles_is_held_back_across_lines():
    penalty = after("|", '"""The number of the number of the\n    number of the number of the')
    assert penalty.lowers(" number") > 2 * COST
    assert count(penalty, " end") == 0
    assert count(penalty, "\n") == 0


def test_digits_in_circles():
    assert after("|", "x = '" + "1 2 " * 5).lowers(" 1") == pytest.approx(2 * 3 * COST)
    assert not after("|", "x = '" + "1 2 " * 3).active


def test_a_loop_that_pauses_goes_on_where_it_was():
    penalty = after("|", "import os\n" * 4 + "from a import b\n" + "import os\n" * 2)
    assert count(penalty, "import") > 3
    assert count(penalty, "def") == 0


def test_phrases_that_the_document_repeats_are_rightful():
    row = "0, " * 16
    assert after("x = [\n    |]\n", row).active
    assert not after("x = [\n    " + row + "\n    |]\n", "0, " * 8).active


def test_prose_in_strings_and_comments_has_no_form():
    assert not after("|", '"""One line.\nand another\nand a third\n').active
    assert not after("|", "# one\n# two\n# three\n").active


def test_chains_within_a_line():
    penalty = after("|", "x = " + " or ".join("abcdefgh"))
    assert count(penalty, " or") > 0
    assert count(penalty, " and") == 0
    assert count(penalty, "\n") == 0
    longer = after("|", "x = " + " or ".join("abcdefghij"))
    assert count(longer, " or") == count(penalty, " or") + 2


def test_an_argument_list_that_the_user_began_is_no_loop():
    assert not after("foo(a, b, c, d, e, f, g, |)\n", "h, i").active


def test_strength_one_switches_it_off():
    penalty = GrammarPenalty(Place.at("", "", PYTHON), strength=1.0)
    penalty.push("x = 1\n" * 9)
    assert not penalty.active


@given(st.text(alphabet="ab(,)=\n '\"#:\ud800\U0001f600", max_size=40),
       st.lists(st.text(alphabet="ab(,)=\n '\"#:\u2028\x0c", min_size=1, max_size=6), max_size=30))
def test_any_text(prefix, pieces):
    penalty = GrammarPenalty(Place.at(prefix, "", PYTHON))
    for piece in pieces:
        penalty.push(piece)
        for token in pieces:
            assert penalty.lowers(token) >= 0.0


def test_lines_that_come_again_between_others():
    written = "self.x = first\nif ready:\n    self.x = first\nelse:\n    wait(3)\nfor y in z:\n    self.x = first\n"
    penalty = after("|", written)
    assert count(penalty, "self") > count(after("|", written[:50]), "self")
    assert count(penalty, "wait") == 0
    assert not after("# self.x = first\n" + "self.x = first\n" * 3 + "|", "a(1)\nself.x = first\nb = 2\n").active
