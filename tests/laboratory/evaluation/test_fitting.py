"""What counts as an offer that does not fit, and what the count goes over."""

from __future__ import annotations

import json
import random

import pytest
from typer.testing import CliRunner

from kvlsp.laboratory.commands.evaluate import app
from kvlsp.laboratory.evaluation.fit_tried import Hole, holes, wrong_texts
from kvlsp.laboratory.evaluation.fitting import glued, measure
from kvlsp.syntax.language import Language

LANGUAGES = {language.name: language for language in Language.all()}
PYTHON = LANGUAGES["python"]
CODE = "import os\n\n\ndef total(items):\n    count = len(items)\n    return [count, 'of them', os.sep]\n"


@pytest.mark.parametrize(("language", "text", "offered", "fits"), [
    ("python", "x = 1\n|y = 2\n", "y = 1", False),
    ("python", "x = 1\n|y = 2\n", "y = 1\n", True),
    ("python", "x = '|'\n", "a' + 'b", True),
    ("python", "x = '|'\n", "a'", False),
    ("python", "x = f(|a)\n", "# ", False),             # the rest becomes a comment
    ("python", "x = |count\n", "re", False),             # part of another word
    ("javascript", "f();\n|g();\n", "h(); ", False),     # two statements on a line
    ("c", "int f(void) {\n  return |a;\n}\n", "b + ", True),
    ("typescript", "/** An entry (`/tree|\nexport enum A {\n  B = 'b'\n}\n", "export enum A {", True),  # in a comment
    ("typescript", "/** An entry (`/tree|\nexport enum A {\n  B = 'b'\n}\n", "` */ enum {", False),
])
def test_what_fits(language, text, offered, fits):
    before, behind = text.split("|")
    whole, known = before + behind, LANGUAGES[language]
    found = glued(known, whole, known.parse(whole).root_node, Hole("", len(before), len(before)), offered)
    assert (found is None) == fits, found


def test_places_of_every_kind_and_texts_that_do_not_belong_there():
    found = list(holes(PYTHON, CODE, random.Random(0), 30))
    assert {"rest of a line", "start of a line", "middle of a line", "before a mark", "statement",
            "between brackets", "between quotes"} == {hole.kind for hole in found}
    for hole in found:
        assert 0 <= hole.start <= hole.end <= len(CODE)
        assert all(text.strip() for text in wrong_texts(CODE, hole, random.Random(0)))


def test_the_same_places_again_with_the_same_seed():
    one, two = (measure(PYTHON, [CODE], 2, seed=3) for _ in range(2))
    assert (one.tried, one.offered, one.glued) == (two.tried, two.offered, two.glued)
    assert one.tried > 50
    assert not one.glued


def test_the_command_prints_what_others_read(tmp_path):
    (tmp_path / "a.py").write_text(CODE, encoding="utf-8")
    result = CliRunner().invoke(app, ["fit", str(tmp_path), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["python"]["do not fit"] == 0
