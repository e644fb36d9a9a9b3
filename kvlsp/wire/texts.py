"""The texts of one client's open documents, which both ends of a wire have: so edits can travel as edits."""

from __future__ import annotations

from kvlsp.errors import WireError
from kvlsp.text.document import Snapshot
from kvlsp.wire.limits import MOST_CHARACTERS, MOST_DOCUMENTS


class Texts:
    """Snapshots by URI, within bounds: beyond them :class:`WireError`, and nothing has changed."""

    def __init__(self) -> None:
        self._snapshots: dict[str, Snapshot] = {}
        self._characters = 0

    def get(self, uri: str) -> Snapshot | None:
        return self._snapshots.get(uri)

    def set(self, snapshot: Snapshot) -> None:
        known = self._snapshots.get(snapshot.uri)
        characters = self._characters + len(snapshot.text) - (len(known.text) if known is not None else 0)
        if characters > MOST_CHARACTERS:
            raise WireError(f"The open documents have more than {MOST_CHARACTERS} characters; close some.")
        if known is None and len(self._snapshots) >= MOST_DOCUMENTS:
            raise WireError(f"More than {MOST_DOCUMENTS} documents are open; close some.")
        self._snapshots[snapshot.uri], self._characters = snapshot, characters

    def drop(self, uri: str) -> None:
        known = self._snapshots.pop(uri, None)
        self._characters -= len(known.text) if known is not None else 0
