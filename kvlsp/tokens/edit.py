"""One kind of modification of a token sequence: a range of document tokens replaced by ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class TokenEdit:
    """Document tokens [start, end) are replaced by ``ids`` (int32). Minimal: no id in common at either
    end."""

    start: int
    end: int
    ids: Ids

    @property
    def delta(self) -> int:
        """By how many tokens everything after the edit moves."""
        return len(self.ids) - (self.end - self.start)

    @property
    def changes_nothing(self) -> bool:
        """Whether the document's ids stay as they are."""
        return self.start == self.end and not len(self.ids)


def common_beginning(old: Ids, new: Ids) -> int:
    """How many ids both arrays share at their beginning."""
    shortest = min(len(old), len(new))
    different = old[:shortest] != new[:shortest]
    return int(different.argmax()) if different.any() else shortest


def common_ends(old: Ids, new: Ids, head_first: int) -> tuple[int, int]:
    """(head, tail): how many ids both arrays share at their beginning and at their end, together as many as
    possible.

    Where the two could overlap (equal ids in a row) the head takes up to ``head_first`` ids, then the tail
    what it can, then the head the rest.
    """
    most = common_beginning(old, new)
    shortest = min(len(old), len(new))
    rest = shortest - max(min(most, head_first), 0)
    tail = common_beginning(old[len(old) - rest :][::-1], new[len(new) - rest :][::-1])
    return min(most, shortest - tail), tail
