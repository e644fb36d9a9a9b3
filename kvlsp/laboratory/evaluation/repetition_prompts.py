"""Places at which small models loop: tables, tests and chains that were begun, and files cut while they are written.

A deterministic stream of candidates; which of them make a model loop is found by running it. Also the ordinary holes
that the penalty must not spoil.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.training.corpus import SourceFile

BEFORE, AFTER = 3000, 1000
"""Characters on either side of the caret that the model sees; whole lines."""

_WORDS = ("name", "size", "path", "value", "color", "width", "total", "index", "title", "count", "label", "owner",
          "state", "price", "level", "offset", "length", "source", "target", "format")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A document cut at the caret, which stands at the start or the end of a line; ``solution``: what was there."""

    prefix: str
    suffix: str
    solution: str = ""
    language: str = "python"

    @property
    def seen(self) -> tuple[str, str]:
        """What the model sees of prefix and suffix."""
        above, below = self.prefix[-BEFORE:], self.suffix[:AFTER]
        if len(above) < len(self.prefix):
            above = above.partition("\n")[2]
        if len(below) < len(self.suffix):
            below = below.rpartition("\n")[0] + "\n"
        return above, below


def candidates(files: Sequence[SourceFile], seed: int = 0) -> Iterator[Prompt]:
    """Carets in files and scaffolds in turn, without end, the same ones for the same seed."""
    random = Random(seed)
    for number in itertools.count():
        scaffold = number % 3 == 2 or not files
        made = random.choice(SCAFFOLDS)(random) if scaffold else _caret(random, random.choice(files))
        if made is not None:
            yield made


def _caret(random: Random, file: SourceFile) -> Prompt | None:
    """The end of a line of code, half of the time with what follows taken away: a file that is being written."""
    lines = file.text.split("\n")
    if len(lines) < 20:
        return None
    number = random.randrange(8, len(lines) - 4)
    if not lines[number].strip():
        return None
    below = "\n".join(lines[number + 1 :]) if random.random() < 0.5 else ""
    return Prompt("\n".join(lines[: number + 1]), "\n" + below)


def _words(random: Random, count: int) -> list[str]:
    return random.sample(_WORDS, count)


def _list(random: Random) -> Prompt:
    words = _words(random, 4)
    rows = "".join(f'    "{word}",\n' for word in words)
    return Prompt(f"import os\n\n{random.choice(_WORDS).upper()}S = [\n{rows}", "")


def _dictionary(random: Random) -> Prompt:
    rows = "".join(f'    "{word}": {random.randrange(100)},\n' for word in _words(random, 4))
    return Prompt(f"DEFAULTS = {{\n{rows}", "")


def _table(random: Random) -> Prompt:
    rows = "".join(f'    ("{word}", {random.randrange(10)}, "{word[0]}"),\n' for word in _words(random, 3))
    return Prompt(f"# name, width, key\nROWS = (\n{rows}", "")


def _tests(random: Random) -> Prompt:
    word, *others = _words(random, 4)
    rows = "".join(f"        self.assertEqual(item.{other}, {random.randrange(20)})\n" for other in others)
    return Prompt(f"import unittest\n\n\nclass {word.title()}Test(unittest.TestCase):\n    def test_{word}(self):\n"
                  f"        item = make_{word}()\n{rows}", "")


def _chain(random: Random) -> Prompt:
    word, *others = _words(random, 4)
    rows = "".join(f"    {'el' if at else ''}if {word} == \"{other}\":\n        return {random.randrange(10)}\n"
                   for at, other in enumerate(others))
    return Prompt(f"def kind_of({word}):\n{rows}", "")


def _assignments(random: Random) -> Prompt:
    words = _words(random, 4)
    rows = "".join(f"        self.{word} = {word}\n" for word in words)
    return Prompt(f"class Item:\n    def __init__(self, {', '.join(words)}):\n{rows}", "")


def _calls(random: Random) -> Prompt:
    rows = "".join(f'parser.add_argument("--{word}", default={random.randrange(10)})\n' for word in _words(random, 3))
    return Prompt(f"import argparse\n\nparser = argparse.ArgumentParser()\n{rows}", "")


def _documentation(random: Random) -> Prompt:
    words = _words(random, 3)
    rows = "".join(f"    :param {word}: the {word} of the item\n" for word in words)
    return Prompt(f"def make_item({', '.join(words)}):\n    \"\"\"Make an item.\n\n{rows}", "")


SCAFFOLDS = (_list, _dictionary, _table, _tests, _chain, _assignments, _calls, _documentation)


def holes(count: int, folder: Path | None, sources: Sequence[SourceFile], seed: int = 0) -> list[Prompt]:
    """Ordinary one-line holes: HumanEval-Infilling's, or lines of ``sources`` where its files are not at hand."""
    from kvlsp.laboratory.evaluation.problems import data_folder, load_problems

    try:
        problems = load_problems("single_line", data_folder(folder), count)
    except ConfigurationError:
        if folder is not None:
            raise
        return _own_holes(count, sources, Random(seed))
    return [Prompt(problem.prompt, problem.suffix, problem.solution) for problem in problems]


def _own_holes(count: int, sources: Sequence[SourceFile], random: Random) -> list[Prompt]:
    found: list[Prompt] = []
    while len(found) < count:
        lines = random.choice(sources).text.split("\n")
        number = random.randrange(len(lines))
        if len(lines[number].strip()) >= 8:
            above, below = lines[:number], lines[number + 1 :]
            found.append(Prompt("\n".join([*above, ""]), "\n".join(below), lines[number] + "\n"))
    return found
