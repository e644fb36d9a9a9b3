"""Near-duplicate detection by shared runs of lines.

Interpreters of several versions and vendored copies make most of a machine's Python files copies of one another. A file
is described by the hashes of its runs of three consecutive non-blank lines (stripped); two files are near duplicates
when they share most of them.
"""

from __future__ import annotations

from collections.abc import Iterable

_RUN = 3


def fingerprints(text: str) -> set[int]:
    """Hashes of every run of three consecutive non-blank stripped lines. Valid within one process."""
    lines = [stripped for line in text.split("\n") if len(stripped := line.strip()) > 2]
    return {hash(tuple(lines[i : i + _RUN])) for i in range(max(1, len(lines) - _RUN + 1))}


class SeenRuns:
    """The runs of lines of all texts added so far; tells what share of a new text is already known."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._seen: set[int] = set()
        for text in texts:
            self.add(fingerprints(text))

    def add(self, prints: set[int]) -> None:
        self._seen |= prints

    def share(self, prints: set[int]) -> float:
        """Share of `prints` seen before, 0 to 1."""
        return len(prints & self._seen) / max(1, len(prints))
