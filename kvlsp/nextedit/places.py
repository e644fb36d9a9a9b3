"""Where the next edit is: the lines of a text in the order in which they are worth looking at, after some changes.

Two ways lead to a place. A name that became another where it is defined is to be followed wherever it means the same
(:mod:`kvlsp.nextedit.scopes`). Anything else is a matter of evidence: :data:`WEIGHTS` says what each witness of
:mod:`kvlsp.nextedit.features` counts for. They were fitted to 501 changes of ten packages none of which is evaluated
with (docs/decisions has how); a number that somebody likes better belongs there first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from kvlsp.nextedit.change import Change
from kvlsp.nextedit.features import NAMES, Judged, Lines, contains, features
from kvlsp.nextedit.near import Near
from kvlsp.nextedit.scopes import Scopes
from kvlsp.nextedit.words import occurrences
from kvlsp.syntax.language import Language

Kind = Literal["rename", "repeat", "rewrite", "edit"]
"""Follow a name, make the same change again, let the model write the line, or what a model made for it says."""

WEIGHTS: Final = {
    "drop": 0.391, "highest": 0.101, "unlikely": 0.133, "surprise": 0.182, "share": 0.772, "alike": 0.419,
    "alike_earlier": 2.675, "beginning": 0.552, "fresh": 0.144, "below": 6.357, "distance": -1.443, "next": -1.066,
    "indented": 0.138,
}
LEAST: Final = 0.5
"""Of the lines of a text, the share of belief that a line needs to be shown without a name that leads there: on the
changes above, nine of ten lines shown were changed by the programmer later."""
LEAST_DROP: Final = 0.1
"""Nats by which some token of a line has to have become less likely, or no other evidence counts: a line that reads as
it did before the changes is no place."""
PLACES: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Line ``line`` of a text, ``text[start:end]`` without its end. ``belief`` in [0, 1]; ``candidates`` are texts that
    the changes suggest for it, the best first."""

    line: int
    start: int
    end: int
    kind: Kind
    belief: float
    candidates: tuple[str, ...] = ()

    @property
    def shown(self) -> bool:
        """Whether the evidence is enough to say it to somebody who did not ask."""
        return self.belief >= LEAST


def places(text: str, changes: Sequence[Change], judged: Judged, language: Language | None, *,
           most: int = PLACES, refused: Collection[int] = ()) -> list[Place]:
    """The best places after ``changes`` (the last one last), at most ``most``; none without a change.

    Of a long text only the lines near the last change are looked at (:mod:`kvlsp.nextedit.near`); never lines of the
    last change, but for a name in them that has to follow, nor those in ``refused``.
    """
    near = Near.of(text, changes, judged)
    if not near.changes:
        return []
    lines, last = Lines(near.text), near.changes[-1]
    found = _followed(near.text, lines, near.changes, language)
    if found is None:
        found = _by_evidence(lines, near.changes, near.judged)
    own = range(*lines.span(last.start, max(last.end, last.start + 1)))
    kept = [place for place in found if place.line + near.line not in refused
            and (place.line not in own or place.kind == "rename")]
    return [replace(place, line=place.line + near.line, start=place.start + near.start, end=place.end + near.start)
            for place in kept[:most]]


def _followed(text: str, lines: Lines, changes: Sequence[Change], language: Language | None) -> list[Place] | None:
    """Where a name that became another still has to follow: the newest such change that leaves anything to do. None
    where the last change has nothing to do with one, empty where it was the last to follow."""
    last = changes[-1].renamed
    follows = False
    for change in reversed(changes):
        found = _named(text, lines, change, language)
        if found and (change is changes[-1] or last is None or last == change.renamed):
            return found
        follows = follows or (found is not None and last == change.renamed)
    return [] if follows else None


def _named(text: str, lines: Lines, change: Change, language: Language | None) -> list[Place] | None:
    """The lines that still have the old name of what was renamed, from the change on downwards, then from the top. None
    where the change renamed nothing."""
    renamed = change.renamed
    if renamed is None:
        return None
    old, new = renamed
    scopes = Scopes(language, text)
    at = next((one for one in occurrences(text, new, change.start, change.end) if scopes.defines(one, new)), None)
    if at is None:
        return None
    starts: dict[int, list[int]] = {}
    for one in scopes.same(old, new, at):
        if one.same:
            starts.setdefault(lines.at(one.start), []).append(one.start)
    here = lines.at(at)
    result = []
    for line in sorted(starts, key=lambda line: (line < here, line)):
        begin, own = lines.starts[line], lines.texts[line]
        for start in reversed(starts[line]):
            own = own[: start - begin] + new + own[start - begin + len(old) :]
        result.append(Place(line, begin, begin + len(lines.texts[line]), "rename", 1.0, (own,)))
    return result


def _by_evidence(lines: Lines, changes: Sequence[Change], judged: Judged) -> list[Place]:
    table = features(lines, judged, changes)
    belief = believed(table, changed=_changed(lines, changes[-1]))
    belief[table[:, NAMES.index("highest")] < LEAST_DROP] = 0
    result = []
    for line in np.argsort(-belief, kind="stable")[:20].tolist():
        if not belief[line]:
            break
        candidates = _repeated(lines, line, changes)
        begin = lines.starts[line]
        result.append(Place(line, begin, begin + len(lines.texts[line]), "repeat" if candidates else "rewrite",
                            float(belief[line]), candidates))
    return result


def believed(table: npt.NDArray[np.float32], changed: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """How likely each line is the next to be changed, (lines,): what is ``changed`` already, or blank, is not."""
    weights = np.array([WEIGHTS[name] for name in NAMES])
    scores = table.astype(np.float64) @ weights
    scores[changed] = -np.inf
    if not np.isfinite(scores).any():
        return np.zeros(len(table))
    chances: npt.NDArray[np.float64] = np.exp(scores - scores[np.isfinite(scores)].max())
    shares: npt.NDArray[np.float64] = chances / chances.sum()
    return shares


def _changed(lines: Lines, change: Change) -> npt.NDArray[np.bool_]:
    blank = np.array([not line.strip() for line in lines.texts])
    first, last = lines.span(change.start, max(change.end, change.start + 1))
    blank[first:last] = True
    return blank


def _repeated(lines: Lines, line: int, changes: Sequence[Change]) -> tuple[str, ...]:
    """The line with the same thing replaced as in one of the changes, the newest first."""
    text, found = lines.texts[line], []
    for change in reversed(changes):
        for old, new in change.substitutions():
            if contains(lines.pieces[line], old):
                repeated = _with(text, old, new, change)
                if repeated is not None and repeated != text:
                    found.append(repeated)
    return tuple(dict.fromkeys(found))[:3]


def _with(text: str, old: Sequence[str], new: Sequence[str], change: Change) -> str | None:
    """``text`` with the pieces ``old`` replaced as ``change`` replaced them, white space as it was there."""
    here, there = _spelled(text, old), _spelled(change.old, old)
    if here is None or there is None:
        return None
    wanted = _spelled(change.new, new) if new else ""
    if wanted is None:
        return None
    return text.replace(here, wanted)


def _spelled(text: str, run: Sequence[str]) -> str | None:
    """How a run of pieces is written in ``text``."""
    for start in occurrences(text, run[0]) if run[0].isidentifier() else _found(text, run[0]):
        at = start
        for piece in run:
            while at < len(text) and text[at].isspace():
                at += 1
            if not text.startswith(piece, at):
                break
            at += len(piece)
        else:
            return text[start:at]
    return None


def _found(text: str, part: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(part, at)]
