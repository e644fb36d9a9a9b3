"""Whether a line ends a statement, opens a block, or carries the statement above on. ``|`` is the caret."""

import pytest

from kvlsp.completion import statement
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import scan_lines


@pytest.mark.parametrize(("language", "before", "text", "ends"), [
    ("python", "x = ", "1", True),
    ("python", "x = ", "f(1,", False),
    ("python", "x = ", "1 + \\", False),
    ("python", "x = ", "'a", False),
    ("python", "", "x = '''a", False),
    ("c", "int x = ", "1", False),
    ("c", "int x = ", "1;", True),
    ("c", "", "case 1:", False),
    ("c", "#include ", "<stdio.h>", True),
    ("c", "int x;\n", "#define A 1", True),
    (None, "anything ", "at all", True),
    (None, "anything ", "(at", False),
])
def test_where_statements_end(language, before, text, ends):
    known = Language.of(language) if language else None
    place = Place.at(before, "\n", known)
    assert statement.ends(place, text, scan_lines(known, text)) is ends


@pytest.mark.parametrize(("language", "line", "header"), [
    ("python", "if x:", True), ("python", "x = {'a':", False), ("python", "x", False), ("c", "if (x) {", False),
])
def test_headers(language, line, header):
    known = Language.of(language)
    assert statement.is_header(known, scan_lines(known, line)) is header


@pytest.mark.parametrize(("language", "line", "whole", "carried"), [
    ("javascript", "  .then(f)", False, True),
    ("javascript", "} else {", False, True),
    ("javascript", "el", False, None),       # may become "else"
    ("javascript", "el", True, False),
    ("javascript", "f();", False, False),
    ("javascript", "&", False, None),
])
def test_lines_that_carry_a_statement_on(language, line, whole, carried):
    assert statement.carries_on(Language.of(language), line, whole) is carried
