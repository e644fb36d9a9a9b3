"""What stands right behind the caret, and what of a suggestion may go before it."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from kvlsp.completion.fit import fit
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from tests.syntax.samples import SAMPLES

LANGUAGES = {language.name: language for language in Language.all()}
MACRO = ("macro_rules! a {\n    (@c $a:ident ($($k:tt)+) (: {$($m:tt)*} $($r:tt)*)) => {\n"
         "        $crate::a!(@c $a [$($k)+] ($crate::a!({$($m)|*})) $($r)*);\n    };\n\n"
         "    (@c $a:ident) => {\n        $crate::a!();\n    };\n}\n")
TAGS = "function F() {\n  return (\n    <div>\n" + "      <p>a</p>\n" * 300 + (
    "      <p a|=\"b\">c</p>\n" + "      <p>a</p>\n" * 300 + "    </div>\n  );\n}\n")
UNION = "export type A =\n" + "\t¦ 'some-words'\n" * 400 + "\t¦ '|'\n" + "\t¦ 'more-words'\n" * 800
"""A statement longer than what is looked at; ¦ stands for the sign that is the caret here."""
JSX = "/* All of A. */\nimport a from 'a';\n\n" + "const a = f();\n" * 450 + (
    "function B() {\n  return (\n    <div>\n      {/* one of them */}\n      <Foo\n        color={color}\n"
    "        label={|}\n        type={type}\n      />\n    </div>\n  );\n}\n") + "const a = f();\n" * 200
"""What is looked at begins behind the first line, and before a comment ends."""
LARGE = "function f() {\n" + "  g(a, b);\n" * 900 + "  const c = [1];\n|\n  for (const d of c) {\n    g(d);\n  }\n}\n"
"""A function that begins out of sight."""


def fitted(language: str, document: str, text: str) -> str:
    prefix, suffix = document.split("|")
    return fit(Place.at(prefix.replace("¦", "|"), suffix.replace("¦", "|"), LANGUAGES[language]), text)


@pytest.mark.parametrize(("language", "document", "text", "wanted"), [
    # code that is there already: nothing, or whole lines
    ("python", "x = 1\n|y = 2\n", "y = 1", "y = 1\n"),
    ("python", "x = 1\n|y = 2\n", "y = 1\n", "y = 1\n"),
    ("python", "def f():\n|    return 1\n", '    """Doc."""', '    """Doc."""\n'),
    ("python", "def f():\n|    return 1\n", "x = 1", ""),
    ("python", "def f():\n    a = 1\n|    return 1\n", "for x in y:", ""),
    ("python", "def f():\n    |return 1\n", "if a:", ""),
    ("python", "def f():\n    |return 1\n", "x = g(", ""),
    ("python", 'def f():\n    """A\n    |word\n    """\n', "text", ""),
    ("python", "def f():\n    |return 1\n", "x = 1", "x = 1\n    "),
    ("python", "def f():\n    |return 1\n", "x = 1\n    ", "x = 1\n    "),
    ("python", "def f():\n    |return 1\n", "x = 1\n", "x = 1\n    "),
    ("python", "import os\n|import sys\n", "# a comment", "# a comment\n"),
    ("python", "if a:\n    |b()\n", "return ", "return "),
    ("python", "x = 1\n|foo(a)\n", "y = ", "y = "),
    ("javascript", "x();\n|y();\n", "z();", "z();\n"),
    ("javascript", "x();\n|y();\n", "z();\n", "z();\n"),
    ("javascript", "function f() {\n  |}\n", "z();", ""),
    ("c", "int f(void) {\n    |return 1;\n}\n", "int x = 1;", "int x = 1;\n    "),
    ("c", "int f(void) {\n    |return 1;\n}\n", "if (x) {", ""),
    ("java", "class A {\n    |int x;\n}\n", "int y;", "int y;\n    "),
    ("go", "func f() {\n\t|g()\n}\n", "h()", "h()\n\t"),
    ("rust", "fn f() {\n    |g();\n}\n", "h();", "h();\n    "),
    ("rust", "mod a;\n#[cfg(test)]\n|;\n", "#[cfg(test)]", ""),
    ("rust", "mod a;\n#[cfg(test)]\n|;\n", "mod tests", "mod tests"),
    ("rust", "|#[derive(A)]\nstruct B;\n", "#[cfg(test)]", "#[cfg(test)]\n"),
    ("rust", MACRO, "$crate::a!(@b [$($c,)* $crate::a!($d)])", ""),
    ("c", "int f(void) {\n    |;\n}\n", "if (x) {\n        g();\n    }", ""),
    ("java", "class A {\n  void f() {\n    |;\n  }\n}\n", "count++;", "count++"),
    ("c", "int f(void) {\n    |;\n}\n", "x = 1;\n    return x;", "x = 1"),
    ("c", "int f(void) {\n    for (int i = 0; |; i++) {}\n}\n", "i < n", "i < n"),
    ("java", "class A {\n    |{\n        g();\n    }\n}\n", "int x = 1;", "int x = 1;\n    "),
    ("java", "class A {\n    |{\n        g();\n    }\n}\n", "void f() ", "void f() "),
    ("javascript", "const a = |.b();\n", "c ?", ""),
    ("rust", "fn f() {\n    if a {\n        b\n    |{\n        c\n    }\n}\n", "} else {\n        c\n    }", ""),
    ("go", "package a\n\nfunc f() {\n\tfor _, v := range | {\n\t\tg(v)\n\t}\n}\n", '[]string{"a"}', '[]string{"a"}'),
    ("go", "package a\n\nfunc f() | {\n\treturn nil\n}\n", "interface{}", "interface{}"),
    ("typescript", "function f(): | {\n  return { a: 1 };\n}\n", "{ a: number }", "{ a: number }"),
    ("rust", "fn f() {\n    match | {\n        _ => 1,\n    };\n}\n", "unsafe { g() }", "unsafe { g() }"),
    # blocks by indentation
    ("python", "def f():\n    while a:\n        |\n\n        b()\n", "if c:\n  d()", "if c:"),
    ("python", "def f():\n    while a:\n        |\n\n        b()\n", "if c:\n        d()", "if c:"),
    ("python", "def f():\n    while a:\n        |\n\n        b()\n", "if c:\n            d()",
     "if c:\n            d()"),
    ("python", "def f():\n    if a:\n        |\n\nb()\n", "c()\n    else:\n        d()", "c()\n    else:\n        d()"),
    # quotes of what is no string
    ("rust", "fn f() {\n    a!(b'|').is(b'\\n');\n}\n", "a!(b'\\n').is(", ""),
    ("rust", "fn f() {\n    let c = '|';\n}\n", "x", "x"),
    ("rust", "fn f() {\n    let c = '|';\n}\n", "\\n", "\\n"),
    ("rust", "fn f() {\n    let c = '|';\n}\n", "xy", ""),
    ("rust", "fn f() {\n    let c = ['a' |'b'];\n}\n", ", 'c', ", ", 'c', "),
    # colons
    ("python", "if x is |:\n    pass\n", "None:\n    x = 1\n    if x", "None"),
    ("python", "for i in |:\n    print(i)\n", "range(3):\n    print(i)", "range(3)"),
    ("python", "try:\n    f()\nexcept (A, |):\n    pass\n", "B):\n    pass", "B"),
    ("python", "if not |a:\n    b()\n", "c:", ""),
    # quotes
    ("python", "name = '|'\nprint(name)\n", "'.join(x)", ""),
    ("python", "raise E('|')\n", "Error: %s' % (a, b)", "Error: %s"),
    ("python", 'x = ["a", "|"]\n', 'b", "c', 'b", "c'),
    ("python", 'x = ["a", "|"]\n', "b', 'c", "b', 'c"),
    ("python", "print('hello |')\n", "' + name + '", "' + name + '"),
    ("python", '"""A |\n"""\n', 'docstring.', 'docstring.'),
    ("python", 'def f():\n    """A |\n    """\n    return 1\n', 'word."""\n    x = 1', 'word.'),
    ("go", 'a := "|"\n', 'b" "c', "b"),
    # brackets, commas, semicolons
    ("python", "f(a, |, b)\n", "c, d", "c, d"),
    ("python", "f(a, |, b)\n", "c, ", "c"),
    ("javascript", "if (|) {\n  y();\n}\n", "x) {\n  z();", "x"),
    ("c", "int f(int a) {\n    return g(|);\n}\n", "a);\n}", "a"),
    ("c", "#include <|>\nint x;\n", "stdio.h>\n#include <x", "stdio.h"),
    # pieces that parse in nothing smaller than the file: tags
    ("tsx", TAGS, "=\"c\"", ""),
    ("tsx", TAGS, "={d} b", "={d} b"),
    ("tsx", JSX, "a: false,", ""),
    ("tsx", JSX, "{ a: false }", "{ a: false }"),
    ("tsx", "f(\n  <B\n    onClick={() => {\n      |\n      // all of it\n      g();\n    }}\n  />,\n);\n", "h(false);",
     "h(false);"),
    # one statement is all that is looked at
    ("typescript", UNION, "'", ""),
    ("typescript", UNION, "a' b", "a"),
    ("typescript", UNION, "a", "a"),
    # lines that could be an object's or a block's, a block's or a type's
    ("javascript", "f(a, {\n  b: {\n    |c: {\n      d: 1\n    }\n  }\n}, e)\n", "g: {\n      d: 1\n    }\n    ", ""),
    ("javascript", "f(a, {\n  b: {\n    |c: {\n      d: 1\n    }\n  }\n}, e)\n", "g: {\n      d: 1\n    },\n    ",
     "g: {\n      d: 1\n    },\n    "),
    ("javascript", "f({\n  \"b\": c|\n});\n", ".d;", ""),
    ("tsx", "describe(\"a\", () => {\n  let b: C;\n\n  |it(\"c\", () => {});\n});\n", "});\n  ", ""),
    ("typescript", "f<{\n  a: {\n    b: |{\n      c: string;\n    };\n  };\n}>();\n", "d: ", ""),
    # words and comments
    ("python", "x = |x_1\n", "y + x", "y + "),
    ("python", "x = |y + z\n", "1  # ", ""),
    ("javascript", "let x = |y;\n", "1 // ", ""),
    ("javascript", "// see a[|i]) there\nf();\n", "let b = []\n", "let b = []"),
    ("javascript", "const a = `b ${|} c`;\n", "d} e", "d"),
    ("typescript", "const a = `b ${|} c` + `d`;\n", "e} `", "e"),
    ("java", "class A {\n    int a = |B.C;\n}\n", "B.D;", ""),
    ("javascript", "useEffect((|{\n  a();\n}, []);\n", ") => ", ") => "),
    # parts of a file that may be out: none is closed twice, has two #else, is opened and not closed
    ("c", "#ifdef A\nint a;\n|#endif\nint b;\n", "#endif\n", ""),
    ("c", "#ifdef A\nint a;\n|#endif\nint b;\n", "int c;\n#endif\n", "int c;\n"),
    ("c", "#ifdef A\nint a;\n|#endif\nint b;\n", "#else\nint a;\n", "#else\nint a;\n"),
    ("c", "#ifdef A\nint a;\n|#else\nint b;\n#endif\n", "#else\nint b;\n", ""),
    ("c", "#ifdef A\nint a;\n|#else\nint b;\n#endif\n", "#elif B\nint b;\n", "#elif B\nint b;\n"),
    ("c", "#ifdef A\nint a;\n#else\n|int b;\n#endif\n", "#elif B\n", ""),
    ("c", "int a;\n|int b;\n", "#ifdef A\nint c;\n#endif\n", "#ifdef A\nint c;\n#endif\n"),
    ("c", "int a;\n|\nint b;\n#endif\n", "#ifdef A", "#ifdef A"),
    ("c", "#ifdef A\nint a;\n|\n", "#endif", "#endif"),
    ("c", "#ifndef A\n#ifdef B\nint a;\n|int b;\n#endif\n", "#endif\n", "#endif\n"),
    ("c", "/*\n#ifdef A\n*/\nint a;\n|int b;\n", "#endif\n", ""),
    ("cpp", "#if A\nint a;\n#endif\n\n|#else\nint b;\n#endif\n", "#endif // A\n", ""),
    ("cpp", "namespace a {\n#if A\n  int a;\n#  endif\n|  int b;\n}\n", "#  endif\n", ""),
    # the first word behind the caret stays what it was
    ("c", "int f(void) {\n    |void **a = g();\n}\n", "if (b == NULL)", ""),
    ("cpp", "void f() {\n    |auto * a = g();\n}\n", "(void)", ""),
    ("cpp", "bool f(int a) { return a == |-1; }\n", "g()", ""),
    ("cpp", "bool f(int a) { return a == |-1; }\n", "2 * ", "2 * "),
    ("java", "class A {\n    public |void f() {}\n}\n", "@", ""),
    ("java", "class A {\n    public |void f() {}\n}\n", "static ", "static "),
    ("javascript", "f(\n    |this.a,\n    b);\n", "c.", ""),
    ("javascript", "f(\n    |this.a,\n    b);\n", "c + ", "c + "),
    ("javascript", "const a = |/^b/.test(c);\n", "/^\\", ""),
    # no whole line goes before the rest of what is whole
    ("javascript", "const a = b\n    ? c\n    |: d;\n", ": e\n    ? f\n    ", ""),
    ("javascript", "const a = b\n    ? c\n    |: d;\n", "// a comment\n    ", ""),
    ("javascript", "const a = b\n    |: d;\n", "? c\n    ", "? c\n    "),
    ("javascript", LARGE.replace("\n|", "|"), "for (const d of c) {", ""),
    ("javascript", LARGE.replace("|\n", "  |if (a) {\n    b();\n  }\n"), "while (b) {\n  ", ""),
    ("javascript", LARGE, "  g(c);", "  g(c);"),
    ("javascript", LARGE, "  if (c) {\n    g(c);\n  }", "  if (c) {\n    g(c);\n  }"),
    ("tsx", LARGE, "  for (const d of c) {", ""),
    ("javascript", "f(|val);\n", "cast$", ""),
    ("javascript", "f(|val);\n", "$ + ", "$ + "),
    # what is open is not closed before more of it, though its end be out of sight
    ("javascript", "a(() => {\n  b();\n\n  |c();\n" + "  c();\n" * 2000 + "});\n", "});\n  ", ""),
    ("javascript", "a(() => {\n  b();\n\n|\n  c();\n" + "  c();\n" * 2000 + "});\n", "});\n", ""),
    ("java", "class A {\n  int b;\n\n  |int c;\n" + "  int c;\n" * 2000 + "}\n", "}\n  ", ""),
    ("java", "class A {\n  int b;\n\n|int c;\n" + "int c;\n" * 2000 + "}\n", "}\n", "}\n"),
    # what does not parse where the rest could
    ("python", "x = 1|\ny = 2\n", "y = 3", ""),
    ("python", "def f():\n    a = 1\n    |\n    return a\n", "b = (", ""),
    ("javascript", "function f() {\n  |\n  return a;\n}\n", "if (a) {", ""),
    ("rust", 'const A: &str = "a";\n|\nconst B: &str = "b";\n', 'const C: &str = "', ""),
    # text that the user has typed halfway
    ("python", "x = |\ny = 2\n", "f(1)", "f(1)"),
    ("python", "x = {|\ny = 2\n", "\n    'a': 1,", "\n    'a': 1,"),
    ("python", "x = a b + |\ny = 2\n", "c", "c"),
    ("javascript", "foo(a, |\nbar();\n", "b);", "b);"),
])
def test_fits_or_is_cut(language, document, text, wanted):
    assert fitted(language, document, text) == wanted


