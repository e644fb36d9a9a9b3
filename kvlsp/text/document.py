"""The one mutable text of an open document, and the immutable snapshots that leave it.

The changes of one notification are applied one by one, each on the text that the one before left, because each of their
ranges refers to that text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from kvlsp.errors import VersionError
from kvlsp.text.batch import at_once
from kvlsp.text.diff import MOST
from kvlsp.text.edit import Edit
from kvlsp.text.pairs import halves, is_high, is_low, joined
from kvlsp.text.position import place_of
from kvlsp.text.rope import Rope
from kvlsp.text.units import PositionEncoding


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as it was at one version; safe to hand to any thread."""

    uri: str
    version: int
    text: Rope
    language: str


@dataclass(frozen=True, slots=True)
class Change:
    """A minimised edit and the whole text after it."""

    edit: Edit
    after: Rope


@dataclass(frozen=True, slots=True)
class RangeChange:
    """The characters between two (line, character) positions are replaced by ``text``."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True, slots=True)
class FullChange:
    """The whole text is now ``text``."""

    text: str


WORTH: Final = 2000
"""Characters of a text that are taken apart as quickly as one change is found and applied by itself."""

AnyChange: TypeAlias = RangeChange | FullChange


class Document:
    """An open document. One thread applies changes to it; what it hands out never changes."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @classmethod
    def open(cls, uri: str, language: str, version: int, text: str) -> Document:
        """A document as an editor opens it."""
        return cls(Snapshot(uri, version, Rope.of(text), language))

    @property
    def snapshot(self) -> Snapshot:
        """The document now."""
        return self._snapshot

    def apply(
        self, version: int, changes: Sequence[AnyChange], encoding: PositionEncoding
    ) -> tuple[Change, ...]:
        """Apply the changes of one notification and move to ``version``; all of them or, on an error, none.

        Each returned edit is minimised and refers to the text that the one before it left; a change that
        alters nothing leaves no edit, and many changes may come back as one. A range may begin or end between
        the two UTF-16 units of a character, and halves of characters that meet become one. Raises
        :class:`VersionError` when the version does not grow and :class:`PositionError` for a position that is
        negative, or inside a character's bytes.
        """
        current = self._snapshot
        if version <= current.version:
            raise VersionError(
                f"A change arrived with version {version} after version {current.version}. Versions must "
                "grow; the change was left out. Close and open the document again to bring both together."
            )
        applied = _applied(changes, current.text, encoding)
        text = applied[-1].after if applied else current.text
        self._snapshot = Snapshot(current.uri, version, text, current.language)
        return applied


def _applied(changes: Sequence[AnyChange], text: Rope, encoding: PositionEncoding) -> tuple[Change, ...]:
    """The changes one after the other; of what stands before a whole text nothing is left to see."""
    whole = max((number for number, change in enumerate(changes) if isinstance(change, FullChange)), default=-1)
    begun = _one_by_one(changes[whole : whole + 1], text, encoding) if whole >= 0 else ()
    text, rest = begun[-1].after if begun else text, changes[whole + 1 :]
    at_once = _at_once(rest, text, encoding)
    return begun + (at_once if at_once is not None else _one_by_one(rest, text, encoding))


def _at_once(changes: Sequence[AnyChange], text: Rope, encoding: PositionEncoding) -> tuple[Change, ...] | None:
    """Many changes as one, or none where they come to nothing; None where that is not quicker, or tells something
    else."""
    if len(changes) <= MOST or len(text) > len(changes) * WORTH:
        return None
    ranges = [(change.start, change.end, change.text) for change in changes if isinstance(change, RangeChange)]
    found = at_once(text, ranges, encoding) if len(ranges) == len(changes) else None
    if found is None:
        return None
    return () if found[0].changes_nothing else (Change(*found),)


def _one_by_one(changes: Sequence[AnyChange], text: Rope, encoding: PositionEncoding) -> tuple[Change, ...]:
    applied: list[Change] = []
    for change in changes:
        edit = _edit_of(change, text, encoding)
        if not edit.changes_nothing:
            text = text.replace(edit)
            applied.append(Change(edit, text))
    return tuple(applied)


def _edit_of(change: AnyChange, text: Rope, encoding: PositionEncoding) -> Edit:
    """The minimised edit of ``text`` that a change means."""
    if isinstance(change, FullChange):
        return Edit(0, len(text), change.text).minimised(str(text))
    first = place_of(text, *change.start, encoding)
    last = first if change.end == change.start else place_of(text, *change.end, encoding)
    if last < first:  # some editors send a range backwards
        first, last = last, first
    (start, start_inside), (end, end_inside), new = first, last, change.text
    if start_inside:
        new = halves(text.slice(start, start + 1))[0] + new
    if end_inside:
        new += halves(text.slice(end, end + 1))[1]
        end += 1
    if (is_low(new[:1]) or not new) and is_high(before := text.slice(start - 1, start)):
        start, new = start - 1, before + new
    if is_high(new[-1:]) and is_low(behind := text.slice(end, end + 1)):
        end, new = end + 1, new + behind
    edit = Edit(start, end, joined(new))
    return edit if start == end else edit.minimised(text.slice(start, end))
