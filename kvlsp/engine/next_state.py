"""What is known of the next edits of one document."""

from __future__ import annotations

from dataclasses import dataclass, field

from kvlsp.engine.next_edit import NextEditJob
from kvlsp.engine.reader import Reader
from kvlsp.messages import NextEdit
from kvlsp.nextedit.log import EditLog
from kvlsp.text.document import Change, Snapshot


@dataclass(slots=True)
class NextState:
    """The log of its edits, who has read it how far, and what has been asked and turned down."""

    log: EditLog = field(default_factory=EditLog)
    reader: Reader | None = None
    behind: list[tuple[bool, tuple[Change, ...], Snapshot]] = field(default_factory=list)
    """Edits that the reader has not followed: whether one begins at a new place, the changes, the text after them."""
    job: NextEditJob | None = None
    request: NextEdit | None = None
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Lines, and what was turned down for them."""

    def refused_lines(self, text: str) -> list[int]:
        """The lines of a text for which something was turned down, were it for several of them together."""
        lines, found = text.split("\n"), set[int]()
        for old in {old for old, _ in self.refused}:
            wanted = old.split("\n")
            for number, line in enumerate(lines):
                if line == wanted[0] and lines[number:number + len(wanted)] == wanted:
                    found.update(range(number, number + len(wanted)))
        return sorted(found)