def holes(text: str) -> list[tuple[int, int]]:
    """The rest of a line, from each of its words on."""
    found = []
    start = 0
    for line in text.split("\n"):
        for column in range(len(line)):
            if line[:column].count("'") % 2:
                continue  # the scanner takes half a character literal for no string
            after_word = column and (line[column - 1].isalnum() or line[column - 1] == "_")
            if not line[column].isspace() and line[:column].strip() and not (after_word and line[column].isalnum()):
                found.append((start + column, start + len(line)))
        start += len(line) + 1
    return found


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_rest_of_a_line_fits_where_it_stood(name):
    text = SAMPLES[name].text
    for start, end in holes(text):
        place = Place.at(text[:start], text[end:], LANGUAGES[name])
        assert fit(place, text[start:end]) == text[start:end], text[:start] + "|" + text[start:end]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_line_never_goes_before_another_one(name):
    language, lines = LANGUAGES[name], SAMPLES[name].text.rstrip("\n").split("\n")
    for number, line in enumerate(lines):
        behind = line.lstrip()
        if not behind or behind[0] in "}])":
            continue
        indent = line[: len(line) - len(behind)]
        place = Place.at("\n".join([*lines[:number], indent]), "\n".join([behind, *lines[number + 1 :], ""]), language)
        for other in {line.strip() for line in lines if line.strip()}:
            got = fit(place, other)
            assert got == "" or not language.parse("\n".join([*lines[:number], indent + got + behind,
                                                             *lines[number + 1 :], ""])).root_node.has_error
            assert got in ("", f"{other}\n{indent}") or not other.endswith(";") or name == "python"


