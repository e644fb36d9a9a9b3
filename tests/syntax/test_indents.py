import pytest

from kvlsp.syntax.indents import around, misplaced, without_body
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import Scan
from kvlsp.syntax.window import line_states

PYTHON = Language.of("python")


@pytest.mark.parametrize(("text", "count"), [
    ("if x:\n    a\nb\n", 0),
    ("if x:\n    a\n      b\n", 1),
    ("if x:\n    a\n  b\n", 1),
    ("    a\nb\n", 0),                              # a block that is left
    ("x = [\n        1,\n  2]\ny\n", 0),            # inside brackets anything goes
    ('"""\n  a\n      b"""\nc\n', 0),               # and inside strings
    ("a\n      # a comment\nb\n", 0),
    ("a = b + \\\n        c\nd\n", 0),
    ("if x:\nb\n", 0),                              # a header without its body yet
])
def test_counts_statements_out_of_place(text, count):
    assert misplaced(PYTHON, text) == count


@pytest.mark.parametrize(("text", "blocks", "count"), [
    ("        if x:\n  a\n", (0, 4, 8), 1),          # as deep as none of them
    ("        if x:\n  a\n", (), 1),
    ("        pass\n    a\nb\n", (0, 4), 0),
    ("        pass\n", (0, 4), 0),
])
def test_the_blocks_around_are_those_that_can_be_gone_back_to(text, blocks, count):
    assert misplaced(PYTHON, text, blocks) == count


def test_the_blocks_around_are_read_off_the_lines_above():
    lines = ("class A:", "    def f(self):", "        x = (", "  1)", "# note", '        y = """', 'a"""')
    assert around(PYTHON, lines, line_states(PYTHON, lines, True)[:-1]) == (0, 4, 8)


@pytest.mark.parametrize(("text", "wanted"), [
    ("if x:\na\n", True),
    ("    if x:\n  a\n", True),
    ("    if x:\n\n    # why\n    a\n", True),
    ("if x:\n    a\n", False),
    ("if x:", False),                               # its body may come yet
    ("if x:\n    a\nelse:\n", False),
    ("if x:\nelse:\n    a\n", True),
    ("if (x and\ny):\n    a\n", False),
    ("x = {\n    1:\n    2}\n", False),
    ('def f():\n    """Doc:\n"""\n', False),
    ("def f():  # note\n    pass\n", False),
])
def test_a_header_wants_a_body(text, wanted):
    assert without_body(PYTHON, text, Scan()) is wanted


def test_braces_need_no_indentation():
    assert misplaced(Language.of("rust"), "{\n        a;\n  b;\n}\n") == 0
