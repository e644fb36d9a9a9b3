import pytest

from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import Scan, end_line, indent_of, scan_line, scan_lines

PYTHON = Language.of("python")


@pytest.mark.parametrize(("text", "stack", "inside"), [
    ("foo(a, [b", "([", None),
    ("foo('(', \"[\") # {", "", None),
    ('x = """ ( \n [ \n', "", '"""'),
    ('x = """ ( \n [ """ + (', "(", None),
    (r"x = 'it\'s ('", "", None),
    ("x = 'unclosed (\nfoo(", "(", None),
    ("# a ( comment\n(", "(", None),
])
def test_open_brackets_and_strings(text, stack, inside):
    scan = scan_lines(PYTHON, text)
    assert "".join(bracket.character for bracket in scan.stack) == stack
    assert (scan.inside.open if scan.inside else None) == inside


def test_surplus_closers_are_reported_in_order():
    scan = scan_lines(PYTHON, "a), b]\n  }")
    assert [(offset, character) for offset, character, _ in scan.excess] == [(1, ")"), (5, "]"), (9, "}")]
    assert [indent for _, _, indent in scan.excess] == [-1, -1, 2]


def test_last_code_character_knows_no_comments():
    assert scan_line(PYTHON, "if x:  # why", Scan()).last == ":"
    assert scan_line(PYTHON, "x = 'a:'", Scan()).last == '"'
    assert scan_line(PYTHON, "# only", Scan()).last == ""


def test_scanning_in_two_steps_is_scanning_at_once():
    text = "foo(a,\n  '''x\n ) ''', [\n"
    lines = text.split("\n")
    state = Scan()
    for line in lines[:-1]:
        state = end_line(scan_line(PYTHON, line, state))
    whole = scan_lines(PYTHON, text)
    assert (state.stack, state.inside, state.line) == (whole.stack, whole.inside, whole.line)


def test_indentation_counts_columns():
    assert [indent_of(line) for line in ("", "  x", "\tx", "  \tx", "    ")] == [0, 2, 8, 8, 4]


@pytest.mark.parametrize("ending", [".js", ".ts", ".tsx"])
@pytest.mark.parametrize("line", ["return /`|\\$\\{/.test(a);", "case /'/.test(a):", "a.map(b => /[`\"(]/.test(b));",
                                  "x = a / b / c", "return a / b"])
def test_a_pattern_is_no_string(ending, line):
    scan = scan_line(Language.of(ending), line, Scan())
    assert (scan.stack, scan.inside) == ((), None)
