"""The table of places: carets of files and of the other languages' documents, each with its outcome."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from kvlsp.completion.stop import StopReason
from kvlsp.config import Settings
from kvlsp.laboratory.commands.evaluate import app
from kvlsp.laboratory.evaluation.places import CARET, DOCUMENTS, report
from kvlsp.reasons import Reason
from kvlsp.syntax.language import Language
from tests.engine.test_completion import writing
from tests.laboratory.evaluation.test_decode import FILE


@pytest.mark.parametrize("language", DOCUMENTS)
def test_a_document_has_one_caret_and_parses_without_it(language: str):
    above, caret, below = DOCUMENTS[language].partition(CARET)
    known = Language.of(language)
    assert caret == CARET
    assert known is not None
    if language not in ("typescript",):  # an expression is wanted there
        assert not known.parse(above + below).root_node.has_error


def test_every_place_says_what_is_offered_or_why_not():
    advanced: list[None] = []
    found = report(writing(), [FILE], 12, Settings(max_tokens=20), advance=lambda: advanced.append(None))
    assert len(found) == len(advanced) == 12
    assert [place.language for place in found][-3:] == list(DOCUMENTS)[:3]
    for place in found:
        assert bool(place.offered) != bool(place.reason)
        assert not place.reason or Reason(place.reason)
        assert place.stop in {"", "end", "max_tokens", "not_text", *map(str, StopReason)}


def test_the_command_prints_what_others_read():
    arguments = ["places", "--count", "5", "--threads", "1", "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["places"]
    assert [place["language"] for place in found] == ["python"] * 3 + list(DOCUMENTS)[:2]
