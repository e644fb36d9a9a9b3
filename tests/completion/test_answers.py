from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.answers import CONTEXT, KEPT, REJECTED_FOR, Answers


def test_typing_that_agrees_shortens_the_answer():
    answers = Answers()
    answers.remember("x = ", "\n", "items.append(x)")
    assert answers.recall("x = ", "\n") == "items.append(x)"
    assert answers.recall("x = items.", "\n") == "append(x)"
    assert answers.recall("x = it", "\n") == "ems.append(x)"
    assert answers.recall("x = is", "\n") is None


def test_going_back_finds_it_again_and_typing_it_all_leaves_nothing():
    answers = Answers()
    answers.remember("x = ", "\n", "1")
    assert answers.recall("x = 1", "\n") is None
    assert answers.recall("x = ", "\n") == "1"


def test_another_suffix_is_another_place():
    answers = Answers()
    answers.remember("x = ", "\ny", "1")
    assert answers.recall("x = ", "\nz") is None
    assert answers.recall("x = ", "\ny and more") is None


def test_closers_that_the_editor_inserted_are_left_out():
    answers = Answers()
    answers.remember("x = ", "\n", "foo(a)")
    assert answers.recall("x = foo(", ")\n") == "a"
    answers.remember("y = ", "\n", "foo(a).b")
    assert answers.recall("y = foo(", ")\n") is None


def test_newest_first_and_bounded():
    answers = Answers()
    answers.remember("x = ", "\n", "old")
    answers.remember("x = ", "\n", "new")
    assert answers.recall("x = ", "\n") == "new"
    for number in range(KEPT):
        answers.remember(f"line {number} = ", "\n", "text")
    assert answers.recall("x = ", "\n") is None


def test_a_rejected_suggestion_rests_for_a_while():
    answers = Answers()
    answers.remember("x = ", "\n", "foo()")
    answers.reject("x = ", "\n", "foo()", now=10.0)
    assert answers.recall("x = ", "\n") is None
    assert answers.rejected("x = ", "\n", "foo()", now=11.0)
    assert answers.rejected("x = f", "\n", "oo()", now=11.0)
    assert not answers.rejected("x = ", "\n", "bar()", now=11.0)
    assert not answers.rejected("z\nx = ", "\n", "foo()", now=11.0)
    assert not answers.rejected("x = ", "\n", "foo()", now=10.0 + REJECTED_FOR)


def test_the_first_lines_that_were_rejected_come_back_with_no_more_below_them():
    answers = Answers()
    answers.remember("def f():\n    ", "\n", "x = 1\n    return x")
    answers.reject("def f():\n    ", "\n", "x = 1", now=10.0)
    assert answers.rejected("def f():\n    ", "\n", "x = 1\n    return x", now=11.0)
    assert answers.rejected("def f():\n    x", "\n", " = 1\n    return x", now=11.0)
    assert not answers.rejected("def f():\n    ", "\n", "x = 10\n    return x", now=11.0)
    assert not answers.rejected("def f():\n    x = 1\n    ", "\n", "return x", now=11.0)


def test_a_closer_that_the_editor_inserts_makes_no_other_line_of_it():
    answers = Answers()
    answers.reject("x = ", "\n", "foo(a)", now=10.0)
    assert answers.rejected("x = foo(", ")\n", "a", now=11.0)


@given(st.text(max_size=600), st.text(max_size=600), st.text(min_size=1, max_size=40), st.data())
def test_any_agreeing_typing_gives_the_rest(prefix, suffix, text, data):
    answers = Answers()
    answers.remember(prefix, suffix, text)
    typed = data.draw(st.integers(0, len(text) - 1))
    rest = answers.recall(prefix + text[:typed], suffix)
    # The shortest reading of what was typed wins; a text that repeats itself has more than one.
    assert rest is not None
    assert text.endswith(rest)


def test_context_may_be_cut_by_the_caller():
    answers = Answers()
    answers.remember("a" * 5000 + "x = ", "\n" + "b" * 5000, "foo()")
    cut = ("a" * 5000 + "x = f")[-CONTEXT - 100:]
    assert answers.recall(cut, ("\n" + "b" * 5000)[:CONTEXT]) == "oo()"
