"""Where the next edit is: text in, lines out."""

from __future__ import annotations

import numpy as np
import pytest

from kvlsp.nextedit.change import Change
from kvlsp.nextedit.features import Judged
from kvlsp.nextedit.places import places
from kvlsp.nextedit.proposal import offered
from kvlsp.nextedit.scopes import Scopes
from kvlsp.syntax.language import Language

PYTHON = Language.of("python")
NOTHING = Judged(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.float32))


def changed(text: str, old: str = "") -> tuple[str, Change]:
    """``text`` with what was changed between two ``$``, where ``old`` stood."""
    before, new, behind = text.split("$")
    return before + new + behind, Change.of(before + new + behind, len(before), len(before + new), old)


def proposed(text: str, old: str, language: Language | None = PYTHON, judged: Judged = NOTHING) -> list[str]:
    whole, change = changed(text, old)
    return [candidate.strip() for place in places(whole, [change], judged, language, most=99)
            for candidate in place.candidates]


def test_a_parameter_is_followed_in_its_function_and_nowhere_else():
    assert proposed('''
def other(amount):
    return amount

def add(self, $total$):
    """The amount to add."""
    if amount < 0:
        raise ValueError(f"{amount} is too little", amount=1)
    return self.amount + amount

amount = 3
''', "amount") == ["if total < 0:", 'raise ValueError(f"{total} is too little", amount=1)',
                  "return self.amount + total"]


def test_an_attribute_is_followed_in_its_class():
    assert proposed('''
class A:
    def __init__(self, size):
        self.$length$ = size

    def grow(self, other):
        self.size += other.size
        return f"{self.size!r}"

class B:
    def __init__(self):
        self.size = 1
''', "size") == ["self.length += other.size", 'return f"{self.length!r}"']


def test_a_method_is_followed_where_the_object_calls_itself():
    assert proposed('''
class A:
    def $fetch$(self):
        return self.live.start()

    def run(self):
        return self.start()
''', "start") == ["return self.fetch()"]


def test_a_function_is_followed_in_its_file():
    assert proposed('''
start = 0
def $begin$(): ...
def run(done=start):
    start()
''', "start") == ["def run(done=begin):", "begin()", "begin = 0"]


def test_a_variable_is_followed_below_then_above():
    assert proposed('''
def f():
    if 0:
        print(count)
    $number$ = 1
    return count
''', "count") == ["return number", "print(number)"]


def test_an_inner_function_with_the_same_parameter_means_its_own():
    assert proposed('''
def f($number$):
    def inner(count):
        return count
    return inner(count)
''', "count") == ["return inner(number)"]


def test_a_use_that_became_another_name_renames_nothing():
    assert proposed("def f(a, b):\n    print($b$)\n    return a\n", "a") == []


@pytest.mark.parametrize(("language", "text"), [
    ("typescript", "function f($total$: number) {\n  return amount + 1;\n}\nconst amount = 2;\n"),
    ("go", "func f($total$ int) int {\n\treturn amount + 1\n}\n"),
    ("rust", "fn f($total$: u8) -> u8 {\n    amount + 1\n}\n"),
])
def test_other_languages_follow_their_outline(language, text):
    found = proposed(text, "amount", Language.of(language))
    assert len(found) == 1
    assert "total + 1" in found[0]


def test_what_is_followed_already_is_not_followed_again_by_evidence():
    text = "def add(total):\n    return total\n\ndef other(amount):\n    return amount\n"
    head, use = Change.of(text, 8, 13, "amount"), Change.of(text, 27, 32, "amount")
    assert places(text, [head, use], judged_everywhere(text, 3.0), PYTHON) == []


def judged_everywhere(text: str, drop: float) -> Judged:
    """A token a character."""
    return Judged(np.arange(len(text)), np.full(len(text), drop, np.float32), np.full(len(text), -5, np.float32))


def test_the_same_change_is_repeated_where_the_model_has_come_to_doubt():
    text = 'write("a", encoding="utf-8")\nwrite("b")\nwrite("c")\nread("d")\n'
    change = Change.of(text, 9, 27, "")
    assert places(text, [change], judged_everywhere(text, 3.0), PYTHON)[0].line == 1


def test_a_line_that_reads_as_before_is_no_place():
    text, change = changed('log($level$, "a")\nlog(name, "b")\nlog(name, "c")\n', "name")
    assert places(text, [change], judged_everywhere(text, 0.0), PYTHON) == []
    assert places(text, [change], judged_everywhere(text, 3.0), PYTHON)[0].candidates == ('log(level, "b")',)


def test_lines_that_were_refused_and_lines_just_changed_are_left_alone():
    text, change = changed('log($level$, "a")\nlog(name, "b")\nlog(name, "c")\n', "name")
    found = places(text, [change], judged_everywhere(text, 3.0), PYTHON, refused=[1])
    assert [place.line for place in found] == [2]


def test_nothing_changed_nothing_is_next():
    assert places("a = 1\n", [], judged_everywhere("a = 1\n", 3.0), PYTHON) == []


def test_a_text_that_does_not_parse_has_no_scopes_and_does_no_harm():
    assert Scopes(None, "((( $").same("a", "b", 0) == []


def test_a_proposal_has_to_gain():
    text, change = changed('log($level$, "a")\nlog(name, "b")\n', "name")
    place = places(text, [change], judged_everywhere(text, 3.0), PYTHON)[0]
    assert offered(place, "log(name)", ["log(level)"], [-9.0, -8.0], 1.0).gain == 1.0
    assert offered(place, "log(name)", ["log(level)"], [-9.0, -12.0], 1.0) is None
    assert offered(place, "log(name)", ["log(name)"], [-9.0, -1.0], 1.0) is None
