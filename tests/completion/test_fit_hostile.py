"""Texts that nobody should write, at carets where much stands behind: judged in the whole document, by its parser."""

from __future__ import annotations

import pytest

from kvlsp.completion.trim import trim
from kvlsp.syntax.language import Language

LANGUAGES = {language.name: language for language in Language.all()}

SCRIPT = ("if (|) {\n  a();\n}\n", "for (const a of |) {}\n", "f(|, b);\n", "f(a, |);\n", "const x = { a: |, b: 2 };\n",
          "const x = [|, b];\n", "const s = `a ${|} b`;\n", "const s = '|';\n", "|export default a;\n",
          "x(); |// note\n", "switch (a) {\n  case |:\n    b();\n}\n", "try {\n  a();\n} |catch (e) {}\n",
          "while (|) {\n  a();\n}\n", "const x = a ? | : b;\n")
C = ("int x[] = {|, 2};\n", 'char *s = "|";\n', '#include "|"\n', "#define A(|) b\n", "|int a;\n", "int x = a |+ b;\n",
     "int f(void) {\n    for (i = 0; |; i++) {\n    }\n}\n", "enum a { |, B };\n")
PLACES = {
    "python": ('x = f"{|}"\n', 'x = f"a {b|} c"\n', "x = '|'\n", "if |:\n    pass\n", "def f(a: | = 1):\n    pass\n",
               "f(|, b)\n", "x = {'a': |, 'b': 2}\n", "@|\ndef f():\n    pass\n", "if a:\n    b()\n|else:\n    c()\n",
               'def f():\n    """A |note."""\n', "x = a|  # note\n", "if a:\n\t|b()\n", "x = lambda |: 1\n"),
    "javascript": SCRIPT, "typescript": SCRIPT, "tsx": SCRIPT, "c": C, "cpp": C,
    "go": ("package a\n\nvar x = []int{|, 2}\n", "package a\n\nfunc f() {\n\tfor |; i < 3; i++ {\n\t}\n}\n",
           'package a\n\nimport "|"\n', "package a\n\nfunc f() {\n\treturn |, nil\n}\n"),
    "java": ("import |;\nclass A {}\n", "class A | {\n}\n", "class A {\n    int x = a ? | : b;\n}\n",
             'class A {\n    String s = "|";\n}\n', "class A {\n    int[] a = {|, 2};\n}\n"),
    "rust": ("use a::{|, b};\n", "fn f(|, b: u8) {}\n", "#[|]\nstruct A;\n", "struct A {\n    a: |,\n}\n",
             "fn f() {\n    match a {\n        | => 1,\n    };\n}\n"),
}
HOSTILE = ("x", "x = 1", "x;", "x)", "x):", 'x"', "x'", 'x",', 'x"""', "x,", "x:", "x:\n    pass", "x) {", "{", "})",
           "'", '"', "# x", "// x", "/* x", "*/ x", "x\n    y", "\nx", "x,\n", "x,\n    y,", '"x": y,\n', "else:",
           "} else {", "return x;", "if x:", "${x}", "{x}", "x => y", "x.", "::", "x::y", "= x", "x +", "(x)", ", x",
           "; x", "x: y", "x: y,", "case x:", "@x", "#[x]", "*", '"x", "y"', "def x():\n    pass")
PROBES = ("", "x", "x;", "x,", "'x'", "x{}")


@pytest.mark.parametrize("name", sorted(PLACES))
def test_a_document_that_could_be_parsed_still_is_and_nothing_stands_twice(name):
    language = LANGUAGES[name]
    for document in PLACES[name]:
        before, behind = document.split("|")
        could = any(not language.parse(before + probe + behind).root_node.has_error for probe in PROBES)
        for text in HOSTILE:
            offered, _ = trim(before, text, behind, language)
            if not offered:
                continue
            whole = (before, offered, behind)
            assert not could or not language.parse("".join(whole)).root_node.has_error, whole
            end, begin = offered.rstrip()[-1], behind.lstrip(" \t")[:1]
            assert end != begin or end not in ",;:", whole
            assert not (begin in ("'", '"') and offered.endswith(begin * 2)), whole


@pytest.mark.parametrize("given", ["\nx", "x\n\n", "a,\n"])
def test_no_line_breaks_where_a_string_of_one_line_is_filled_in(given):
    offered, _ = trim('x = f"a {', given, '} b"\n', LANGUAGES["python"])
    assert "\n" not in offered


def test_the_body_of_a_class_out_of_sight_is_still_one():
    """Where the document begins above what is looked at, what stands there may be inside anything."""
    above = "    f() {\n        return 1;\n    }\n\n" * 400
    offered, _ = trim(f"class A {{\n{above}    ", "g() {", "\n        return 2;\n    }\n}\n", LANGUAGES["javascript"])
    assert offered == "g() {"


@pytest.mark.parametrize("given", ["*", "*/", "x y"])
def test_a_long_body_is_not_cut_between_an_annotation_and_its_method(given):
    body = "".join(f"    @Test\n    void f{number}() {{\n        g({number});\n    }}\n" for number in range(80))
    for length in range(0, 60, 5):  # the cut comes behind another line each time
        behind = f"{{\n    // {'x' * length}\n{body}}}\n"
        assert not trim("class A ", given, behind, LANGUAGES["java"])[0], length
