"""Completions at real places of real files, to look at: as they came, good and bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from kvlsp.laboratory.evaluation.infill import Complete
from kvlsp.laboratory.training.corpus import SourceFile

_REACH = 4000


@dataclass(frozen=True)
class Sample:
    """A caret in a file, what the completer put there and what the author had written to the end of the
    line.
    """

    package: str
    path: str
    line: int
    before: str
    completed: str
    written: str

    def __str__(self) -> str:
        verdict = "same" if self.completed.rstrip() == self.written.rstrip() else "different"
        shown = self.completed.replace("\n", "\n    | ")
        return (
            f"{self.package}: {self.path}:{self.line}  ({verdict})\n{self.before}\u2588\n"
            f"    completed: {shown}\n    written:   {self.written}\n"
        )


def draw_samples(files: Sequence[SourceFile], complete: Complete, count: int, seed: int = 0) -> list[Sample]:
    """`count` carets inside code lines (no comment, no blank), at starts of words, all files equally
    likely.
    """
    random = Random(seed)
    samples: list[Sample] = []
    while len(samples) < count:
        file = random.choice(files)
        lines = file.text.split("\n")
        number = random.randrange(len(lines))
        line = lines[number]
        code = line.strip()
        if len(code) < 8 or code.startswith(("#", '"', "'")):
            continue
        indent = len(line) - len(line.lstrip())
        starts = [i for i in range(indent + 2, len(line) - 2) if not line[i - 1].isalnum() and line[i].isalnum()]
        column = random.choice([*starts, indent])
        prefix = "\n".join([*lines[:number], line[:column]])
        suffix = "\n".join(["", *lines[number + 1 :]])
        completed = complete(prefix[-_REACH:], suffix[:_REACH])
        before = "\n".join([*lines[max(0, number - 3) : number], line[:column]])
        samples.append(Sample(file.package, file.path, number + 1, before, completed, line[column:]))
    return samples
