"""Text in, text out: ``|`` is the caret, what follows the arrow is generated, character by character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.stop import Stop, StopPolicy, StopReason, StopRule
from kvlsp.syntax.language import Language

PYTHON = Language.of("python")


def run(document: str, generated: str, language: Language | None = PYTHON,
        **policy) -> tuple[str, str | None]:
    """What is kept of ``generated`` at the caret ``|``, and why generation ended (None: it never did)."""
    prefix, suffix = document.split("|")
    rule = StopRule.begin(prefix, suffix, language, StopPolicy(**policy))
    for character in generated:
        stop = rule.push(character)
        if stop is not None:
            return rule.generated[:stop.keep], str(stop.reason)
    return rule.generated[:rule.complete_part()], None


CASES = [
    # a line in the middle of code
    ("foo(|, b)\n", "a\nbar()\n", "a", "line"),
    ("foo(|, b)\n", "a, b)\nbar()\n", "a, b", "bracket"),
    ("x = y| + 1\n", "\n", "", "line"),
    # statements
    ("x = |\n", "1\ny = 2\n", "1", "statement"),
    ("x = foo(|\n", "1,\n        2)\ny\n", "1,\n        2)", "statement"),
    ("x = foo(|)\n", "1, 2)\ny\n", "1, 2", "bracket"),
    # an element of what stays open
    ("def f(\n    a,\n    |\n", "b: int = 1,\n    c=2) -> None:\n    x\ny\n", "b: int = 1,", "block"),
    ("def f(\n    a,\n    |\n", "b: int = 1,\n    c=2,\nd\n\n\n", "b: int = 1,\n    c=2,", "blank"),
    ("x = [\n    |\n", "1,\n    [\n        2,\n", "1,", None),
    ("x = [\n    |\n", "1 +\n    2\n\n\n", "1 +\n    2", "blank"),
    ("x = [\n    |\n", "\"a,\n    2,\n", "", None),
    ("x = [\n    |\n]\n", "1,\n    2,\n", "1,", "statement"),
    ("def f():\n    |\n    return 1\n", "x = [\n        1,\n    ]\n    y = 1\n", "x = [\n        1,\n    ]",
     "statement"),
    ("def f(x):\n    x += 1\n    |\n", "if x:\n        a()\n        b()\n    c()\n",
     "if x:\n        a()\n        b()", "block"),
    ("def f(x):\n    x += 1\n    |\n", "if x:\n        a()\n    else:\n        b()\n    c()\n",
     "if x:\n        a()\n    else:\n        b()", "block"),
    ("def f(x):\n    x += 1\n    |\n", "try:\n        a()\n    except E:\n        b()\n\n    elsewhere()\n",
     "try:\n        a()\n    except E:\n        b()", "block"),
    ("|\n", "@cached\ndef f(x):\n    return 1\n\nx = 1\n", "@cached\ndef f(x):\n    return 1", "block"),
    ('x = """|\n', 'abc\n  "quoted"\n', "abc", "line"),
    ("    |\n", '"""Doc\n    string.\n    """\n    x = 1\n', '"""Doc\n    string.\n    """', "statement"),
    ("x = a + \\|\n", "\n    b\ny\n", "\n    b", "statement"),
    ("x = 1|\n", "\ny = 2\n", "", "statement"),
    ("# a comment |\n", "that ends\nx = 1\n", "that ends", "line"),
    ("def f():  # type: ignore[|\n", "override]\nx = 1\n", "override]", "line"),
    ("f(  # of (|\n", "this)\nx = 1\n", "this)", "line"),
    ("|\n", "# why\nx = 1\ny = 2\n", "# why\nx = 1", "statement"),
    ("    if a:\n        |\n", "@wrong\n    b\n", "", "block"),
    # blocks
    ("def f():|\n", "\n    a = 1\n    return a\n\ndef g():\n", "\n    a = 1\n    return a", "block"),
    ("def f():\n    |\n", "a = 1\n    return a\n\ndef g():\n", "a = 1\n    return a", "block"),
    ("def f():\n    |\n", "if a:\n        b\n    else:\n        c\nx",
     "if a:\n        b\n    else:\n        c", "block"),
    ("def f(\n    a,\n):\n    |\n", "return a\nx", "return a", "block"),
    ("def f():\n|\n", "    return a\nx", "    return a", "block"),
    ("if a: |\n", "return 1\n", "return 1", None),
    # brackets that are not open
    ("x = 1|\n", ")\n", "", "bracket"),
    ("x = [\n    1,\n    |\n]\n", "2,\n    3,\n", "2,", "statement"),
    ("x = [\n    1,\n    |\n]\n", "2,]\n", "2,", "bracket"),
    ("x = [\n    1,\n    |\n", "2,\n]\ny", "2,\n]", "statement"),
    # what stands below
    ("def f():\n    |\n    return result\n", "result = 1\n    return result\n", "result = 1", "statement"),
    ("def f():\n    |\n    return result_of_the_thing\n",
     "if x:\n        y\n\n    return result_of_the_thin\n", "if x:\n        y", "block"),
    ("    |\n    call(\n        two)\n", "call(\n        one)\n    call(\n        two)\n",
     "call(\n        one)",
     "statement"),
    ("    |\n    call(\n        two)\n", "call(\n        two)\n    x\n", "", "suffix"),
    ("def f():|\ndef g_long_name():\n", "\n    x = 1\ndef g_long_name():\n", "\n    x = 1", "block"),
    ("def f():\n    |\n    return result\n", "return result\n", "", "suffix"),
    # loops
    ("def f():\n    |\n", "a()\n    a()\n    a()\n    a()\n", "a()", "loop"),
    ("def f():\n    |\n", "a(1)\n    b(2)\n    " * 4, "a(1)\n    b(2)", "loop"),
    ("def f():\n    |\n", "a\n\n\n\n", "a", "blank"),
    ("|\n", "# a\n# b\n# c\n# d\n# e\n", "# a", "loop"),
    ("x = 1\n|\n", "y = 2\nz = [" + "0, " * 20, "y = 2", "statement"),
    ("|\n", '"""The end' + " of the end" * 8, "", "loop"),
    ("|\n", "def f(" + "dtype, " * 9, "", "loop"),
    ("|\n", "# " + "-" * 60 + "\nx = 1\n", "# " + "-" * 60 + "\nx = 1", "statement"),
    ("x = [\n" + "    0,\n" * 4 + "    |\n]\n", "0,\n" + "    0,\n" * 3, "0,", "statement"),
    # nasty text
    ("x = '\ud800' + |\n", "'\udfff'\n", "'\udfff'", "statement"),
    ("x = 1\r\ny = |\r\nz = 3\r\n", "2\r\n", "2", "statement"),
    ("x = '\u2028\x0c' + |\n", "y\n", "y", "statement"),
]


