"""``|`` is the caret."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.syntax.block import BLOCK, WINDOW, Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import scan_line

PYTHON, RUST = Language.of("python"), Language.of("rust")


def at(document: str, language: Language | None = PYTHON) -> Place:
    prefix, suffix = document.split("|")
    return Place.at(prefix, suffix, language)


@pytest.mark.parametrize(("document", "held"), [
    ("foo(|)", [True]),
    ("foo(|\n", [False]),
    ("foo(a, [|]", [False, True]),
    ("x = [\n    foo(|\n]\n", [True, False]),
    ("x = [\n    |\n]\n", [True]),
    ("x = {\n    'a': [\n        |\n}\n", [True, False]),
])
def test_brackets_that_the_suffix_closes_are_held(document, held):
    assert [bracket.held for bracket in at(document).open] == held


def test_a_missing_brace_is_the_inner_one():
    place = at("fn f() {\n    if x {\n        |\n}\n", RUST)
    assert [bracket.held for bracket in place.open] == [True, False]


@pytest.mark.parametrize(("document", "header", "has_body"), [
    ("def f():|\n", 0, False),
    ("def f():\n    |\n", 0, False),
    ("def f():\n    |\n    return 1\n", 0, True),
    ("def f(\n    a,\n):\n    |\nx\n", 0, False),
    ("x = 1\n|\n", None, False),
    ("x = {'a':|\n}", None, False),
    ("# why:\n|\n", None, False),
])
def test_block_openers(document, header, has_body):
    place = at(document)
    assert (place.header, place.has_body) == (header, has_body)


def test_the_block_begins_at_a_statement_and_stays_short():
    line = "    value = compute(value)\n"
    place = at("def f():\n" + line * 500 + "    x = |\n")
    assert place.block.startswith("    value")
    assert len(place.block) < BLOCK + 100


def test_a_window_cut_inside_a_docstring_is_understood():
    prose = "The following describes the format of the file in some detail\n" * (WINDOW // 60 - 8)
    code = '"""\n\ndef f(x):\n    y = g(x)\n    return y\n\ndef h(x):\n    y = "a"\n    '
    place = Place.at('"""Title.\n' + prose * 2 + prose + code, "\n", PYTHON)
    assert place.scan.inside is None
    assert at('x = """\n' + prose + "|").scan.inside is not None


def test_what_is_generated_is_parsed_with_its_block():
    place = at("    x = 1\n    |\n")
    assert not place.parses("@cached\n")
    assert place.parses("@cached\n    def f(): pass\n")
    broken = at("    x = = 1\n    |\n")
    assert broken.parses("@cached\n")  # nothing can be told then


@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from([None, *Language.all()]))
def test_any_text_has_a_place(prefix, suffix, language):
    place = Place.at(prefix, suffix, language)
    assert prefix.endswith(place.line_before)
    assert len(place.open) == len(place.scan.stack)
    place.parses("x")


def test_a_window_of_a_longer_text_begins_where_code_does_however_much_of_it_is_passed():
    text = "def f():\n    return 1\n\n" * 1000 + "x = "
    whole, cut = Place.at(text, "", PYTHON), Place.at(text[-WINDOW:], "", PYTHON)
    assert whole.lines == cut.lines
    assert cut.lines[0] == "def f():"


def test_while_a_line_is_typed_those_above_it_are_not_read_again(monkeypatch):
    scanned: list[str] = []

    def scan(language: Language | None, line: str, *others: Any) -> Any:
        scanned.append(line)
        return scan_line(language, line, *others)

    monkeypatch.setattr("kvlsp.syntax.block.scan_line", scan)
    text = "def f(x):\n    return g(x)\n\n" * 700
    for typed in ("y = f", "y = f(", "y = f(1", "y = f(1)", "y = f(1)[0]"):
        scanned.clear()
        assert Place.at((text + typed)[-WINDOW:], "", PYTHON).line_before == typed
    assert "    return g(x)" not in scanned