def insertions(name: str) -> st.SearchStrategy[tuple[str, int, int, int]]:
    places = st.integers(0, len(SAMPLES[name].text))
    return st.tuples(st.just(name), places, places, st.integers(0, 40))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)).flatmap(insertions))
@example(("c", len(SAMPLES["c"].text), 0, 2))
@example(("go", len(SAMPLES["go"].text), 8, 1))
def test_what_parsed_before_parses_after(insertion):
    """Any text from the same file at any place of it: where the file parses, it still does."""
    name, caret, start, length = insertion
    text, language = SAMPLES[name].text, LANGUAGES[name]
    assume(text[:caret].rpartition("\n")[2].count("'") % 2 == 0)  # half a character literal is no string to the scanner
    inserted = text[start : start + length]
    got = fit(Place.at(text[:caret], text[caret:], language), inserted)
    own_line = inserted.rstrip() + "\n" + text[:caret].rpartition("\n")[2]
    assert inserted.startswith(got) or got == own_line
    if got:  # grammars want a line break behind a directive that is the last line
        assert not language.parse(text[:caret] + got + text[caret:] + "\n").root_node.has_error


@pytest.mark.parametrize("name", ["c", "typescript", "java", "rust"])
def test_a_comment_is_not_ended_before_the_rest_of_it_though_the_next_one_is_cut(name):
    """What is looked at behind the caret ends somewhere, inside of another comment as well as elsewhere."""
    below = "](there).\n*/\n" + "/*\nwords and words\n*/\n" * 1000
    for end in range(7975, 8000):
        place = Place.at("/*\nSee [this", below[:end], LANGUAGES[name])
        assert "*/" not in fit(place, " and that.\n*/\n")
        assert fit(place, " and that") == " and that"


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_words_fit_in_the_middle_of_a_string_or_comment_whose_beginning_is_out_of_sight(name):
    words = "    Some words that tell a story, and more\n    words of it, and so on\n\n" * 200
    for kind in LANGUAGES[name].long_kinds:
        above = f"{kind.open}\n{words}    It is"
        for below in (words, f"{words[:700]}{kind.close}\n", ""):
            assert fit(Place.at(above, f"\n{below}", LANGUAGES[name]), " of it") == " of it"


