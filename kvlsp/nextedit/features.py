"""What is known of each line of a text as the place of the next edit: numbers, a row a line.

Three witnesses: the model (where the text has become unlikely), the words that the last changes took away, and how far
a line is from the last change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log1p

import numpy as np
import numpy.typing as npt

from kvlsp.nextedit.change import Change
from kvlsp.nextedit.words import pieces

NAMES = (
    "drop", "highest", "unlikely", "surprise", "share", "alike", "alike_earlier", "beginning", "fresh", "below",
    "distance", "next", "indented",
)
"""The columns of :func:`features`."""

_MOST = 6.0
"""Nats of one token's drop that count at most: rare words are no better places than common ones."""

_COMPARED = 100
"""Lines that were changed with which each line of the text is compared at most: the last ones."""


@dataclass(frozen=True)
class Judged:
    """Tokens of a text as the model sees it: ``starts`` (n,) characters, ascending, ``drop`` (n,) nats by which each
    has become less likely, ``now`` (n,) its log-probability, NaN where unknown."""

    starts: npt.NDArray[np.int64]
    drop: npt.NDArray[np.float32]
    now: npt.NDArray[np.float32]


class Lines:
    """Where the lines of a text begin, and their words."""

    def __init__(self, text: str) -> None:
        self.texts = text.split("\n")
        self.starts = [0]
        for line in self.texts[:-1]:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.pieces = [pieces(line) for line in self.texts]

    def __len__(self) -> int:
        return len(self.texts)

    def at(self, offset: int) -> int:
        """The line in which an offset lies."""
        return bisect_right(self.starts, offset) - 1

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Lines [first, last) that [start, end) touches; none for an empty range."""
        first = self.at(start)
        return (first, first) if end <= start else (first, self.at(end - 1) + 1)


def features(lines: Lines, judged: Judged, changes: Sequence[Change]) -> npt.NDArray[np.float32]:
    """(lines, :data:`NAMES`) for ``changes``, the last one last; at least one."""
    change = changes[-1]
    table = np.zeros((len(lines), len(NAMES)), np.float32)
    column = {name: table[:, number] for number, name in enumerate(NAMES)}
    _of_model(lines, judged, column)
    seen = Counter(word for words in lines.pieces for word in set(words))
    rare = {word: log((1 + len(lines)) / (1 + seen[word])) for word in seen}
    removed = {word: rare.get(word, 0.0) for word in change.removed}
    whole = sum(removed.values()) or 1.0
    olds = [set(pieces(line)) for line in change.old.split("\n") if line.strip()]
    earlier_olds = [set(pieces(line)) for one in changes[:-1] for line in one.old.split("\n") if line.strip()]
    olds, earlier_olds = olds[:_COMPARED], earlier_olds[-_COMPARED:]
    beginnings = {words[0] for one in changes for line in one.old.split("\n") if (words := pieces(line))}
    first, last = lines.span(change.start, max(change.end, change.start + 1))
    indent = _indent(lines.texts[first]) if first < len(lines) else 0
    for number, words in enumerate(lines.pieces):
        own = set(words)
        column["share"][number] = sum(removed[word] for word in own & removed.keys()) / whole
        column["alike"][number] = _alike(own, olds)
        column["fresh"][number] = bool(own & change.added)
        column["alike_earlier"][number] = _alike(own, earlier_olds)
        column["beginning"][number] = bool(words) and words[0] in beginnings
        away = number - last + 1 if number >= last else first - number
        column["below"][number] = number >= last
        column["distance"][number] = log1p(max(0, away))
        column["next"][number] = number >= last and away <= 2
        column["indented"][number] = _indent(lines.texts[number]) == indent
    return table


def _of_model(lines: Lines, judged: Judged, column: dict[str, npt.NDArray[np.float32]]) -> None:
    if not len(judged.starts):
        return
    line = np.searchsorted(np.asarray(lines.starts), judged.starts, side="right") - 1
    drop = np.clip(np.nan_to_num(judged.drop, nan=0.0), 0, _MOST)
    np.add.at(column["drop"], line, np.where(drop > 0.2, drop, 0))
    np.maximum.at(column["highest"], line, drop)
    count = np.bincount(line, minlength=len(lines)).clip(1)
    np.add.at(column["surprise"], line, np.clip(-np.nan_to_num(judged.now, nan=0.0), 0, 12))
    column["surprise"] /= count
    column["drop"][:] = np.log1p(column["drop"])
    np.maximum.at(column["unlikely"], line, np.clip(-np.nan_to_num(judged.now, nan=0.0), 0, 12))


def _alike(words: set[str], lines: Sequence[set[str]]) -> float:
    """The largest share of words that a line has in common with one of ``lines``."""
    return max((len(words & old) / len(words | old) for old in lines if words), default=0.0)


def contains(words: Sequence[str], run: Sequence[str]) -> bool:
    """Whether ``run`` stands somewhere in ``words`` as it is."""
    first, length = run[0], len(run)
    return any(word == first and tuple(words[at : at + length]) == tuple(run) for at, word in enumerate(words))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