@pytest.mark.parametrize(("document", "generated", "kept", "reason"), CASES)
def test_stops(document, generated, kept, reason):
    if reason is None:
        assert run(document, generated) in {(kept, None), (kept, "loop"), (kept, "statement")}
    else:
        assert run(document, generated) == (kept, reason)


BRACES = [
    ("rust", "fn f() {\n    |\n}\n", "let x = 1;\n    x\n}\n", "let x = 1;\n    x", "bracket"),
    ("rust", "fn f() {\n    let y = 2;\n    |\n}\n", "let x = 1;\n    x\n}\n", "let x = 1;", "statement"),
    ("rust", "fn f() {\n    let y = 2;\n    |\n}\n",
     "let x = foo()\n        .bar()\n        .baz();\n    x\n",
     "let x = foo()\n        .bar()\n        .baz();", "statement"),
    ("rust", "fn f() {|\n", "\n    let x = 1;\n    x\n}\n\nfn g() {\n", "\n    let x = 1;\n    x\n}",
     "block"),
    ("rust", "fn f() {|}\n", "\n    let x = '(';\n    x\n}\n", "\n    let x = '(';\n    x\n", "bracket"),
    ("rust", "    match x {\n        1 => 2,\n        |\n    }\n", "_ => 3,\n    }\n", "_ => 3,",
     "statement"),
    ("rust", "|\n", "#[derive(Debug)]\nstruct A {\n    x: u32,\n}\n\nfn g",
     "#[derive(Debug)]\nstruct A {\n    x: u32,\n}",
     "statement"),
    ("javascript", "function f() {\n  |\n}\n", "if (x) {\n    a();\n  } else {\n    b();\n  }\n}\n",
     "if (x) {\n    a();\n  } else {\n    b();\n  }", "bracket"),
    ("javascript", "function f() {\n  // as in g(|\n}\n", "x), so } is there\n  y", "x), so } is there", "line"),
    ("javascript", "/* a */ |\n", "if (x) {\n  y();\n}\nz()\n", "if (x) {\n  y();\n}", "statement"),
    ("javascript", "const x = {\n  a: 1,\n  |\n};\n", "b: 2,\n  c: 3,\n", "b: 2,", "statement"),
    ("javascript", "foo(|)\n", "(x) => {\n  a();\n})\n", "(x) => {\n  a();\n}", "bracket"),
    ("javascript", "foo(|\n", "(x) => {\n  a();\n});\nb();\n", "(x) => {\n  a();\n});", "statement"),
    ("typescript", "class A {\n  x = 1;\n  |\n}\n",
     "f(x: number): string {\n    return `${x}`;\n  }\n  g() {\n",
     "f(x: number): string {\n    return `${x}`;\n  }", "statement"),
    ("a.tsx", "function A() {\n  const x = 1;\n  |\n}\n", "return (\n    <p>\n      {x}\n    </p>\n  );\n}\n",
     "return (\n    <p>\n      {x}\n    </p>\n  );", "statement"),
    ("go", "func f() {\n\tx := 1\n\t|\n}\n", "if x > 1 {\n\t\treturn\n\t}\n\tg()\n",
     "if x > 1 {\n\t\treturn\n\t}",
     "statement"),
    ("java", "class A {\n    int x;\n    |\n}\n",
     "@Override\n    public int f() {\n        return 1;\n    }\n\n    int",
     "@Override\n    public int f() {\n        return 1;\n    }", "statement"),
    ("c", "|\n", "#include <stdio.h>\n#include <a>\n", "#include <stdio.h>", "statement"),
    ("c", "int f(void)\n{\n    |\n}\n", "int x = 1;\n    return x;\n}\n", "int x = 1;\n    return x;",
     "bracket"),
    ("javascript", "  if (a &&\n      b) {\n    |\n  }\n", "x = 1;\n  }\n  y\n", "x = 1;", "bracket"),
    ("javascript", "|\n", "const x = y\n  .foo()\n  .bar()\nz()\n", "const x = y\n  .foo()\n  .bar()",
     "statement"),
    ("javascript", "|\n", "if (x) {\n  a()\n}\nelse {\n  b()\n}\nc()\n",
     "if (x) {\n  a()\n}\nelse {\n  b()\n}",
     "statement"),
    ("cpp", "class A {\npublic:\n    int x;\n    |\n};\n", "int f() const { return x; }\n    int g();\n",
     "int f() const { return x; }", "statement"),
]


