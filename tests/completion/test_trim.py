import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.trim import refuse, trim
from kvlsp.reasons import Reason

CASES = [
    ("foo(|, b)\n", "a, b)", "a"),
    ("foo(|, b)\n", "a,", "a"),
    ("foo(|)\n", "a)", "a"),
    ("if |:\n", "x > 1:", "x > 1"),
    ("x = |\n", "1   ", "1"),
    ("x = |foo(y)\n", "a + foo(y)", "a + "),
    ("x = |foo(y)\n", "a + foo", "a + "),
    ("x = |x_1\n", "y + x", "y + "),
    ("f(|max)\n", "a, xmax)", "a, xmax)"),
    ("def f():\n    |\n    return x\n", "x = 1\n    return x", "x = 1"),
    ("def f():\n    |\n    a = 1\n    return a\n", "b = 2\n    a = 1\n    return a", "b = 2"),
]


@pytest.mark.parametrize(("document", "generated", "wanted"), CASES)
def test_trims(document, generated, wanted):
    prefix, suffix = document.split("|")
    assert trim(prefix, generated, suffix) == (wanted, None)


@pytest.mark.parametrize(("document", "generated", "reason"), [
    ("x = |\n", "  \n ", Reason.NOTHING_TO_SAY),
    ("x = |\n", "", Reason.NOTHING_TO_SAY),
    ("x = |foo(y)\n", "foo(y)", Reason.REPEATS_SUFFIX),
    ("def f():\n    |\n    return x\n", "return x", Reason.REPEATS_SUFFIX),
])
def test_empty_has_a_reason(document, generated, reason):
    prefix, suffix = document.split("|")
    assert trim(prefix, generated, suffix) == ("", reason)


def test_inside_a_word_is_the_wrong_place():
    assert refuse("fo", "o()") is Reason.WRONG_PLACE
    assert refuse("foo", "()") is None
    assert refuse("", "foo") is None


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_keeps_a_beginning_of_what_was_generated(prefix, generated, suffix):
    text, reason = trim(prefix, generated, suffix)
    assert generated.startswith(text)
    assert (reason is None) == bool(text)
