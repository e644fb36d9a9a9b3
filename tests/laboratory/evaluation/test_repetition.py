"""The repetition measure: its prompts, its scores, and the three policies over a tiny model that loops."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from kvlsp.laboratory.commands.evaluate import app
from kvlsp.laboratory.evaluation import repetition
from kvlsp.laboratory.evaluation.repetition import POLICIES, OneLine, Sample, complete, looping, measure, score
from kvlsp.laboratory.evaluation.repetition_prompts import AFTER, BEFORE, SCAFFOLDS, Prompt, candidates, holes
from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.syntax.language import Language
from tests.engine.test_completion import TEXT, writing

FILE = SourceFile("package", "package/file.py", "\n".join(f"value_{number} = {number}" for number in range(900)), 1.0)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repetition, "TOKENS", 60)


def first(count: int, seed: int = 0) -> list[Prompt]:
    return list(itertools.islice(candidates([FILE], seed), count))


def test_the_same_candidates_for_the_same_seed():
    assert first(30) == first(30) != first(30, seed=1)
    assert {prompt.suffix for prompt in first(30)} >= {"", "\n"}


def test_what_the_model_sees_is_whole_lines():
    for prompt in first(40):
        above, below = prompt.seen
        assert len(above) <= BEFORE
        assert len(below) <= AFTER
        assert prompt.prefix.endswith(above)
        assert prompt.suffix.startswith(below)
        assert above == prompt.prefix or prompt.prefix[-len(above) - 1] == "\n"


@pytest.mark.parametrize("scaffold", SCAFFOLDS)
def test_scaffolds_parse_once_they_are_ended(scaffold: Callable[[Random], Prompt]):
    python = Language.of("python")
    assert python is not None
    text = scaffold(Random(0)).prefix
    closed = [text, text + "]\n", text + "}\n", text + ")\n", text + '    """\n']
    assert any(not python.parse(one).root_node.has_error for one in closed)


def test_holes_without_the_benchmark_are_lines_of_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    monkeypatch.setenv("KVLSP_SHARED", str(tmp_path))
    for hole in holes(5, None, [FILE]):
        assert hole.prefix + hole.solution + hole.suffix == FILE.text
        assert hole.solution.startswith("value_")


def test_scores():
    prompt = Prompt("x = [\n", "")
    assert score(prompt, Sample("    1,\n]\n", True)) == {
        "ends": 1.0, "grammar_4gram_duplicates": 0.0, "statement_duplicates": 0.0, "parses": 1.0}
    looped = score(prompt, Sample("    1,\n" * 10, False))
    assert looped["parses"] == looped["ends"] == 0.0
    assert looped["statement_duplicates"] == pytest.approx(0.9)
    assert looped["grammar_4gram_duplicates"] > 0.8
    assert score(prompt, Sample("", True))["grammar_4gram_duplicates"] == 0.0


def test_every_policy_decodes_alone_what_it_decodes_in_company():
    model, prompt = writing(), Prompt(TEXT, "")
    together = complete(model, prompt)
    assert together == {policy: complete(model, prompt, (policy,))[policy] for policy in POLICIES}
    assert len({sample.text for sample in together.values()}) > 1


def test_a_plain_penalty_lowers_what_stood_before(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(repetition, "PLAIN", 10.0)
    model, prompt = writing(), Prompt("e)\n", "")
    samples = complete(model, prompt)
    assert samples["plain_penalty"].text != samples["greedy"].text


def test_prompts_that_loop_are_found_by_running_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(repetition, "LOOPS_FROM", 0.2)
    advanced: list[None] = []
    found = looping(writing(), (Prompt(TEXT + word, "") for word in "abcd"), 2, advance=lambda: advanced.append(None))
    assert len(found) == len(advanced) == 2
    assert looping(writing(), iter(()), 2) == []


def test_one_line_ends_behind_text():
    line = OneLine()
    assert line.push("\n ") is None
    assert line.push("a") is None
    assert line.push(" = 1\n") is not None


def test_the_table_has_every_policy_and_measure():
    table = measure(writing(), [Prompt(TEXT, "")], [Prompt(TEXT, "", "(a, a)\n")])
    assert set(table) == set(POLICIES)
    for row in table.values():
        assert set(row) == {"ends", "grammar_4gram_duplicates", "statement_duplicates", "parses", "infill_exact_match"}
        assert torch.isfinite(torch.tensor(list(row.values()))).all()


def test_the_command_prints_what_others_read():
    arguments = ["repetition", "--limit", "1", "--threads", "1", "--json"]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    table = json.loads(result.stdout)
    assert set(POLICIES) <= set(table)
