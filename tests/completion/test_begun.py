"""Text in, text out: ``|`` is the caret; what is offered where generation ended before anything was whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.completion.begun import closed, offer
from kvlsp.completion.stop import StopPolicy, StopRule
from kvlsp.completion.trim import trim
from kvlsp.reasons import Reason
from kvlsp.syntax.language import Language
from kvlsp.syntax.piece import Patience

LANGUAGES = {language.name: language for language in Language.all()}


def generated(language: str, document: str, text: str, **policy: int) -> tuple[StopRule, str]:
    """The rule that has seen ``text`` at the caret, and what of that counts: all that is whole."""
    prefix, suffix = document.split("|")
    rule = StopRule.begin(prefix, suffix, LANGUAGES[language], StopPolicy(**policy))  # type: ignore[arg-type]
    for character in text:
        if rule.push(character):
            break
    else:
        rule.end()
    return rule, rule.generated if rule.stop is None else rule.generated[: rule.complete_part()]


def offered(language: str, document: str, text: str, *, ended: bool = True, **policy: int) -> tuple[str, Reason | None]:
    prefix, suffix = document.split("|")
    return offer(*generated(language, document, text, **policy), (prefix, suffix), ended=ended)


@pytest.mark.parametrize(("language", "document", "text", "wanted"), [
    # a block that the model ended without its end, or that has too many lines
    ("javascript", "if (|\n", "x) {\n  return y;", "x) {\n  return y;\n}"),
    ("javascript", "f(() => {\n  if (|\n", "x) {\n    a();\n    b();\n    c();\n", "x) {\n    a();\n    b();\n  }"),
    ("javascript", "it(|\n", '"x", () => {\n  a();\n  b();\n  c();\n', '"x", () => {\n  a();\n  b();\n})'),
    ("typescript", "const config = |\n", "{\n  a: 1,\n  b: 2,\n  c: 3,\n", "{\n  a: 1,\n  b: 2,\n}"),
    ("typescript", "export interface |\n", "A<T> {\n  a: T;\n  b: T;\n  c: T;\n", "A<T> {\n  a: T;\n  b: T;\n}"),
    # behind a string that the caret was in
    ("javascript", "it('|\n", "works', () => {\n", "works', () => {\n})"),
    ("javascript", 'if (typeof x === "|\n', 'string") {\n', 'string") {\n}'),
    # a line that is not finished, or no end of its kind, is left out
    ("javascript", "if (|\n", "x) {\n  a();\n  b(1,\n    2,\n", "x) {\n  a();\n}"),
    ("javascript", "if (|\n", "x) {\n  a(`\n  b\n  c\n", "x) {\n}"),
    # a line that comes again
    ("javascript", "if (|\n", "x) {\n  a();\n  a();\n  a();\n", "x) {\n  a();\n}"),
    # the suffix closes it
    ("javascript", "if (|\n  a();\n}\n", "x) {\n  b(() => {\n    c();", "x) {\n  b(() => {\n    c();\n  })"),
    # Python
    ("python", "x = |\n", "f(\n    1,\n    2,\n    3,\n", "f(\n    1,\n    2,\n)"),
])
def test_what_was_begun_is_closed(language, document, text, wanted):
    assert offered(language, document, text, max_lines=3) == (wanted, None)
    rule, whole = generated(language, document, text, max_lines=3)
    prefix, suffix = document.split("|")
    assert trim(prefix, whole, suffix, LANGUAGES[language])[0] == ""  # nothing of it would be offered otherwise
    assert list(closed(rule))


@pytest.mark.parametrize(("language", "document", "text"), [
    ("javascript", "x = |\n", "f(1,\n  2,\n  3,\n"),  # no author closes this so
    ("javascript", "f(|)\n", "{\n"),  # says nothing
    ("javascript", "f(|, 2);\n", "() => {\n"),  # before text there is one line
    ("python", "def f():\n    |\n    return x\n", "return x\n"),
    ("python", "def f():\n    |\n", '"""Text.\n    more\n    and more\n'),
])
def test_nothing_else_is(language, document, text):
    assert offered(language, document, text, max_lines=3)[0] == ""


def test_what_is_whole_stays_as_it_is():
    assert offered("javascript", "if (|\n", "x) {\n  y();\n}\nz();\n") == ("x) {\n  y();\n}", None)


def test_while_it_is_at_work_nothing_is_closed():
    assert offered("javascript", "if (|\n", "x) {\n  y();\n", ended=False) == ("", Reason.NOTHING_TO_SAY)


_PIECES = ["x", "f(", ")", "{\n", "  a();\n", "  }\n", "}", "[\n", "]", "1,\n", ":\n", "\n", '"', "// c\n", "return\n"]


@settings(deadline=None)
@given(st.sampled_from(["python", "javascript", "typescript"]),
       st.sampled_from(["|\n", "if (|\n", "f(|)\n", "x = {\n  |\n};\n", "def f(|\n", "if (|\n  a();\n}\n",
                        "f(\n  g(\n    x,\n    |\n", "f([\n\n\n\n  {\n  |"]),
       st.lists(st.sampled_from(_PIECES), max_size=12).map("".join))
def test_what_is_offered_was_generated_but_for_its_end(language, document, text):
    rule, whole = generated(language, document, text, max_lines=4)
    prefix, suffix = document.split("|")
    found, reason = offer(rule, whole, (prefix, suffix), ended=True)
    assert (reason is None) == bool(found)
    first, was = trim(prefix, whole, suffix, LANGUAGES[language])
    if first:
        assert (found, reason) == (first, was)
        return
    end = len(found)
    while not rule.generated.startswith(found[:end]):
        end -= 1
    assert not set(found[end:]) - set(" \n)]}")


def test_no_more_is_tried_when_patience_is_over():
    document, text = "if (|\n", "x) {\n  return y;"
    rule, whole = generated("javascript", document, text)
    around = ("if (", "\n")
    assert offer(rule, whole, around, ended=True, patience=Patience(10.0))[0]
    assert not offer(rule, whole, around, ended=True, patience=Patience(0.0))[0]
