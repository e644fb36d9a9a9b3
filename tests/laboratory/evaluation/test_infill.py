from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.evaluation.infill import Score, answer, answers, first_line
from kvlsp.laboratory.evaluation.problems import FILES, Problem, data_folder, load_problems

ADD = Problem(
    "Add/0", "add", "def add(a, b):\n", "    return total\n", "    total = a + b\n",
    "def check(candidate):\n    assert candidate(2, 3) == 5\n",
)  # fmt: skip


def shared_data() -> Path:
    beside = Path(__file__).parents[4] / "shared"
    folder = Path(os.environ.get("KVLSP_SHARED", beside)) / "data" / "human-eval-infilling"
    if not folder.exists():
        pytest.skip("the HumanEval-Infilling files are not beside the checkout; set KVLSP_SHARED")
    return folder


@pytest.mark.parametrize(
    ("middle", "exact", "outcome"),
    [
        ("    total = a + b\n", True, "passed"),
        ("    total = a + b  ", True, "passed"),
        ("    total = b + a\n", False, "passed"),
        ("    total = a - b\n", False, "failed"),
        ("total = a + b\n", False, "failed"),
        ("    total = a + b\n    return 0\n", True, "passed"),  # only the first line counts
        ("", False, "failed"),
    ],
)
def test_a_single_line_is_scored(middle: str, exact: bool, outcome: str):
    scored = answer(ADD, lambda prefix, suffix: middle, single_line=True)
    assert (scored.exact, scored.outcome) == (exact, outcome)


def test_of_a_span_all_lines_count():
    scored = answer(ADD, lambda prefix, suffix: "    total = a + b\n    return 0\n", single_line=False)
    assert (scored.exact, scored.outcome) == (False, "failed")


def test_the_completer_sees_prefix_and_suffix():
    seen = []
    answers(
        [ADD],
        lambda prefix, suffix: seen.append((prefix, suffix)) or "",
        True,
        check=lambda program: "failed",
    )
    assert seen == [("def add(a, b):\n", "    return total\n")]


def test_scores_are_percentages():
    outcomes = iter(["passed", "failed", "passed"])
    found = answers(
        [ADD] * 3, lambda prefix, suffix: ADD.solution, True, check=lambda program: next(outcomes)
    )
    assert Score.of(found) == Score(3, 100.0, 66.67)
    assert Score.of([]) == Score(0, 0.0, 0.0)


def test_first_line():
    assert first_line("a\nb") == "a\n"
    assert first_line("a\r\nb") == "a\n"
    assert first_line("a") == "a\n"
    assert first_line("") == ""


def test_a_limit_spreads_over_the_file(tmp_path: Path):
    record = {"entry_point": "f", "prompt": "", "suffix": "", "canonical_solution": "", "test": ""}
    with gzip.open(tmp_path / FILES["single_line"], "wt", encoding="utf-8") as out:
        for i in range(10):
            out.write(json.dumps({"task_id": str(i), **record}) + "\n")
    assert [problem.task for problem in load_problems("single_line", tmp_path, 3)] == ["0", "3", "6"]
    assert len(load_problems("single_line", tmp_path)) == 10
    assert data_folder(tmp_path) == tmp_path


def test_missing_data_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigurationError, match=r"are not in .*nowhere.*--data"):
        data_folder(tmp_path / "nowhere")
    monkeypatch.delenv("KVLSP_SHARED", raising=False)
    with pytest.raises(ConfigurationError, match=r"do not come with kvlsp.*--data"):
        data_folder()


def test_the_benchmark_is_whole_and_its_own_solutions_pass():
    folder = shared_data()
    single, spans = load_problems("single_line", folder), load_problems("random_span", folder)
    assert (len(single), len(spans)) == (1033, 164)
    for problem in [*single[::200], *spans[::40]]:
        scored = answer(problem, lambda prefix, suffix, problem=problem: problem.solution, problem in single)
        assert scored.exact
        assert scored.outcome == "passed", problem.task
