"""Offsets of a document that follow its text while it is edited: a stretch of it, and where somebody was lately.

Pure integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kvlsp.text.edit import Edit

APART: Final = 500
"""Characters within which two places count as one."""
MOST: Final = 4
"""Places that are remembered of one document."""


@dataclass(frozen=True, slots=True)
class Visit:
    """``when`` counts visits of all documents, so that the latest has the greatest number."""

    offset: int
    edited: bool
    when: int


class Visits:
    """Where one document was edited or visited, the latest first."""

    def __init__(self) -> None:
        self._visits: tuple[Visit, ...] = ()

    @property
    def latest(self) -> tuple[Visit, ...]:
        return self._visits

    def add(self, offset: int, when: int, *, edited: bool) -> None:
        """Somebody is here; a place close by is the same one, and stays an edited one."""
        near = [visit for visit in self._visits if abs(visit.offset - offset) <= APART]
        visit = Visit(offset, edited or any(one.edited for one in near), when)
        self._visits = (visit, *(one for one in self._visits if one not in near))[:MOST]

    def follow(self, edit: Edit) -> None:
        """The text was edited."""
        self._visits = tuple(Visit(edit.shift(one.offset), one.edited, one.when) for one in self._visits)


def stretched(within: tuple[int, int], edit: Edit) -> tuple[int, int]:
    """A stretch [start, end] after an edit; what is typed at either end belongs to it."""
    start, end = within
    return edit.shift(start), end + edit.delta if end >= edit.end else edit.shift(end)
