"""The text above a caret: where a long one is cut, and what the cut is inside of."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.completion.trim import trim
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.scanner import scan_line
from kvlsp.syntax.window import WINDOW, state_at
from tests.syntax.samples import SAMPLES

PYTHON = Language.of("python")

SCRIPT = "set -l found (string trim $words);\n\nfunction complete(words) {\n    set -l last $words[1];\n}\n\n"
"""Looks like code, and begins lines without indentation."""

STRINGS = {
    "go": ("package a\n\nfunc script(name string) string {\n\treturn fmt.Sprintf(`", "`, name, len(name))\n}\n\n"),
    "javascript": ("const script = render(`", "`, { name });\n\n"),
    "typescript": ("const script: string = render(`", "`, { name });\n\n"),
    "tsx": ("const script: string = render(`", "`, { name });\n\n"),
    "python": ('script = render("""', '""", name)\n\n'),
    "rust": ('const SCRIPT: &str = "', '";\n\n'),
}
"""What begins and what ends a string of several lines."""


def long_string(language: str) -> str:
    begin, end = STRINGS[language]
    return begin + SCRIPT * (WINDOW * 3 // len(SCRIPT)) + end


def test_a_window_cut_inside_a_docstring_is_understood():
    prose = "The following describes the format of the file in some detail\n" * (WINDOW // 60 - 8)
    code = '"""\n\ndef f(x):\n    y = g(x)\n    return y\n\ndef h(x):\n    y = "a"\n    '
    text = '"""Title.\n' + prose * 3 + code
    assert Place.at(text, "\n", PYTHON).scan.inside is None
    assert state_at(PYTHON, text).inside is None
    assert state_at(PYTHON, 'x = """\n' + prose).inside is not None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(STRINGS)), st.data())
def test_what_is_open_is_the_same_behind_a_long_string(name, data):
    """At any caret of a file: the lines of the string look like code, the parser knows better."""
    language, text = Language.of(name), SAMPLES[name].text
    caret = data.draw(st.integers(0, len(text)))
    alone = Place.at(text[:caret], "", language).scan
    far = Place.at(long_string(name) + text[:caret], "", language).scan
    assert far.inside == alone.inside
    assert [bracket.character for bracket in far.stack] == [bracket.character for bracket in alone.stack]


COMMENTED = {language.name: language for language in Language.all() if language.block_comments}
NOTE = ("most shells make such strings hard to type, and don't say so\n\nInstead, we can ask for {\n"
        "what is meant (or not); a quote \" of one inch\n")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(COMMENTED)), st.integers(0, 20), st.data())
def test_what_is_open_is_the_same_behind_a_long_comment(name, lines, data):
    """The window begins with prose: nothing of it is a string that goes on in the code."""
    language, text = COMMENTED[name], SAMPLES[name].text
    caret = data.draw(st.integers(0, len(text)))
    alone = Place.at(text[:caret], "", language).scan
    code = text * (WINDOW // 2 // len(text))
    far = Place.at(f"/*\n{NOTE * 80}{'words' * lines}\n*/\n{code}{text[:caret]}", "", language).scan
    assert far.inside == alone.inside


def test_lines_of_a_list_of_strings_are_code():
    words = "".join(f"        r'{word}recv|'\n" for word in ("get", "scp", "send", "z", "kmt"))
    place = Place.at(f"class A:\n    words = (\n{words * 200}    )\n\n    ", "\n", PYTHON)
    assert place.scan.inside is None
    methods = "    /// Returns it, where there's one to be had\n    fn is(&self);\n" * 99
    rust = f"trait Flag: Debug + 'static {{\n{methods}"
    assert Place.at("// A note.\n" * 400 + rust + "    ", "\n", Language.of("rust")).scan.inside is None


def test_a_docstring_has_its_end_below_though_what_is_looked_at_ends_in_another():
    above = 'import os\n\n\nclass A:\n    """The first line.\n\n    All of the methods '
    below = '\n    are there to be called.\n    """\n' + 'def f(x):\n    """Words.\n    """\n    return [x]\n' * 300
    for end in range(7900, 7960):
        place = Place.at(above, below[:end] + "|" * (WINDOW - end), PYTHON)
        assert place.held is not None
        assert trim(above, 'and """more', below[:end] + "|" * (WINDOW - end), PYTHON)[0] in ("", "and ", "and")


def test_no_statement_is_glued_to_another_behind_a_long_string():
    above = long_string("go") + "func g(a string) error {\n\tout, "
    behind = "err := os.Create(a)\n\tif err != nil {\n\t\treturn err\n\t}\n\treturn nil\n}\n"
    for given_text in ("if err != nil {", "if err != nil {\n\t\treturn err\n\t}", 'name = f(a, "-", "_")', "name = "):
        assert not trim(above, given_text, behind, Language.of("go"))[0]


def test_a_window_of_a_longer_text_begins_where_code_does_however_much_of_it_is_passed():
    text = "def f():\n    return 1\n\n" * 1000 + "x = "
    whole, cut = Place.at(text, "", PYTHON), Place.at(text[-WINDOW:], "", PYTHON)
    assert whole.lines == cut.lines
    assert cut.lines[0] == "def f():"


def test_a_window_does_not_begin_in_a_comment_in_which_another_one_begins():
    """A tag that is open at the caret is nonsense to the parser, and what would be a comment is none."""
    above = "const a = f();\n" * 700 + "function B() {\n  return (\n    <div>\n      {/* one of them */}\n      <Foo\n"
    place = Place.at(above + "        label={", "}\n      />\n    </div>\n  );\n}\n", Language.of(".tsx"))
    assert [bracket.bracket.character for bracket in place.open] == ["{", "(", "{"]


def test_lines_that_the_parser_makes_sense_of_are_code_whatever_they_look_like():
    above = '/**\n * @since 2.0.0\n */\nexport * as Sink from "./Sink.ts"\n\n' * 200
    assert Place.at(above, "", Language.of("typescript")).scan.inside is None


def test_while_a_line_is_typed_those_above_it_are_not_read_again(monkeypatch):
    scanned: list[str] = []

    def scan(language: Language | None, line: str, *others: Any) -> Any:
        scanned.append(line)
        return scan_line(language, line, *others)

    monkeypatch.setattr("kvlsp.syntax.window.scan_line", scan)
    text = "def f(x):\n    return g(x)\n\n" * 700
    for typed in ("y = f", "y = f(", "y = f(1", "y = f(1)", "y = f(1)[0]"):
        scanned.clear()
        assert Place.at((text + typed)[-WINDOW:], "", PYTHON).line_before == typed
        state_at(PYTHON, (text + typed)[-WINDOW:])
    assert "    return g(x)" not in scanned


def test_a_text_that_the_parser_gives_up_has_a_window_all_the_same():
    place = Place.at("`" + "() =>\n" * 4000 + "`;\nx = ", "\n", Language.of("javascript"))
    assert place.line_before == "x = "
