"""Editing histories with places to complete at, made from pairs of versions: text in, text out.

A case is a document, the edits that somebody made to it, and *points* behind them: near (the line after the last
edit), in the same function, and far. At each point one or two lines are taken out of the document before and after
the edits: what stands there is what a completion should say. The lines at the points are the same in both versions,
so only what the model knows of the edits differs between policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from kvlsp.laboratory.evaluation.edits_versions import Hunk, Revision
from kvlsp.text.edit import Edit

Region = Literal["near", "function", "far"]
REGIONS: tuple[Region, ...] = ("near", "function", "far")

_WIDEST = 40
"""Lines of a hunk at most: wider ones are generated code, not edits."""
_FAR = 40
"""Lines behind the last edit from which on a point is far."""
_LEAST_BEFORE = 3
"""Lines that stand before the first edit at least."""
_HOLE = 2
"""Lines taken out at a point."""


@dataclass(frozen=True, slots=True)
class Point:
    """A caret at the end of a line: ``behind`` characters before the end of the text, before and after the edits.

    ``truth`` is what stood there: a line end and the next line or two, without their last line end.
    """

    region: Region
    behind: int
    truth: str


@dataclass(frozen=True, slots=True)
class Case:
    """``edits`` lead from ``before``, each on the text that the one before left."""

    name: str
    before: str
    edits: tuple[Edit, ...]
    points: tuple[Point, ...]

    @property
    def after(self) -> str:
        text = self.before
        for edit in self.edits:
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text


def single_hunks(revisions: Iterable[Revision], characters: int) -> Iterator[Case]:
    """One case per hunk, in documents of about so many characters, the hunk a third from their top."""
    for revision in revisions:
        for number in range(len(revision.hunks)):
            case = _case(revision, number, number + 1, characters, lead=characters // 3)
            if case is not None:
                yield case


def many_hunks(revisions: Iterable[Revision], characters: int, hunks: int) -> Iterator[Case]:
    """One case per run of ``hunks`` consecutive hunks that fit a document of so many characters."""
    for revision in revisions:
        number = 0
        while number + hunks <= len(revision.hunks):
            case = _case(revision, number, number + hunks, characters, lead=characters // 8)
            if case is None:
                number += 1
            else:
                number += hunks
                yield case


def typed(revisions: Iterable[Revision], characters: int, strokes: int) -> Iterator[Case]:
    """Runs of hunks written as keystrokes, ``strokes`` of them: one edit deletes, one per character inserts."""
    for revision in revisions:
        first = 0
        while first < len(revision.hunks):
            last, written = first, 0
            while last < len(revision.hunks) and written < strokes:
                written += len("".join(revision.hunks[last].lines))
                last += 1
            case = _case(revision, first, last, characters, lead=characters // 8) if written >= strokes else None
            if case is None:
                first += 1
                continue
            first = last
            keyed = tuple(_keystrokes(case.edits))[:strokes]
            if len(keyed) == strokes:
                yield Case(case.name, case.before, keyed, case.points)


def drawn(cases: Iterable[Case], count: int, seed: int = 0) -> list[Case]:
    """``count`` of the cases, drawn evenly over packages."""
    packages: dict[str, list[Case]] = {}
    for case in cases:
        packages.setdefault(case.name.split("/")[0], []).append(case)
    random = Random(seed)
    for listed in packages.values():
        random.shuffle(listed)
    turns = [listed[turn] for turn in range(max(map(len, packages.values()), default=0))
             for listed in packages.values() if turn < len(listed)]
    return turns[:count]


def _keystrokes(edits: Iterable[Edit]) -> Iterator[Edit]:
    for edit in edits:
        if edit.end > edit.start:
            yield Edit(edit.start, edit.end, "")
        for offset, character in enumerate(edit.text):
            yield Edit(edit.start + offset, edit.start + offset, character)


def _case(revision: Revision, first: int, last: int, characters: int, lead: int) -> Case | None:
    """Hunks [first, last) in an excerpt that begins ``lead`` characters before them; None where it does not fit."""
    hunks = revision.hunks[first:last]
    if any(max(hunk.end - hunk.start, len(hunk.lines)) > _WIDEST for hunk in hunks):
        return None
    lines = revision.before
    top = _lines_back(lines, hunks[0].start, lead)
    if hunks[0].start - top < _LEAST_BEFORE:
        return None
    # what stands behind the hunks, up to the next one that is not applied
    bound = revision.hunks[last].start if last < len(revision.hunks) else len(lines)
    rest = hunks[-1].end
    room = characters - sum(map(len, lines[top:rest]))
    bottom = _lines_on(lines, rest, max(0, room))
    edited = _apply(lines[top:rest], hunks, top)
    places = _places(edited, lines[rest:bottom], bound - rest)
    touched = (line for hunk in hunks for line in (*hunk.lines, *lines[hunk.start : hunk.end]))
    if len(places) < 2 or not any(line.strip() for line in touched):
        return None
    tail, points = _holes(lines[rest:bottom], places)
    before = "".join(lines[top:rest]) + tail
    name = f"{revision.package}/{revision.path}:{hunks[0].start + 1}"
    return Case(name, before, tuple(_edits(before, lines[top:rest], hunks, top)), tuple(points))


def _apply(lines: Sequence[str], hunks: Sequence[Hunk], top: int) -> list[str]:
    edited = list(lines)
    for hunk in reversed(hunks):
        edited[hunk.start - top : hunk.end - top] = hunk.lines
    return edited


def _edits(before: str, lines: Sequence[str], hunks: Sequence[Hunk], top: int) -> Iterator[Edit]:
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    shift = 0
    for hunk in hunks:
        start, end = starts[hunk.start - top], starts[hunk.end - top]
        edit = Edit(start + shift, end + shift, "".join(hunk.lines))
        yield edit.minimised(before[start:end])
        shift += edit.delta


def _places(edited: Sequence[str], rest: Sequence[str], unchanged: int) -> list[tuple[Region, int]]:
    """Line indices into ``rest`` at which holes begin, ascending."""
    places: list[tuple[Region, int]] = []
    if not edited or not edited[-1].endswith("\n"):
        return places

    def fits(line: int, until: int) -> bool:
        taken = places[-1][1] + _HOLE if places else 0
        return (line >= taken and line + _HOLE < min(until, len(rest))
                and all(len(one.strip()) > 3 for one in rest[line : line + _HOLE]))

    if fits(0, unchanged):
        places.append(("near", 0))
    end = _function_end(edited, rest)
    inside = [line for line in range(4, end) if fits(line, end)]
    if inside:
        places.append(("function", inside[len(inside) // 2]))
    distant = [line for line in range(max(_FAR, end), len(rest)) if fits(line, len(rest))]
    if distant:
        places.append(("far", distant[0]))
    return places


def _function_end(edited: Sequence[str], rest: Sequence[str]) -> int:
    """How many lines of ``rest`` belong to the function that encloses the end of ``edited``; 0 for none."""
    below = 1 << 20
    for line in reversed(edited):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        if indent < below:
            below = indent
            if line.lstrip().startswith(("def ", "async def ")):
                break
    else:
        return 0
    for number, line in enumerate(rest):
        if line.strip() and len(line) - len(line.lstrip()) <= below:
            return number
    return len(rest)


def _holes(rest: Sequence[str], places: Sequence[tuple[Region, int]]) -> tuple[str, list[Point]]:
    """The text of ``rest`` without the lines at the places, and the points."""
    kept, taken = [], []
    left = 0
    for region, line in places:
        kept.append("".join(rest[left:line]))
        taken.append((region, "\n" + "".join(rest[line : line + _HOLE]).rstrip("\n")))
        left = line + _HOLE
    kept.append("".join(rest[left:]))
    points = [
        Point(region, sum(map(len, kept[number + 1 :])) + 1, truth)  # + 1: the caret is before the line end
        for number, (region, truth) in enumerate(taken)
    ]
    return "".join(kept), points


def _lines_back(lines: Sequence[str], line: int, characters: int) -> int:
    while line > 0 and characters > 0:
        line -= 1
        characters -= len(lines[line])
    return line


def _lines_on(lines: Sequence[str], line: int, characters: int) -> int:
    while line < len(lines) and characters > 0:
        characters -= len(lines[line])
        line += 1
    return line
