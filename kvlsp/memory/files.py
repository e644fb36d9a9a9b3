"""The memory of a workspace: which files it knows, read in pieces, within a bound of bytes.

    memory.hear([(path, text)])     # costs nothing
    while memory.waits:
        memory.step(encode, vocabulary)     # a piece of a text, or one pass over the table

Whoever tells a file chooses its name. Where there are too many, the one that was told first goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from kvlsp.memory.ngrams import NgramTable

BOUND = 32 << 20
"""Bytes of a table, for one and a half million tokens of a small vocabulary."""
PIECE = 8192
"""Characters that are tokenized in a step."""
BATCH = 1 << 12
"""Tokens from which on what was read is sorted into the table: more at once would keep a keystroke waiting."""
WAITING = 16 << 20
"""Characters of texts that wait at most; of more, those that came first are left out."""

Encode = Callable[[str], Sequence[int]]


@dataclass(slots=True)
class _Known:
    number: int
    tokens: int = 0


class WorkspaceMemory:
    """``bound`` is in bytes. One thread."""

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        self._numbers = count()
        self.forget()

    def forget(self) -> None:
        """Know nothing, and wait for nothing."""
        self.table: NgramTable | None = None
        """What is known of all files that were read; another one after each change."""
        self._waiting: dict[str, str] = {}
        self._characters = 0
        self._known: dict[str, _Known] = {}
        self._dead: set[int] = set()
        """Numbers of files whose rows are still in the table."""
        self._fresh: list[tuple[int, Sequence[int]]] = []
        """Texts that are not in it yet."""
        self._reading: tuple[_Known, Iterator[str]] | None = None

    def hear(self, files: Iterable[tuple[str, str]]) -> None:
        """Names and texts of files as they are now; one without text is forgotten."""
        for name, text in files:
            self._characters += len(text) - len(self._waiting.pop(name, ""))
            self._waiting[name] = text
        while self._characters > WAITING:
            first = next(iter(self._waiting))
            self._characters -= len(self._waiting.pop(first))

    @property
    def waits(self) -> bool:
        """Whether :meth:`step` has something to do."""
        return bool(self._waiting or self._fresh or self._dead or self._reading)

    @property
    def files(self) -> int:
        return len(self._known)

    def number(self, name: str) -> int | None:
        """The number of a file's rows in the table; None where it has none."""
        known = self._known.get(name)
        return known.number if known is not None else None

    def step(self, encode: Encode, vocabulary: int) -> None:
        """A little of it; ``encode`` makes token ids below ``vocabulary``, at every step the same ones."""
        full = sum(len(ids) for _, ids in self._fresh) >= BATCH
        if self._reading is not None and not full:
            self._read(encode)
        elif self._waiting and not full:
            self._begin(*next(iter(self._waiting.items())))
        elif self._dead and self.table is not None:
            self.table, self._dead = self.table.without(self._dead), set()
        else:
            self._join(vocabulary)

    def _begin(self, name: str, text: str) -> None:
        self._characters -= len(self._waiting.pop(name))
        self._drop(name)
        if text:
            known = self._known[name] = _Known(next(self._numbers))
            self._reading = known, pieces(text)

    def _read(self, encode: Encode) -> None:
        assert self._reading is not None
        known, rest = self._reading
        piece = next(rest, None)
        if piece is None:
            self._reading = None
            return
        ids = encode(piece)
        known.tokens += len(ids)
        self._fresh.append((known.number, ids))

    def _join(self, vocabulary: int) -> None:
        """What is fresh goes into the table; what there is no room for any more leaves it with the next step."""
        self._dead.clear()  # there is no table that they could be in
        fresh = NgramTable.of(vocabulary, self._fresh)
        self._fresh = []
        self.table = fresh if self.table is None else self.table.joined(fresh)
        over = self.table.nbytes - self._bound
        per_token = self.table.nbytes / max(1, len(self.table))
        for name, known in list(self._known.items()):
            if over <= 0:
                break
            self._drop(name)
            over -= round(known.tokens * per_token)

    def _drop(self, name: str) -> None:
        known = self._known.pop(name, None)
        if known is not None:
            self._dead.add(known.number)
            self._fresh = [text for text in self._fresh if text[0] != known.number]
            if self._reading is not None and self._reading[0] is known:
                self._reading = None


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of about :data:`PIECE` characters that end with lines, where lines are not longer."""
    first = 0
    while first < len(text):
        end = first + PIECE
        if end < len(text):
            end = (text.rfind("\n", first, end) + 1) or end
        yield text[first:end]
        first = end