@pytest.mark.parametrize(("name", "start", "end"), [("python", "def f():\n    \"\"\"", "\"\"\""), ("c", "/*", "*/")])
def test_nor_is_its_end_offered_where_that_is_in_sight(name, start, end):
    words = "    Some words that tell a story, and more\n    words of it, and so on\n\n"
    place = Place.at(f"{start}\n{words * 200}    It is", f" here\n{words * 10}    {end}\n", LANGUAGES[name])
    assert fit(place, " of it") == " of it"
    assert fit(place, f" of it{end}\n") == " of it"


def test_a_place_in_a_long_file_costs_no_more_than_in_a_short_one():
    """Only so many characters are looked at: the same answer with a hundred times as much around."""
    above = "export async function load(paths) {\n  const found = [];\n  for (const path of paths) {\n    "
    below = "\n  }\n  return found;\n}\n"
    far = "const x = 1;\n" * 5000
    for text in ("found.push(await load(path));", "if (path) {"):
        near = fit(Place.at(above, below, LANGUAGES["javascript"]), text)
        assert fit(Place.at(far + above, below + far, LANGUAGES["javascript"]), text) == near


@pytest.mark.parametrize("unit", ["() =>\n", "/*\n", "a<b<", "((", "[{", '"', "`${", "\\"])
@pytest.mark.parametrize("name", ["c", "javascript", "python", "rust"])
def test_hostile_text_ends(name, unit):
    text = unit * (8000 // len(unit))
    rng = random.Random(1)
    for _ in range(3):
        caret = rng.randrange(len(text))
        got = fit(Place.at(text[:caret], text[caret:], LANGUAGES[name]), unit * 20)
        assert (unit * 20).startswith(got.rstrip())


@pytest.mark.parametrize("name", ["python", "javascript", "rust"])
def test_all_that_is_in_sight_may_stand_inside_one_string(name):
    prose = "The words of a long page, which is nearly a book\n" * 400
    place = Place.at(f'page = """{prose}It says ', f' and goes on}}\n{prose}"""\n', LANGUAGES[name])
    assert "that".startswith(fit(place, "that"))
    place = Place.at(f'page = """{prose}It says ', f'\n{prose}"""\n', LANGUAGES[name])
    assert fit(place, "that it is") == "that it is"
