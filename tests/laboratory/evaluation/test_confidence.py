from __future__ import annotations

import pytest

from kvlsp.config import Settings
from kvlsp.engine.oneshot import Completion
from kvlsp.laboratory.evaluation.confidence import Judged, as_json, judge, surest, table
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


def test_the_surest_places_have_a_suggestion():
    assert surest(JUDGED, (0.75, 0.5)) == [{"share": 0.75, "confidence": 0.3, "right": round(2 / 3, 4)},
                                           {"share": 0.5, "confidence": 0.6, "right": 0.5}]
    assert surest(JUDGED, (1.0,))[0]["right"] == round(2 / 3, 4)
    assert surest([])[0] == {"share": 0.76, "confidence": 0.0, "right": 0.0}


def test_the_rules_see_the_whole_file_where_it_is_not_cut():
    text = "class A:\n" + "".join(f"    def method_{n}(self):\n        return self.method_{n}\n" for n in range(400))
    files = [SourceFile("one", "one/a.py", text, 1.0)]
    cut, whole = (ordinary(files, 9, Settings(), 3, around) for around in ((500, 100), None))
    for part, prompt in zip(cut, whole, strict=True):
        assert prompt.text.startswith("class A:")
        assert (part.origin, part.written) == (prompt.origin, prompt.written)
        assert prompt.text[: prompt.caret].endswith(part.text[: part.caret])


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


def test_places_in_another_language_are_code_too():
    comment = "/* The area.\n * In square units, of course. */\n"
    text = f"{comment}function area(width, height) {{\n  return width * height;\n}}\n"
    prompts = ordinary([SourceFile("one", "one/a.ts", text, 1.0)], 20, Settings(max_tokens=8))
    assert {prompt.origin.rpartition(":")[2] for prompt in prompts} == {"3", "4"}
    languages: list[str] = []

    def complete(model: object, text: str, caret: int, language: str, settings: Settings, **_: object) -> Completion:
        languages.append(language)
        return Completion("", None, "", {})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kvlsp.laboratory.evaluation.confidence.complete_text", complete)
        judge(tiny_model(1), prompts, Settings())
    assert set(languages) == {"typescript"}
