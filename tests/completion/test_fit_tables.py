"""Carets in tables longer than what is parsed of them, and where the parser is given up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.completion.fit import fit
from kvlsp.syntax.around import Around, Size
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import CLOSER_OF

LANGUAGES = {language.name: language for language in Language.all()}
TABLES = {
    "c": ('static const char *const names[][2] = {\n', '    {"KEY", "VALUE"},\n', "};\n"),
    "cpp": ('static const char *const names[][2] = {\n', '    {"KEY", "VALUE"},\n', "};\n"),
    "go": ("package a\n\nvar names = [][]string{\n", '\t{"KEY", "VALUE"},\n', "}\n"),
    "java": ("class A {\n    static final String[][] NAMES = {\n", '        {"KEY", "VALUE"},\n', "    };\n}\n"),
    "javascript": ("const names = [\n", '  ["KEY", "VALUE"],\n', "];\n"),
    "python": ("NAMES = [\n", '    ("KEY", "VALUE"),\n', "]\n"),
    "rust": ("pub(crate) const NAMES: &[(&[&str], &[&str])] = &[\n", '    (&["KEY"], &["VALUE"]),\n', "];\n"),
    "typescript": ("const names: string[][] = [\n", '  ["KEY", "VALUE"],\n', "];\n"),
}
"""How one begins, a row, how it ends: rows as in a list of file types."""
NUMBERS = "    2242590, 3036652803, 2063155087, 1927500726, 2821790499,\n"


@pytest.fixture(scope="module", autouse=True)
def time_enough():
    """A busy machine changes nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kvlsp.syntax.around.PATIENCE", 9.0)
        patch.setattr("kvlsp.syntax.around.PATIENCE_IN_ALL", 9.0)
        yield


@pytest.mark.parametrize("name", sorted(TABLES))
@settings(max_examples=8, deadline=None)
@given(st.integers(1, 500), st.integers(60, 500), st.sampled_from([
    '"b', 'b"', '"b" "c" d', '"b""', 'b", "c', '"b", ', '"b", "c', "b c", '"b"], '])
)
def test_a_text_that_breaks_a_long_table_is_not_offered(name, above, below, text):
    language, (begin, row, end) = LANGUAGES[name], TABLES[name]
    for place in ("|KEY", '|"KEY"', "KEY|"):
        half, rest = row.replace("KEY" if "K" in place and '"' not in place else '"KEY"', place).split("|")
        before, behind = begin + row * above + half, rest + row * below + end
        offered = fit(Place.at(before[-8000:], behind[:8000], language), text)
        assert not offered or not language.parse(before + offered + behind).root_node.has_error, offered


@pytest.mark.parametrize("name", sorted(TABLES))
def test_an_element_of_a_long_table_is_offered(name):
    language, (begin, row, end) = LANGUAGES[name], TABLES[name]
    half, rest = row.replace('"VALUE"', "|").split("|")
    for count in (3, 60, 600):
        place = Place.at((begin + row * count + half)[-8000:], (rest + row * count + end)[:8000], language)
        assert fit(place, '"a thing"') == '"a thing"'
        assert not fit(place, '"a thing" 3')


@pytest.mark.parametrize(("name", "begin"), [("rust", "static A: [u32; 9] = [\n"), ("c", "int a[] = {\n"),
                                             ("go", "package a\n\nvar a = []int{\n")])
def test_in_a_table_of_numbers_none_is_left_without_its_comma(name, begin):
    end = CLOSER_OF[begin.strip()[-1]] + ";\n"
    place = Place.at((begin + NUMBERS * 400 + "    ")[-8000:], "\n" + NUMBERS * 20 + end, LANGUAGES[name])
    assert fit(place, "2187774383, 5015") == ""
    assert fit(place, "2187774383, 5015,") == "2187774383, 5015,"


@pytest.mark.parametrize("name", sorted(LANGUAGES))
def test_what_nobody_could_judge_breaks_nothing_that_stands_behind(name, monkeypatch):
    monkeypatch.setattr("kvlsp.syntax.around.PATIENCE", 0)
    language = LANGUAGES[name]
    assert fit(Place.at("a(b)\n", "\nc(d)\n", language), "e f g") == ""
    assert fit(Place.at("a(b)\n", "", language), "e f g") == "e f g"


@pytest.mark.parametrize(("name", "above", "body", "end", "text"), [
    ("rust", "impl A {\n    fn f(&self) -> B {\n        ", "        loop {\n", "            g(h);\n", "cl"),
    ("rust", "impl A {\n    fn f(&self) -> B {\n        ", "        loop {\n", "            g(h);\n", "cl.a"),
    ("c", "int f(void)\n{\n    ", "    while (x) {\n", "        g(h);\n", "if x y"),
    ("java", "class A {\n    void f() {\n        ", "        while (x) {\n", "            g(h);\n", "if x y"),
    ("go", "package a\n\nfunc f() {\n\t", "\tfor {\n", "\t\tg(h)\n", "if x y"),
])
def test_a_long_statement_right_below_is_looked_at_too(name, above, body, end, text):
    """All that is whole behind the caret ends out of sight."""
    assert fit(Place.at(above, ("\n" + body + end * 900)[:8000], LANGUAGES[name]), text) == ""


@pytest.mark.parametrize(("name", "document"), [
    ("rust", "struct B;\n\nimpl<B> A<B>\nwhere\n  |  B: C,\n{\n    fn f() {\n        g(h);\n"),
    ("c", "int g();\n\n|int f(int b)\n{\n    g(h);\n"),
    ("cpp", "int g();\n\n|int f(int b)\n{\n    g(h);\n"),
    ("java", "class A {\n    |int f(int b)\n    {\n        g(h);\n"),
])
def test_a_header_is_not_parted_from_the_bracket_below_it(name, document):
    before, behind = document.split("|")
    place = Place.at(before, (behind + "        g(h);\n" * 900)[:8000], LANGUAGES[name])
    assert Around(place).piece("", Size.BLOCK).parses("")
