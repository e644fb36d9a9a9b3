"""HumanEval-Infilling (Bavarian et al. 2022): the problems and where their files lie."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

from kvlsp.errors import ConfigurationError

FILES = {
    "single_line": "HumanEval-SingleLineInfilling.jsonl.gz",
    "random_span": "HumanEval-RandomSpanInfillingLight.jsonl.gz",
}


@dataclass(frozen=True)
class Problem:
    """A function with a hole: `prompt` + `solution` + `suffix` passes `test`, which calls
    `check(entry_point)`.
    """

    task: str
    entry_point: str
    prompt: str
    suffix: str
    solution: str
    test: str

    def program(self, middle: str) -> str:
        """The whole program to run when the hole is filled with `middle`."""
        return f"{self.prompt}{middle}{self.suffix}\n{self.test}\ncheck({self.entry_point})\n"


def data_folder(given: Path | None = None) -> Path:
    """The folder with the benchmark's files: `given`, or data/human-eval-infilling below the folder that the
    environment variable KVLSP_SHARED names.

    Raises ConfigurationError when they are not there.
    """
    shared = os.environ.get("KVLSP_SHARED")
    folder = given or (Path(shared) / "data" / "human-eval-infilling" if shared else None)
    if folder is not None and (folder / FILES["single_line"]).exists():
        return folder
    where = f"are not in {folder}" if folder else "do not come with kvlsp"
    raise ConfigurationError(
        f"The HumanEval-Infilling files ({', '.join(FILES.values())}) {where}. Get them from the repository "
        "openai/human-eval-infilling on GitHub, and name their folder with --data."
    )


def load_problems(kind: str, folder: Path, limit: int | None = None) -> list[Problem]:
    """All problems of a kind (`single_line`, `random_span`), or `limit` of them spread evenly over the
    file.
    """
    with gzip.open(folder / FILES[kind], "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    if limit is not None and limit < len(records):
        records = [records[i * len(records) // limit] for i in range(limit)]
    return [
        Problem(
            record["task_id"],
            record["entry_point"],
            record["prompt"],
            record["suffix"],
            record["canonical_solution"],
            record["test"],
        )
        for record in records
    ]
