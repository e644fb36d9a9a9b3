"""Real changes replayed hunk by hunk: after each one, where did the programmer go next?

A file goes from one release to the next a hunk at a time, from the top. After each hunk the state is asked for places;
the next hunk's lines are the truth, and any hunk that is still to come makes a shown place right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kvlsp.config import Settings
from kvlsp.engine.next_edit import NextEditJob
from kvlsp.engine.reader import Reader
from kvlsp.laboratory.evaluation.edits_versions import Hunk, Revision
from kvlsp.nextedit.change import Change
from kvlsp.nextedit.features import Judged
from kvlsp.nextedit.places import places
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language
from kvlsp.text import document
from kvlsp.text.document import Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope

WIDEST = 40
"""Lines of a hunk at most: wider ones are generated code, not edits."""
LINES = 250
"""Lines of a file that are looked at."""
HISTORY = 4


@dataclass(frozen=True)
class Asked:
    """A text after a hunk: which ``changes`` led there (the last one last), what the model says of it, the line range
    of the ``next`` hunk and those of all that are still to come; a range is empty where lines are only put in."""

    name: str
    text: str
    changes: tuple[Change, ...]
    judged: Judged
    next: tuple[int, int]
    coming: tuple[tuple[int, int], ...]
    truth: str
    """The lines that stand in the next hunk's place in the end."""


@dataclass(frozen=True)
class Shown:
    """What kvlsp says: lines in their ``order``, those of them that it shows, and the texts that it proposes."""

    order: list[int]
    shown: list[int]
    texts: list[tuple[int, str]]


def excerpts(revisions: Iterable[Revision], lines: int = LINES) -> Iterator[Revision]:
    """Pieces of the files with at least two hunks in them."""
    for revision in revisions:
        first = 0
        while first + 1 < len(revision.hunks):
            top = max(0, revision.hunks[first].start - lines // 5)
            inside = [hunk for hunk in revision.hunks[first:] if hunk.end <= top + lines]
            if len(inside) >= 2:
                yield Revision(revision.package, revision.path, revision.before[top : top + lines], tuple(
                    Hunk(hunk.start - top, hunk.end - top, hunk.lines) for hunk in inside))
            first += max(1, len(inside))


def replay(model: Model, revision: Revision, settings: Settings, rows: int = 256, *,
           write: bool = True) -> Iterator[tuple[Asked, Shown]]:
    """Ask after every hunk but the last; without ``write`` no texts are made."""
    text = "".join(revision.before)
    reader = Reader(model, Snapshot(revision.path, 0, Rope.of(text), "python"), context=model.decoder.context_length)
    while reader.step(rows):
        pass
    records: list[tuple[int, int, str]] = []
    shift = 0
    for number, hunk in enumerate(revision.hunks[:-1]):
        starts = _starts(text)
        start, end = starts[hunk.start + shift], starts[min(hunk.end + shift, len(starts) - 1)]
        whole = Edit(start, end, "".join(hunk.lines))
        edit = whole.minimised(text[start:end])
        records = [(one.shift(a), max(one.shift(a), one.shift(b)), old) for a, b, old in records for one in (edit,)]
        old, text = text[edit.start : edit.end], text[: edit.start] + edit.text + text[edit.end :]
        records = [*records, (edit.start, edit.start + len(edit.text), old)][-HISTORY:]
        shift += len(hunk.lines) - (hunk.end - hunk.start)
        reader.settle()
        after = Snapshot(revision.path, number + 1, Rope.of(text), "python")
        reader.edit((document.Change(edit, after.text),), after)
        while reader.step(rows):
            pass
        following = revision.hunks[number + 1]
        if max(hunk.end - hunk.start, len(hunk.lines)) > WIDEST or not (old + edit.text).strip():
            continue
        coming = tuple((one.start + shift, one.end + shift) for one in revision.hunks[number + 1 :])
        asked = Asked(f"{revision.package}/{revision.path}", text,
                      tuple(Change.of(text, a, b, was) for a, b, was in records), reader.judged(), coming[0], coming,
                      "".join(following.lines))
        yield asked, _shown(model, reader, asked, settings, write)


def _shown(model: Model, reader: Reader, asked: Asked, settings: Settings, write: bool) -> Shown:
    found = places(asked.text, asked.changes, asked.judged, Language.of("python"))
    shown = [place.line for place in found if place.shown]
    texts = []
    if write and shown:
        proposals = NextEditJob(model, reader, asked.changes, settings).run()
        texts = [(one.place.line, one.text) for one in proposals]
    return Shown([place.line for place in found], shown, texts)


def right(line: int, hunks: Iterable[tuple[int, int]]) -> bool:
    """Whether a place on ``line`` is one of the ``hunks``; where lines are put in, the lines on both sides are."""
    return any(start <= line < end if end > start else start - 1 <= line <= start for start, end in hunks)


def _starts(text: str) -> list[int]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts
