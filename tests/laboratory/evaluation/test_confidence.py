from __future__ import annotations

from kvlsp.config import Settings
from kvlsp.laboratory.evaluation.confidence import Judged, as_json, judge, table
from kvlsp.laboratory.evaluation.decode_prompts import ordinary
from kvlsp.laboratory.training.corpus import SourceFile
from tests.support.models import tiny_model

JUDGED = [
    Judged("a:1", "x + 1", "x + 1", 0.9),
    Judged("a:2", "y", "z", 0.6),
    Judged("a:3", "w", "w", 0.3),
    Judged("a:4", "", "v", 0.0),
]


def test_a_threshold_drops_suggestions_and_counts_what_it_costs():
    none, half, most = table(JUDGED, (0.0, 0.5, 0.95))
    assert none == {"threshold": 0.0, "offered": 0.75, "right": round(2 / 3, 4), "right_kept": 1.0}
    assert half == {"threshold": 0.5, "offered": 0.5, "right": 0.5, "right_kept": 0.5}
    assert most == {"threshold": 0.95, "offered": 0.0, "right": 0.0, "right_kept": 0.0}
    assert table([]) != []


def test_nothing_offered_is_never_right():
    assert not Judged("a:1", "", "", 1.0).right


def test_places_are_judged_by_what_the_author_wrote():
    text = "def area(width, height):\n    return width * height\n\n\nprint(area(3, 4), area(5, 6))\n" * 3
    prompts = ordinary([SourceFile("one", "one/a.py", text, 1.0)], 6, Settings(max_tokens=8))
    lines = text.split("\n")
    for prompt in prompts:
        before = prompt.text[: prompt.caret].rpartition("\n")[2]
        assert before + prompt.written in lines
    judged = judge(tiny_model(1), prompts, Settings(max_tokens=8))
    assert [one.written for one in judged] == [prompt.written.rstrip() for prompt in prompts]
    assert len(as_json(judged)["places"]) == 6
