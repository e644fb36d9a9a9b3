import pytest

from kvlsp.syntax.indents import misplaced
from kvlsp.syntax.language import Language

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


def test_braces_need_no_indentation():
    assert misplaced(Language.of("rust"), "{\n        a;\n  b;\n}\n") == 0
