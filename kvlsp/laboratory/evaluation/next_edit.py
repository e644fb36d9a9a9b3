"""How good next edits are: renames whose uses are all known, and real changes replayed hunk by hunk.

Each beside what needs no model: a text search for what was removed, and the lines next to the last edit. Intervals are
drawn over files, since the places of one file are not independent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kvlsp.config import Settings
from kvlsp.engine.next_edit import NextEditJob
from kvlsp.engine.reader import Reader
from kvlsp.laboratory.evaluation.edits import paired_interval
from kvlsp.laboratory.evaluation.next_edit_hunks import Asked, Shown, right
from kvlsp.laboratory.evaluation.next_edit_renames import KINDS, Rename
from kvlsp.nextedit.change import Change
from kvlsp.nextedit.features import Judged, Lines
from kvlsp.nextedit.words import occurrences
from kvlsp.opening.model import Model
from kvlsp.text import document
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

FIRST = 3
"""Places that are looked at."""
WINDOW = 1700
"""Rows of the cache that reads a rename's file; some 700 of them are text."""
BELOW = 1800
"""Characters below a rename that are read."""


@dataclass(slots=True)
class Score:
    """One way to find places, a list entry per question: whether the next one was the first place, or among the first;
    of each place shown whether it was right, of each right one whether its text was."""

    files: list[str] = field(default_factory=list)
    first: list[bool] = field(default_factory=list)
    among: list[bool] = field(default_factory=list)
    shown: list[tuple[str, bool]] = field(default_factory=list)
    text: list[tuple[str, bool]] = field(default_factory=list)

    def add(self, file: str, hits: Sequence[bool], shown: Iterable[bool], text: Iterable[bool] = ()) -> None:
        """``hits`` say of the first places whether each is the next edit's."""
        self.files.append(file)
        self.first.append(any(hits[:1]))
        self.among.append(any(hits[:FIRST]))
        self.shown += [(file, one) for one in shown]
        self.text += [(file, one) for one in text]

    def figures(self) -> dict[str, Any]:
        """Shares in per cent, each with its 95 % interval and count."""
        whole = list(zip(self.files, self.first, strict=True)), list(zip(self.files, self.among, strict=True))
        return {"places": len(self.files), "recall_at_1": share(whole[0]), "recall_at_3": share(whole[1]),
                "precision": share(self.shown), "exact_text": share(self.text)}


def share(outcomes: Sequence[tuple[str, bool]]) -> dict[str, Any]:
    """``{percent, low, high, of}`` of outcomes by file."""
    if not outcomes:
        return {"percent": None, "low": None, "high": None, "of": 0}
    values = np.array([outcome for _, outcome in outcomes], float)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in outcomes))}
    low, high = paired_interval(values, [numbers[name] for name, _ in outcomes])
    return {"percent": round(100 * float(values.mean()), 1), "low": round(100 * low, 1), "high": round(100 * high, 1),
            "of": len(outcomes)}


# --- renames -----------------------------------------------------------------------------------------------------


def renames(model: Model, cases: Sequence[Rename], settings: Settings,
            advance: Callable[[], None] = lambda: None) -> dict[str, dict[str, Any]]:
    """Kind (and "all") -> way -> figures. A place is a line; it is right where a use of the renamed name stands."""
    scores: dict[str, dict[str, Score]] = {kind: {} for kind in (*KINDS, "all")}
    for case in cases:
        for way, (order, shown, texts) in _rename(model, case, settings).items():
            lines = Lines(case.after)
            true = {lines.at(use) for use in (*case.uses, *case.callers)}
            hits = [line == lines.at(case.next) for line in order]
            for kind in (case.kind, "all"):
                scores[kind].setdefault(way, Score()).add(
                    case.name, hits, (line in true for line in shown),
                    (text == _renamed(case, lines, line) for line, text in texts if line in true))
        advance()
    return {kind: {way: score.figures() for way, score in ways.items()} for kind, ways in scores.items() if ways}


_Said = tuple[list[int], list[int], list[tuple[int, str]]]
"""Lines in order, those that are shown, and what is proposed for them."""


