"""What of an answer is the next edit: lines in, lines out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.nextedit.change import Change
from kvlsp.nextedit.rewrite import asked, proposed
from kvlsp.prompt.edit_formats import FORMATS

ZETA, SWEEP = FORMATS
OLD = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(("answer", "wanted"), [
    ("a\nb\nX\nd\ne\n", (2, 3, ["X"])),
    ("a\nX\nc\nd\nY\n", (1, 2, ["X"])),               # the first place alone
    ("a\nb\nX\nd\nY\n", (2, 5, ["X", "d", "Y"])),     # one line between two is no end
    ("a\nb\nX\nY\nd\ne", (2, 3, ["X", "Y"])),
    ("a\nb\nd\ne\n", (2, 4, ["d"])),                  # a place is never empty
    ("a\nb\nc\nX\nd\ne\n", (3, 4, ["X", "d"])),
    ("a\nb\nc\nd\ne\nf\n", (4, 5, ["e", "f"])),
    ("a\nb\nc\nd\n", (3, 5, ["d"])),
    ("a\nb\nc\nd\ne\n", None),
    ("", None),
])
def test_the_first_difference_is_proposed(answer, wanted):
    found = proposed(SWEEP, OLD, answer, ended=True)
    assert (None if found is None else (found.first, found.last, list(found.lines))) == wanted


@pytest.mark.parametrize("answer", ["a\nb\nX", "a\nb\nX\n", "a\nb\nX\nd\n", "a\nb\n", "a\nb\nX\nd\ne"])
def test_before_the_end_only_what_has_come_back_to_the_old_text_counts(answer):
    assert proposed(SWEEP, OLD, answer, ended=False) is None


def test_an_answer_that_has_come_back_needs_no_end():
    found = proposed(SWEEP, OLD, "a\nb\nX\nd\ne\n", ended=False)
    assert found is not None
    assert found.lines == ("X",)


def test_marks_of_a_format_are_no_text():
    found = proposed(ZETA, OLD, "a\nb\nX<|user_cursor|>\nd\ne\n>>>>>>> UPDATED\nrubbish", ended=False)
    assert found is not None
    assert found.lines == ("X",)
    assert proposed(ZETA, OLD, "NO_EDITS\n>>>>>>> UPDATED\n", ended=False) is None


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9),
       st.lists(st.sampled_from("abcdex"), min_size=1, max_size=9))
def test_proposals_lead_to_the_answer(old, new):
    """Taken one after the other, each leads nearer, and at the end there is none."""
    now = list(old)
    for _ in range(len(old) + len(new) + 1):
        found = proposed(SWEEP, now, "\n".join(new) + "\n", ended=True)
        if found is None:
            break
        assert 0 <= found.first < found.last <= len(now)
        assert found.lines
        now[found.first:found.last] = found.lines
    assert now == new


def test_what_was_changed_is_told_as_it_was():
    text = "import os\n\n\ndef f(total):\n    return amount\n\n\nx = 1\n"
    start = text.index("total")
    what = asked(ZETA, "a.py", text, [Change.of(text, start, start + 5, "amount")], 4)
    assert what.edits[0].diff == (
        "@@ -1,7 +1,7 @@\n import os\n \n \n-def f(amount):\n+def f(total):\n     return amount\n \n \n")
    assert what.original == what.current.replace("total", "amount") != what.current
    assert what.current[:what.caret].endswith("def f(total):")