@pytest.mark.parametrize(("language", "document", "generated", "kept", "reason"), BRACES)
def test_stops_in_languages_with_braces(language, document, generated, kept, reason):
    assert run(document, generated, Language.of(language)) == (kept, reason)


def test_never_more_than_one_line_when_asked():
    assert run("def f():\n    |\n", "if a:\n        b\n", multi_line="never") == ("if a:", "line")


def test_at_most_so_many_lines():
    body = "".join(f"    x{n} = {n}\n" for n in range(20))
    kept, reason = run("def f():\n|\n", body, max_lines=5)
    assert (kept.count("\n"), reason) == (4, "max_lines")


def test_a_string_that_never_ends_is_not_offered():
    body = '"""Text.\n' + "".join(f"    line {n} of text\n" for n in range(20))
    assert run("def f():\n    |\n", body) == ("", "max_lines")


def test_lines_that_the_document_repeats_are_no_loop():
    document = "def f():\n" + "    step()\n" * 3 + "\ndef g():\n|\n"
    assert run(document, "    step()\n" * 4 + "\n\n") == ("    step()\n" * 3 + "    step()", "blank")


def test_always_goes_on_after_a_statement():
    kept, reason = run("def f():\n    x = 1\n    |\n", "y = 2\n    z = 3\n\n\n", multi_line="always")
    assert (kept, reason) == ("y = 2\n    z = 3", "blank")


def test_deadline_answers_complete_lines_only():
    prefix = "def f():\n    "
    rule = StopRule.begin(prefix, "\n", PYTHON)
    assert rule.push("a = 1\n    b = foo(") is None
    assert rule.generated[:rule.complete_part()] == "a = 1"


def end(document: str, generated: str, language: str = "python", **policy) -> tuple[str, str | None]:
    """What is kept of ``generated`` where the model ends it, and why it is cut (None: it is not)."""
    prefix, suffix = document.split("|")
    rule = StopRule.begin(prefix, suffix, Language.of(language), StopPolicy(**policy))
    assert rule.push(generated) is None
    stop = rule.end()
    return (generated, None) if stop is None else (rule.generated[:stop.keep], str(stop.reason))


