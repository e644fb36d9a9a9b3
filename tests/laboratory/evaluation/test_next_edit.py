"""What next edits are measured with: truth from Python's own syntax, and real changes hunk by hunk."""

from __future__ import annotations

from kvlsp.config import Settings
from kvlsp.laboratory.evaluation.edits_versions import Hunk, Revision
from kvlsp.laboratory.evaluation.next_edit import BELOW, Score, hunks, renames, share
from kvlsp.laboratory.evaluation.next_edit_hunks import excerpts, replay, right
from kvlsp.laboratory.evaluation.next_edit_renames import renames as places_of
from tests.support.models import tiny_model

FILE = '''
def load(filename, mode):
    """The filename."""
    def inner(filename):
        return filename
    names = [filename for filename in mode]
    return open(filename, mode), inner(filename)

class Box:
    def __init__(self, width):
        self.width = width
        self.other = width

    def area(self):
        return self.width * load(filename=self.width, mode="r")

    def twice(self):
        return 2 * self.area()
'''


def found(kind: str, old: str):
    cases = places_of([("a.py", FILE)], 4000)
    return max((case for case in cases if (case.kind, case.old) == (kind, old)), key=lambda case: len(case.uses))


def words(case) -> list[str]:
    lines = case.after.split("\n")
    return [lines[case.after[:use].count("\n")].strip() for use in case.uses]


def test_a_parameter_means_what_pythons_scopes_say():
    case = found("parameter", "filename")
    assert words(case) == ["return open(filename, mode), inner(filename)"] * 2
    assert [case.after[at - 5 : at + 9] for at in case.callers] == ["load(filename="]
    assert case.after[case.definition :].startswith(case.new)


def test_attributes_and_methods_are_those_of_self():
    assert words(found("attribute", "width")) == ["return self.width * load(filename=self.width, mode=\"r\")"] * 2
    assert words(found("function", "area")) == ["return 2 * self.area()"]


def test_what_is_used_in_the_file_is_a_functions_use():
    assert words(found("function", "load")) == ["return self.width * load(filename=self.width, mode=\"r\")"]


def test_renames_are_measured_beside_a_text_search():
    case = found("parameter", "filename")
    table = renames(tiny_model(), [case], Settings(next_edit_minimum_gain=0.0))
    assert table["parameter"]["kvlsp"]["precision"]["percent"] == 100
    assert table["parameter"]["text search"]["precision"]["percent"] < 100
    assert table["all"]["kvlsp"]["places"] == 1
    assert case.next - case.definition < BELOW


REVISION = Revision("p", "a.py", tuple(f"line {number}\n" for number in range(40)), (
    Hunk(3, 4, ("first\n",)), Hunk(10, 10, ("put in\n", "and this\n")), Hunk(20, 22, ("last\n",))))


def test_hunks_come_one_after_the_other_and_the_next_one_is_the_truth():
    asked = list(replay(tiny_model(), REVISION, Settings(), write=False))
    assert [one.next for one, _ in asked] == [(10, 10), (22, 24)]
    assert asked[1][0].text.split("\n")[3] == "first"
    assert asked[1][0].changes[-1].new == "put in\nand this\n"
    assert asked[0][0].coming == ((10, 10), (20, 22))
    assert set(hunks(asked)) == {"kvlsp", "text search", "nearest lines"}


def test_where_lines_are_put_in_the_lines_on_both_sides_are_right():
    assert [line for line in range(20) if right(line, [(10, 10), (14, 16)])] == [9, 10, 14, 15]


def test_a_long_file_is_looked_at_in_excerpts():
    far = Revision("p", "a.py", tuple("x\n" for _ in range(900)), (
        Hunk(5, 6, ("a\n",)), Hunk(20, 21, ("b\n",)), Hunk(700, 701, ("c\n",)), Hunk(710, 711, ("d\n",))))
    assert [len(one.hunks) for one in excerpts([far])] == [2, 2]


def test_shares_have_intervals_over_files():
    score = Score()
    score.add("a", [True, False], [True, False])
    score.add("b", [False, True], [])
    figures = score.figures()
    assert (figures["recall_at_1"]["percent"], figures["recall_at_3"]["percent"]) == (50.0, 100.0)
    assert share([])["percent"] is None
