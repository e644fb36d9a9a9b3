"""``|`` is the caret."""

import pytest

from kvlsp.completion.closing import Closing
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language


def at(document: str, language: str | None = "javascript") -> Closing:
    prefix, suffix = document.split("|")
    return Closing(Place.at(prefix, suffix, Language.of(language) if language else None))


@pytest.mark.parametrize(("document", "closer", "may"), [
    ("f(|)\n", ")", False),         # the suffix closes it
    ("f(|\n", ")", True),
    ("f(|\n", "]", False),          # that is not what is open
    ("f(a, [|]\n", "]", False),
    ("x = 1|\n", ")", False),       # nothing is open
])
def test_only_what_is_open_and_closed_by_nobody_else_may_be_closed(document, closer, may):
    assert at(document).close(closer) is may


def test_without_a_language_nobody_knows():
    assert at("x = 1|\n", None).close(")")


def test_what_is_closed_is_no_longer_open():
    brackets = at("if (a) {\n  f(|\n")
    assert brackets.own_open
    assert brackets.close(")")
    assert not brackets.own_open
    assert not brackets.left_block
    assert brackets.close("}")
    assert brackets.left_block
    assert not brackets.close("}")
