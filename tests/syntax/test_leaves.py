import pytest

from kvlsp.syntax.language import Language
from kvlsp.syntax.leaves import first_leaf, leaves

PYTHON = Language.of("python")


@pytest.mark.parametrize(("line", "form"), [
    ("    x = foo(1, 'a')", "identifier = identifier ( number , string )"),
    ("elif x:", "elif identifier :"),
    ('"key": 2.5,  # why', "string : number ,"),
    ("# why", "comment"),
    ("return x[", "return identifier ["),
    ("", ""),
])
def test_names_and_literals_are_abstracted(line, form):
    assert " ".join(leaves(PYTHON, line)) == form


def test_without_a_language_a_lexer_does():
    assert leaves(None, "set x 1 'y'") == ("identifier", "identifier", "number", "string")


@pytest.mark.parametrize("text", ["  return x", "foo(", "3.5", "'a", "==", "", "\ud800", "\U0001f600"])
def test_first_leaf_agrees_with_the_leaves(text):
    form = leaves(None, text)
    assert first_leaf(None, text) == (form[0] if form else "")


def test_keywords_are_known_from_the_grammar():
    assert first_leaf(PYTHON, "  return x") == "return"
    assert first_leaf(PYTHON, "returned") == "identifier"
