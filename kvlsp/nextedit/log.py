"""What was changed last, in which order: the edits of the last minutes, in memory only, never on disk.

Keystrokes at one place are one record: what stood there, and what stands there now. What follows from a record is
worked out in :mod:`kvlsp.nextedit.change`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kvlsp.text.edit import Edit

RECORDS = 16
"""So many places are remembered ..."""
SECONDS = 300.0
"""... for so long ..."""
LONGEST = 4000
"""... and of each so many characters at most, what stood there and what stands there together: more is a paste or a
reload, and says nothing about what comes next."""
_NEAR = 1
"""Characters between a record and an edit that still belongs to it."""


@dataclass(frozen=True, slots=True)
class Record:
    """[start, end) of the text as it is now stands where ``old`` stood; ``at`` in seconds."""

    start: int
    end: int
    old: str
    at: float

    def takes(self, edit: Edit) -> bool:
        """Whether the edit goes on with this record."""
        return edit.start <= self.end + _NEAR and edit.end >= self.start - _NEAR

    def moved(self, edit: Edit) -> Record:
        """After an edit that is not its own."""
        return replace(self, start=edit.shift(self.start), end=max(edit.shift(self.start), edit.shift(self.end)))


class EditLog:
    """Follows the edits of one document; the newest record is last."""

    def __init__(self, records: int = RECORDS, seconds: float = SECONDS) -> None:
        self._records: deque[Record] = deque(maxlen=records)
        self._seconds = seconds

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    @property
    def last(self) -> Record | None:
        return self._records[-1] if self._records else None

    def follow(self, edit: Edit, before: str, around: tuple[str, str], at: float) -> bool:
        """``edit`` replaced the text ``before``; ``around`` are the :data:`_NEAR` characters on its two sides.

        Returns whether it begins a record of its own.
        """
        if edit.changes_nothing:
            return False
        while self._records and at - self._records[0].at > self._seconds:
            self._records.popleft()
        last = self.last
        if last is not None and last.takes(edit):
            joined = _joined(last, edit, before, around, at)
            self._records.pop()
            self._shift(edit)
            if joined is not None:
                self._records.append(joined)
            return False
        self._shift(edit)
        if len(before) + len(edit.text) <= LONGEST:
            self._records.append(Record(edit.start, edit.start + len(edit.text), before, at))
        return True

    def forget(self) -> None:
        self._records.clear()

    def _shift(self, edit: Edit) -> None:
        moved = [record.moved(edit) for record in self._records]
        self._records.clear()
        self._records.extend(moved)


def _joined(record: Record, edit: Edit, before: str, around: tuple[str, str], at: float) -> Record | None:
    """The record with ``edit`` in it; None where it has become too long."""
    left, right = around
    # what the edit took away outside of the record, and what lies between the two, stood there before the record
    head = before[: max(0, min(record.start, edit.end) - edit.start)]
    tail = before[len(before) - max(0, edit.end - max(record.end, edit.start)):]
    if edit.end < record.start:
        head += right[: record.start - edit.end]
    if edit.start > record.end:
        tail = left[len(left) - (edit.start - record.end):] + tail
    start = min(record.start, edit.start)
    end = max(record.end, edit.end) + edit.delta
    old = head + record.old + tail
    return Record(start, end, old, at) if len(old) + end - start <= LONGEST else None
