"""``|`` is the caret."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.syntax.block import BLOCK, Place
from kvlsp.syntax.language import Language

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


@pytest.mark.parametrize("statement", [
    "type A =\n" + "  | 'some words'\n" * 100 + "  | ",
    "a = b\n" + "  .map(c => c.d)\n" * 100 + "  .",
    "a =\n" + "  '0123456789' +\n" * 100 + "  '",
])
def test_the_block_begins_with_no_line_that_goes_on_with_another(statement):
    place = Place.at("const a = 1;\n" * 200 + statement, "\n", Language.of("typescript"))
    assert place.block == statement


def test_what_is_generated_is_parsed_with_its_block():
    place = at("    x = 1\n    |\n")
    assert not place.parses("@cached\n")
    assert place.parses("@cached\n    def f(): pass\n")
    broken = at("    x = = 1\n    |\n")
    assert broken.parses("@cached\n")  # nothing can be told then


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from([None, *Language.all()]))
def test_any_text_has_a_place(prefix, suffix, language):
    place = Place.at(prefix, suffix, language)
    assert prefix.endswith(place.line_before)
    assert len(place.open) == len(place.scan.stack)
    place.parses("x")
