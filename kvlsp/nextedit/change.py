"""What one change says about the rest of a file: which words it took away, and which name became which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from kvlsp.nextedit.words import is_name, names, pieces, replaced_runs

_MOST_RUNS = 6


@dataclass(frozen=True)
class Change:
    """Whole lines ``old`` of a text became ``text[start:end]``, ``new``. ``first`` is the offset in the text of what
    was really changed."""

    start: int
    end: int
    old: str
    new: str
    first: int

    @classmethod
    def of(cls, text: str, start: int, end: int, old: str) -> Change:
        """The change that put ``text[start:end]`` where ``old`` stood, widened to whole lines."""
        above = text.rfind("\n", 0, start) + 1
        below = text.find("\n", end)
        below = len(text) if below < 0 else below
        whole = (old or "\n").endswith("\n") and (text[start:end] or "\n").endswith("\n")
        if whole and start == above:  # whole lines were put in, or taken away, or became others
            below = end
        return cls(above, below, text[above:start] + old + text[end:below], text[above:below], start)

    @cached_property
    def runs(self) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Runs of words and signs that differ, old beside new."""
        return replaced_runs(pieces(self.old), pieces(self.new))

    @cached_property
    def removed(self) -> frozenset[str]:
        """Names that are gone from these lines."""
        return frozenset(names(self.old)) - frozenset(names(self.new))

    @cached_property
    def added(self) -> frozenset[str]:
        return frozenset(names(self.new)) - frozenset(names(self.old))

    @cached_property
    def renamed(self) -> tuple[str, str] | None:
        """(old, new) where one name became another and nothing else was changed."""
        pairs = set()
        for old, new in self.runs:
            if len(old) != 1 or len(new) != 1 or not is_name(old[0]) or not is_name(new[0]):
                return None
            pairs.add((old[0], new[0]))
        return pairs.pop() if len(pairs) == 1 else None

    def substitutions(self) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Runs that may be repeated elsewhere: something became something else. None where there are many of them."""
        runs = [(old, new) for old, new in dict.fromkeys(self.runs) if old and any(map(is_name, old))]
        return runs if len(runs) <= _MOST_RUNS else []
