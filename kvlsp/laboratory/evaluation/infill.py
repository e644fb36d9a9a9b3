"""Scoring a completer on holes: exact match and pass rate. A completer is a plain callable.

Exact match compares middle and solution without white space at their ends (`str.rstrip`). Of a completion for
a single-line problem only the first line counts, with its line end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kvlsp.laboratory.evaluation.problems import Problem
from kvlsp.laboratory.evaluation.sandbox import Outcome, run

#: (prefix, suffix) -> what stands between them.
Complete = Callable[[str, str], str]


@dataclass(frozen=True)
class Answer:
    """One problem, filled in."""

    task: str
    middle: str
    exact: bool
    outcome: Outcome


@dataclass(frozen=True)
class Score:
    """Shares in percent over `problems` problems."""

    problems: int
    exact_match: float
    pass_rate: float

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Score:
        count = max(1, len(answers))
        exact = sum(answer.exact for answer in answers)
        passed = sum(answer.outcome == "passed" for answer in answers)
        return cls(len(answers), round(100 * exact / count, 2), round(100 * passed / count, 2))


def first_line(text: str) -> str:
    """The first line of `text` with a line end; the empty text stays empty."""
    line = text.split("\n", 1)[0].rstrip("\r")
    return line + "\n" if text else ""


def answer(problem: Problem, complete: Complete, single_line: bool, check: Callable[[str], Outcome] = run) -> Answer:
    """Fill one hole and run the program."""
    middle = complete(problem.prompt, problem.suffix)
    if single_line:
        middle = first_line(middle)
    exact = middle.rstrip() == problem.solution.rstrip()
    return Answer(problem.task, middle, exact, check(problem.program(middle)))


def answers(
    problems: Sequence[Problem],
    complete: Complete,
    single_line: bool,
    check: Callable[[str], Outcome] = run,
    advance: Callable[[], None] = lambda: None,
) -> list[Answer]:
    """Fill all holes; `advance` is called after each."""
    result = []
    for problem in problems:
        result.append(answer(problem, complete, single_line, check))
        advance()
    return result
