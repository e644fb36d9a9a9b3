"""The part of a long text that is looked at for the next edit: the lines around the last change.

Looking is done in one go, and a keystroke waits for it: what it takes must not grow with the document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kvlsp.nextedit.change import Change
from kvlsp.nextedit.features import Judged

REACH = 1 << 16
"""Characters above and below the last change."""


@dataclass(frozen=True)
class Near:
    """Whole lines ``text`` that begin at character ``start``, line ``line``, of a longer text, and what of the changes
    and tokens lies in them, in their offsets. ``changes`` are none where the last one does not."""

    text: str
    start: int
    line: int
    changes: tuple[Change, ...]
    judged: Judged

    @classmethod
    def of(cls, text: str, changes: Sequence[Change], judged: Judged) -> Near:
        """The lines near the last of ``changes``; all of a text that is not long."""
        if len(text) <= 2 * REACH or not changes:
            return cls(text, 0, 0, tuple(changes), judged)
        last = changes[-1]
        wanted, until = max(0, last.start - REACH), min(len(text), last.start + REACH)
        low = text.find("\n", wanted, until) + 1 if wanted else 0
        high = until if until == len(text) else text.rfind("\n", wanted, until)
        if high < last.end or not low <= last.start:
            return cls("", 0, 0, (), judged)  # a line as long as that
        inside = (judged.starts >= low) & (judged.starts < high)
        here = Judged(judged.starts[inside] - low, judged.drop[inside], judged.now[inside])
        moved = (replace(one, start=one.start - low, end=one.end - low, first=one.first - low) for one in changes
                 if low <= one.start and one.end <= high)
        return cls(text[low:high], low, text.count("\n", 0, low), tuple(moved), here)
