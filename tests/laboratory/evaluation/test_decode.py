"""The decode bench: same texts with and without drafts, its figures add up; clocks are passed in."""

from __future__ import annotations

import itertools
import json

import pytest
from typer.testing import CliRunner

from kvlsp.config import Settings
from kvlsp.laboratory.commands.bench import app
from kvlsp.laboratory.evaluation import decode_prompts
from kvlsp.laboratory.evaluation.decode import Run, Totals, _tied, measure
from kvlsp.laboratory.evaluation.decode_prompts import DecodePrompt, ordinary, repetitive, rewrites
from kvlsp.laboratory.training.corpus import SourceFile
from tests.engine.test_completion import writing

TEXT = '''import os

TABLE = {
    "a": first,
    "b": second,
    "c": third,
    "d": fourth,
    "e": fifth,
    "f": sixth,
}


class Thing:
    @property
    def value(self):
        total = 0
        for part in self.parts:
            if part is None:
                continue
            total += part.value
        total += self.base
        return total


def after():
    return os.name
'''
FILE = SourceFile("package", "package/file.py", TEXT, 1.0)
SETTINGS = Settings(max_tokens=40)


def around(prompt: DecodePrompt) -> tuple[str, str]:
    return prompt.text[: prompt.caret], prompt.text[prompt.caret :]


def test_a_rewrite_stands_behind_its_function():
    (prompt,) = rewrites([FILE], 5, SETTINGS)
    above, below = around(prompt)
    assert above.endswith("        return total\n\n    def value_again(self):\n        total = 0\n"
                          "        for part in self.parts:\n")
    assert below.lstrip().startswith("def after():")


def test_a_body_that_begins_with_a_decorator_begins_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decode_prompts, "BEGUN", 0)
    inner = TEXT.replace("        total = 0\n", "        @cache\n        def total(): ...\n")
    (prompt,) = rewrites([SourceFile("package", "package/file.py", inner, 1.0)], 5, SETTINGS)
    assert around(prompt)[0].endswith("def value_again(self):\n")


def test_of_repetitive_lines_the_rest_is_taken_away():
    (prompt,) = repetitive([FILE], 5, SETTINGS)
    above, below = around(prompt)
    assert above.endswith('    "d": fourth,\n    ')
    assert below.startswith("\n}\n")


def test_ordinary_carets_are_the_same_for_the_same_seed():
    found = ordinary([FILE], 20, SETTINGS, seed=1)
    assert found == ordinary([FILE], 20, SETTINGS, seed=1) != ordinary([FILE], 20, SETTINGS, seed=2)
    for prompt in found:
        above, _ = around(prompt)
        assert TEXT.startswith(above)


def test_the_same_tokens_with_and_without_drafts():
    ticks = itertools.count()
    prompts = [*rewrites([FILE], 1, SETTINGS), *ordinary([FILE], 3, SETTINGS)]
    advanced: list[None] = []
    figures = measure(writing(), {"some": prompts, "none": []}, repeats=2, clock=lambda: float(next(ticks)),
                      advance=lambda: advanced.append(None))["workloads"]
    assert len(advanced) == len(prompts)
    some = figures["some"]
    assert some["identical"] is True
    assert some["different"] == some["different_at_ties"] == 0
    assert some["tokens"] > some["prompts"] > 0
    assert some["copied_share"] > 0
    assert some["speedup"] == 1.0  # by a clock that ticks once per reading
    assert figures["none"]["speedup"] is None


def run(ids: tuple[int, ...], logprobs: tuple[float, ...], seconds: float = 1.0) -> Run:
    return Run(ids, logprobs, seconds, forwards=len(ids), drafted=4, accepted=2, drafts=1)


@pytest.mark.parametrize(("other", "tied"), [
    (run((1, 2, 9), (-0.1, -0.2, -0.35)), True),
    (run((1, 2, 9), (-0.1, -0.2, -0.9)), False),
    (run((1, 9, 3), (-0.9, -0.2, -0.3)), False),
    (run((1, 2), (-0.1, -0.2)), True),
])
def test_a_difference_of_rounding_is_a_tie(other: Run, tied: bool):
    assert _tied(run((1, 2, 3), (-0.1, -0.2, -0.3)), other) is tied


def test_a_difference_is_counted_and_not_identical():
    totals = Totals()
    totals.add(run((1, 2), (0.0, 0.0)), run((1, 2), (0.0, 0.0), seconds=0.5), tie=False)
    assert totals.figures()["identical"] is True
    assert totals.figures()["speedup"] == 2.0
    totals.add(run((1, 2), (0.0, 0.0)), run((1,), (0.0,), seconds=0.5), tie=False)
    figures = totals.figures()
    assert (figures["identical"], figures["different"]) == (False, 1)
    assert figures["speedup"] == pytest.approx(4 / 3, abs=1e-3)
    assert figures["accepted_mean"] == 2.0
    assert figures["copied_share"] == 1.0


def test_the_command_prints_what_others_read():
    arguments = ["decode", "--limit", "1", "--repeats", "1", "--dtype", "float32", "--threads", "1", "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    workloads = json.loads(result.stdout)["workloads"]
    assert set(workloads) == {"rewrite", "repetitive", "ordinary"}
    for figures in workloads.values():
        assert {"speedup", "accepted_mean", "copied_share", "identical"} <= set(figures)