@pytest.mark.parametrize(("document", "generated", "kept"), [
    # a bracket of its own that nobody closes
    ("x = |\n", "foo(bar", ""),
    ("x = |\n", "foo(bar)", "foo(bar)"),
    ("def f():\n    |\n", "a = 1\n    b = foo(bar", "a = 1"),
    ("def f():\n    |\n", "a = 1\n    b = foo(bar)", "a = 1\n    b = foo(bar)"),
    ("def f():\n    |\n", "a = 1\n    b = foo(bar)[", "a = 1"),
    # the suffix closes it
    ("x = |)\n", "foo(bar", "foo(bar"),
    ("x = |\n)\n", "foo(\n    bar,", "foo(\n    bar,"),
    ("    x = |\n          )\n", "foo(bar,", "foo(bar,"),
    ("x = |]\n", "foo(bar", ""),
    # the suffix closes another one
    ("foo(|)\n", "bar(x", ""),
    ("foo(|))\n", "bar(x", "bar(x"),
    ("foo(|)\n", "bar(x)", "bar(x)"),
    ("x = [\n    1,\n    |\n]\n", "2, (3", ""),
    # it was open before: as it was
    ("x = foo(|\n", "bar", "bar"),
    ("x = foo(|\n", "bar(1", ""),
    # strings
    ("x = |\n", '"abc', ""),
    ('x = |"\n', '"abc', '"abc'),
    ('x = | + "b"\n', '"abc', ""),
    ('x = "|"\n', "abc", "abc"),
    ('x = "|"\n', "(abc", "(abc"),
    ("x = |\n", '"""abc', ""),
    ('x = |\n"""\ny = 1\n', '"""abc', '"""abc'),
    ('x = |\ny = """b"""\n', '"""abc', ""),
    # a comment may hold what it likes
    ("# a comment |\n", "that ends (so", "that ends (so"),
    ("x = 1|\n", "  # see (there", "  # see (there"),
])
def test_where_the_model_ends_nothing_of_its_own_stays_open(document, generated, kept):
    assert end(document, generated) == (kept, None if kept == generated else "unclosed")


@pytest.mark.parametrize(("document", "generated", "kept"), [
    ("class A {\n  void f() {\n    |\n  }\n}\n", "g();\n    if (x) {\n      y();", "g();"),
    ("class A {\n  void f() {\n    |\n  }\n}\n", "if (x) {\n      y();\n    }", "if (x) {\n      y();\n    }"),
    ("class A {\n  void f() {\n    |\n    }\n  }\n}\n", "if (x) {\n      y();", "if (x) {\n      y();"),
    ("class A {\n  |\n}\n", "void f() {", ""),
    ("int x = 1; |\n", "/* why", ""),
    ("int x = 1; |\nint y; /* that */\n", "/* why", ""),
    ("int x = 1; |\n  so */\n", "/* why", "/* why"),
])
def test_where_the_model_ends_braces_too(document, generated, kept):
    assert end(document, generated, "java", multi_line="always") == (kept, None if kept == generated else "unclosed")


def test_where_the_model_ends_prose_is_not_judged():
    assert end("some text |\n", "(don't", "markdown") == ("(don't", None)


def test_without_a_language_lines_decide():
    assert run("some text |\n", "goes on\nand on\n", language=None) == ("goes on", "line")


def test_pieces_make_no_difference():
    document, generated = "def f():\n    |\n", "if a:\n        b(1)\n    else:\n        c\nx = 1\n"
    prefix, suffix = document.split("|")
    whole = StopRule.begin(prefix, suffix, PYTHON)
    whole.push(generated)
    assert whole.stop is not None
    assert run(document, generated) == (generated[:whole.stop.keep], str(whole.stop.reason))


@given(st.text(alphabet="ab():{}[]'\"\\#\n\r \t,\ud800\U0001f600\u0301\u2028", max_size=60),
       st.text(alphabet="ab():{}[]'\"\\#\n ,", max_size=40), st.data())
def test_any_text_and_any_pieces(document, generated, data):
    """Never raises, keeps what it generated, and the pieces in which text comes change nothing."""
    caret = data.draw(st.integers(0, len(document)))
    prefix, suffix = document[:caret], document[caret:]
    whole = StopRule.begin(prefix, suffix, PYTHON)
    singly = StopRule.begin(prefix, suffix, PYTHON)
    expected = whole.push(generated)
    found: Stop | None = None
    for character in generated:
        found = found or singly.push(character)
    assert found == expected
    assert whole.end() == singly.end()
    if expected is not None:
        assert 0 <= expected.keep <= len(generated)
        assert isinstance(expected.reason, StopReason)


def test_a_phrase_that_goes_round_in_a_string_stops_where_a_table_would_not():
    rule = StopRule.begin("def tensors():\n    ", "\n", Language.of("python"), StopPolicy())
    assert rule.push('"""Returns the tensors') is None
    stop = None
    for _ in range(4):
        stop = stop or rule.push(" of tensors")
    assert stop is not None
    assert (stop.reason, stop.keep) == (StopReason.LOOP, 0)
    table = StopRule.begin("table = [\n    ", "\n", Language.of("python"), StopPolicy())
    assert table.push("tensors, " * 4) is None
