import pytest

from kvlsp.completion.loops import phrase_repeats, repeated_group


@pytest.mark.parametrize(("lines", "group"), [
    (["a()"] * 3, 1), (["a()"] * 2, 0), (["a()", "b()"] * 3, 2), (["x", "a()", "b()", "a()", "b()"], 0),
    (["}"] * 3, 0), ([], 0),
])
def test_groups_of_lines(lines, group):
    assert repeated_group(lines, above=["x"]) == group


def test_what_the_document_repeats_is_rightful():
    assert repeated_group(["a()"] * 3, above=["", "    a()", "", "    a()"]) == 0


@pytest.mark.parametrize(("text", "loops"), [
    ("1." * 30, True),
    ("the end of\n   " * 7, True),
    ("Any, " * 9, True),
    ("Any, " * 5, False),
    ("-" * 80, False),
    ("the number of " * 5, True),
    ("12333332333332333233333233333233333233333233332333", True),
    ("a b c d e f g h i j k l m n o p q r s t u v w x y z", False),
    ("", False),
])
def test_phrases(text, loops):
    assert phrase_repeats(text, document="") == loops


@pytest.mark.parametrize(("text", "loops"), [
    ("from the `b`-th-th-th-th-th-th", True),
    ("Returns the tensors of tensors of tensors of tensors.", False),  # no loop any more: it came to an end
    ("Returns the tensors of tensors of tensors of tensors", True),
    ("A :class:`session` and a :class:`session` and a :class:`session` and a :class:`session`", True),
    ("had had had", False),
    ("\\x00\\x00\\x00\\x00\\x00", False),
    ("ha ha ha", False),
    ("=========== ===========", False),
    ("the end, the end", False),
])
def test_prose_goes_in_circles_sooner(text, loops):
    assert phrase_repeats(text, document="", prose=True) == loops
    assert not phrase_repeats(text, document=text, prose=True)
    assert not phrase_repeats(text, document="")


def test_phrases_of_the_document_are_rightful():
    assert not phrase_repeats("0, " * 20, document="x = [" + "0, " * 16 + "]")
