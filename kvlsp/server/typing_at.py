"""Was a request for the suggest list made by hand, or by an editor because somebody typed?

The protocol has one trigger kind, *invoked*, for a list that a person asked for and for one that an editor asks for
while a word is typed. What tells them apart is the edit before: see :meth:`LastKeys.automatic`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kvlsp.messages import EditDocument
from kvlsp.text.document import Snapshot

RECENT: Final = 1.0
"""Seconds after a key within which an editor has asked for its list, if it asks by itself."""


@dataclass(frozen=True, slots=True)
class _Key:
    version: int
    caret: int
    when: float


class LastKeys:
    """The last thing that was typed in each document, until it has been asked about. Times are handed in."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}

    def note(self, message: EditDocument, now: float) -> None:
        """A document was edited."""
        self._keys.pop(message.uri, None)
        if message.changes and (edit := message.changes[-1].edit).text:
            self._keys[message.uri] = _Key(message.after.version, edit.start + len(edit.text), now)

    def forget(self, uri: str) -> None:
        """A document was closed, or begun anew."""
        self._keys.pop(uri, None)

    def automatic(self, snapshot: Snapshot, offset: int, now: float) -> bool:
        """Whether a list is asked for at ``offset`` because a letter of a word was just typed there.

        The first question after a letter counts as the editor's; the next, and one that comes late, is a person's.
        """
        key = self._keys.pop(snapshot.uri, None)
        if key is None or (key.version, key.caret) != (snapshot.version, offset) or now - key.when > RECENT:
            return False
        before = snapshot.text.slice(offset - 1, offset)
        return before.isalnum() or before == "_"
