"""Which files a memory of the workspace has been told of, and which it is to be told of next.

Those that changed last, as far as there is room; never one that must not be read, is open, or is too long for people to
have written it. A file at a time, the one that changed last comes last. No texts are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kvlsp.syntax.language import Language
from kvlsp.workspace.index import Index
from kvlsp.workspace.messages import Recalled, Recollect
from kvlsp.workspace.reading import Stamp

LONGEST: Final = 128 << 10
"""Bytes of a file; in longer ones there is data more often than code."""


class Recollection:
    """See the module. ``send`` takes what is told."""

    def __init__(self, send: Callable[[Recalled], None]) -> None:
        self._send = send
        self._wanted = Recollect(())
        self._told: dict[Path, Stamp] = {}
        self._queue: list[tuple[Index, Path, Stamp]] = []
        """The next one last."""
        self._changed = False

    def ask(self, wanted: Recollect) -> None:
        """From now on of these languages, within this bound."""
        self._wanted = wanted
        self.changed()

    def changed(self) -> None:
        """To be called when files were read, opened or closed."""
        self._changed = bool(self._wanted.languages or self._told)

    @property
    def waits(self) -> bool:
        """Whether :meth:`step` has something to do."""
        return self._changed or bool(self._queue)

    def step(self, indexes: Sequence[Index]) -> None:
        """Work out which files to tell, or tell one of them."""
        if self._changed:
            self._changed = False
            self._look(indexes)
        elif self._queue:
            index, path, stamp = self._queue.pop()
            self._told[path] = stamp  # also where it cannot be read now: it is told when its stamp is another
            self._send(Recalled(((str(path), index.source(path, stamp)),)))

    def _look(self, indexes: Sequence[Index]) -> None:
        found = {path: (index, stamp) for index in indexes for path, stamp in index.stamps().items()
                 if 0 <= stamp.size <= LONGEST and self._counts(path)}
        chosen: list[tuple[Index, Path, Stamp]] = []
        room = self._wanted.characters
        for path, (index, stamp) in sorted(found.items(), key=lambda one: (-one[1][1].modified, one[0])):
            room -= stamp.size
            if room < 0:
                break
            chosen.append((index, path, stamp))
        gone = self._told.keys() - {path for _, path, _ in chosen}
        for path in gone:
            del self._told[path]
        if gone:
            self._send(Recalled(tuple((str(path), "") for path in sorted(gone))))
        self._queue = [one for one in chosen if self._told.get(one[1]) != one[2]]

    def _counts(self, path: Path) -> bool:
        language = Language.of(path.suffix.lower())
        return language is not None and language.name in self._wanted.languages