def _rename(model: Model, case: Rename, settings: Settings) -> dict[str, _Said]:
    text, edit = case.after, case.edit
    lines = Lines(text)
    reader = Reader(model, Snapshot(case.name, 0, Rope.of(case.before), "python"), context=WINDOW,
                    until=case.definition + BELOW)
    while reader.step(256):
        pass
    after = Snapshot(case.name, 1, Rope.of(text), "python")
    reader.edit((document.Change(edit, after.text),), after)
    change = Change.of(text, edit.start, edit.start + len(edit.text), case.old)
    job = NextEditJob(model, reader, [change], settings, most=FIRST)
    found = job.run()
    here = lines.at(case.definition)
    below = [lines.at(at) for at in occurrences(text, case.old)]
    search = [*(line for line in below if line > here), *(line for line in below if line < here)]
    unlikely = _by_drop(reader.judged(), text, case.old, lines)
    near = _near(lines, here, here + 1)
    ours = [one.place.line for one in found]
    return {
        "kvlsp": (ours, ours, [(one.place.line, one.text) for one in found]),
        "model alone": (unlikely, unlikely[:FIRST], []),
        "text search": (search, search[:FIRST], []),
        "nearest lines": (near, near, []),
    }


def _by_drop(judged: Judged, text: str, word: str, lines: Lines) -> list[int]:
    """Lines with ``word``, those first where it has become most unlikely, if by a nat at least."""
    drops: dict[int, float] = {}
    for at in occurrences(text, word):
        first = max(0, int(np.searchsorted(judged.starts, at, side="right")) - 1)
        drop = float(judged.drop[first : int(np.searchsorted(judged.starts, at + len(word)))].sum())
        drops[lines.at(at)] = max(drop, drops.get(lines.at(at), 0.0))
    return sorted((line for line, drop in drops.items() if drop > 1), key=lambda line: -drops[line])


def _renamed(case: Rename, lines: Lines, line: int) -> str:
    """The line with every true use in it renamed."""
    text, begin = lines.texts[line], lines.starts[line]
    for use in sorted((*case.uses, *case.callers), reverse=True):
        if begin <= use < begin + len(lines.texts[line]):
            text = text[: use - begin] + case.new + text[use - begin + len(case.old) :]
    return text


def _near(lines: Lines, first: int, last: int) -> list[int]:
    """The next lines below [first, last) that are not blank, then those above."""
    below = [line for line in range(last, len(lines)) if lines.texts[line].strip()][:FIRST]
    above = [line for line in range(first - 1, -1, -1) if lines.texts[line].strip()][:FIRST]
    return [*below, *above][:FIRST]


# --- hunks -------------------------------------------------------------------------------------------------------


def hunks(asked: Iterable[tuple[Asked, Shown]], advance: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Way -> figures."""
    scores: dict[str, Score] = {}
    for one, said in asked:
        lines, change = Lines(one.text), one.changes[-1]
        first, last = lines.span(change.start, max(change.end, change.start + 1))
        ways: dict[str, tuple[list[int], list[int]]] = {
            "kvlsp": (said.order, said.shown),
            "text search": (found := _search(lines, change, first, last), found[:FIRST]),
            "nearest lines": (near := _near(lines, first, last), near),
        }
        for way, (order, shown) in ways.items():
            texts = ((line, text) for line, text in said.texts if right(line, [one.next])) if way == "kvlsp" else ()
            scores.setdefault(way, Score()).add(
                one.name, [right(line, [one.next]) for line in order],
                (right(line, one.coming) for line in shown),
                (text.strip() in [line.strip() for line in one.truth.splitlines()] for _, text in texts))
        advance()
    return {way: score.figures() for way, score in scores.items()}


def _search(lines: Lines, change: Change, first: int, last: int) -> list[int]:
    """Lines with a word that the change took away, below it first; those with more of the words are no better."""
    if not change.removed:
        return []
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in change.removed))
    found = [line for line, text in enumerate(lines.texts) if pattern.search(text) and not first <= line < last]
    return [*(line for line in found if line >= last), *(line for line in found if line < first)]
