"""What one change says: whole lines, the words that are gone, the name that became another."""

from __future__ import annotations

from kvlsp.nextedit.change import Change


def change(text: str, old: str) -> Change:
    before, new, behind = text.split("$")
    return Change.of(before + new + behind, len(before), len(before + new), old)


def test_a_change_is_widened_to_lines():
    one = change("a\nlog($level$, 1)\nb\n", "name")
    assert (one.old, one.new) == ("log(name, 1)", "log(level, 1)")
    assert one.renamed == ("name", "level")
    assert (one.removed, one.added) == ({"name"}, {"level"})


def test_lines_that_were_put_in_leave_the_next_one_as_it_was():
    one = change("a\n$x = 1\ny = 2\n$b\n", "")
    assert (one.old, one.new) == ("", "x = 1\ny = 2\n")
    assert one.renamed is None


def test_part_of_a_name_changes_the_name():
    assert change("def f(count$er$): pass\n", "").renamed == ("count", "counter")


def test_two_names_are_no_rename_and_one_name_twice_is():
    assert change("f($x, y$)\n", "a, b").renamed is None
    assert change("f($x + x$)\n", "a + a").renamed == ("a", "x")


def test_what_may_be_repeated_is_what_became_something_else():
    assert change("$t.List[int]$\n", "list[int]").substitutions() == [(("list",), ("t", ".", "List"))]
    assert change("f($x$)\n", "").substitutions() == []


def test_long_lines_are_compared_between_their_first_and_last_difference():
    statement = "call(one, two);"
    text = statement * 30_000  # each piece compared with each would take hours
    at = text.index("two", len(text) // 2)
    change = Change.of(text[:at] + "three" + text[at + 3 :], at, at + 5, "two")
    assert change.runs == [(("two",), ("three",))]
    assert change.renamed == ("two", "three")


def test_what_differs_in_thousands_of_words_is_one_run():
    old, new = "a b c " * 1000, "d e f " * 1000
    (run,) = Change(0, len(new), old, new, 0).runs
    assert (len(run[0]), len(run[1])) == (3000, 3000)
