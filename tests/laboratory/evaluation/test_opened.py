"""The bench of the first second, its counts on a tiny model: little before the first suggestion, each row once."""

from __future__ import annotations

import itertools
import json

import pytest
from typer.testing import CliRunner

from kvlsp.config import Settings
from kvlsp.laboratory.commands.bench import app
from kvlsp.laboratory.evaluation.opened import documents, measure
from kvlsp.prompt.window import FIRST, SMALL
from tests.support.models import tiny_model
from tests.support.writing import writing_model

LINE = "value = compute(value, limit)\n"


@pytest.mark.parametrize("size", [900, 3000, 6000])
def test_little_is_encoded_before_the_first_suggestion_and_each_row_about_once(size: int):
    model = writing_model(1, b"abcdef", line=25)
    (text,) = documents(model, LINE * 50, [size], 0)
    ticks = itertools.count()
    (row,) = measure(model, [text], Settings(max_tokens=10, drafts=False, ahead=False), repeats=1,
                     clock=lambda: next(ticks) / 1000)
    assert row["exact"]
    assert row["document_tokens"] == len(text)
    assert row["first_rows"] <= (FIRST if size > SMALL else size) + 64
    assert row["answer_forwards"] > 0
    assert row["whole_rows"] <= row["window_rows"] + FIRST
    if size <= SMALL:
        assert row["whole_rows"] == row["window_rows"]
    assert 0 < row["logits_ms"] < row["answer_ms"]


def test_a_document_may_be_given_by_its_characters():
    short, long = documents(tiny_model(1), LINE, [90], 10_000)
    assert short == LINE * 3
    assert len(long) == 10_000 // len(LINE) * len(LINE)


def test_the_command_prints_what_others_read():
    arguments = ["open", "--sizes", "300", "--characters", "0", "--repeats", "1", "--threads", "1"]
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["open"]
    assert row["exact"]
    assert row["rows_times"] == 1.0
