"""Which open documents no memory of the workspace may be told of: those that would not be read if they were closed.

An open document is told of by whoever has its text, and only the workspace knows what is excluded or ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from kvlsp.workspace.ignore import Rules, name_refusal
from kvlsp.workspace.index import Index
from kvlsp.workspace.messages import Withheld
from kvlsp.workspace.refusal import Refusal

NAMED: Final = frozenset({Refusal.TOOL_FOLDER, Refusal.SECRET, Refusal.GENERATED, Refusal.EXCLUDED, Refusal.IGNORED})
"""What a document is withheld for: somebody's rules name it. Not on the disk yet, say, it may still be told of."""

Over = Callable[[Path], "Index | None"]
"""The index of the innermost root that a place lies in."""


class Withholding:
    """``send`` takes what is told: all of them, whenever they become others. At first there are none."""

    def __init__(self, send: Callable[[Withheld], None]) -> None:
        self._send = send
        self._paths: set[str] = set()
        self._told: tuple[str, ...] = ()

    def opened(self, path: str, place: Path | None, over: Over) -> None:
        """``path``: as the editor spells it; ``place``: where it really lies, None where nowhere."""
        if _is_withheld(place, over):
            self._paths.add(path)
        self._tell()

    def closed(self, path: str) -> None:
        self._paths.discard(path)
        self._tell()

    def look(self, places: Mapping[str, Path | None], over: Over) -> None:
        """The rules may be others now; ``places`` of all open documents by their paths."""
        self._paths = {path for path, place in places.items() if _is_withheld(place, over)}
        self._tell()

    def _tell(self) -> None:
        paths = tuple(sorted(self._paths))
        if paths != self._told:
            self._told = paths
            self._send(Withheld(paths))


def _is_withheld(place: Path | None, over: Over) -> bool:
    index = over(place) if place is not None else None
    return place is not None and index is not None and _refusal(index.rules, place) in NAMED


def _refusal(rules: Rules, place: Path) -> Refusal | None:
    return rules.below_folder(place.parent) or rules.listed(place, is_folder=False) or name_refusal(place.name)
