"""Pieces of other files, encoded once and kept apart from any document: placing one is a copy and a rotation.

A chunk is encoded alone behind the control prefix that all chunks share, at whatever positions: what is kept are
un-rotated keys and values. Placed behind other chunks it has not seen them, so its rows are stale there, nearest to
the boundary most (EPIC, arXiv 2410.15332; CacheBlend, arXiv 2405.16444), and the repair budget and the refresh treat
them like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.repair import Copied, Given, Repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.staleness import FAR
from kvlsp.cache.store import Holding
from kvlsp.cache.stored import Stored, taken_out
from kvlsp.model.decoder import Decoder
from kvlsp.prompt.layout import Ids, Layout

Key = bytes


@dataclass(slots=True)
class Chunk:
    """Rows that were encoded behind the tokens ``behind`` (m,) and nothing else."""

    stored: Stored
    behind: Ids
    used_at: float = 0.0

    @property
    def rows(self) -> int:
        return len(self.stored)

    @property
    def nbytes(self) -> int:
        return self.stored.nbytes


class ChunkEncoding:
    """A chunk on its way: ``ids`` (n,) encoded behind the shared prefix ``behind`` (m,), a forward at a time."""

    def __init__(self, decoder: Decoder, key: Key, behind: Ids, ids: Ids) -> None:
        self.key = key
        self.complete = False
        rows = len(behind) + len(ids)
        self._first = len(behind)
        self._cache = ResidentCache(decoder, limit=rows)
        self._behind = behind
        layout = Layout(np.concatenate([behind, ids]), np.arange(rows), (0, 0), (0, 0), text_last=True)
        self._repair = Repair(self._cache, layout)

    def advance(self, rows: int) -> int:
        """Encode up to ``rows`` more rows; how many were encoded, 0 when all are."""
        done = self._repair.step(rows)
        self.complete = self._repair.complete
        return done

    def chunk(self) -> Chunk:
        """What was encoded, without the shared prefix; to be asked for once all is."""
        slots = torch.from_numpy(self._cache.rows.slots[self._first :])
        return Chunk(taken_out(self._cache.arrays(), slots), self._behind)


class ChunkStore:
    """Encoded chunks by key, of one model. Bounded from outside: :meth:`holdings` and :meth:`drop`."""

    def __init__(self) -> None:
        self._chunks: dict[Key, Chunk] = {}
        self.nbytes = 0
        """Of all chunks together; kept as a sum, since it is asked for after every step."""

    def __contains__(self, key: Key) -> bool:
        return key in self._chunks

    def __len__(self) -> int:
        return len(self._chunks)

    def get(self, key: Key) -> Chunk | None:
        return self._chunks.get(key)

    def put(self, key: Key, chunk: Chunk, now: float) -> None:
        self.drop(key)
        chunk.used_at = now
        self._chunks[key] = chunk
        self.nbytes += chunk.nbytes

    def touch(self, keys: Iterable[Key], now: float) -> None:
        """Note that the chunks with these keys were wanted at ``now``."""
        for key in keys:
            if key in self._chunks:
                self._chunks[key].used_at = now

    def holdings(self) -> list[Holding[str | Key]]:
        return [Holding(key, chunk.nbytes, chunk.used_at, chunk.rows) for key, chunk in self._chunks.items()]

    def drop(self, key: Key) -> None:
        chunk = self._chunks.pop(key, None)
        if chunk is not None:
            self.nbytes -= chunk.nbytes

    def clear(self) -> None:
        self._chunks.clear()
        self.nbytes = 0


@dataclass(frozen=True, slots=True)
class Lent:
    """A chunk that a layout wants: its row i has the cell ``cell - i`` there. ``unseen`` rows stand between the shared
    prefix and it: other chunks, which it was encoded without."""

    cell: int
    chunk: Chunk
    unseen: int


def giving(lent: Callable[[], Iterable[Lent]]) -> Given:
    """For :func:`kvlsp.cache.repair.repair`: rows that need no forward. ``lent`` is asked only if rows are missing."""

    def give(cache: ResidentCache, missing: npt.NDArray[np.int64]) -> Copied:
        cells = cache.rows.cells[missing]
        given, exact = [missing[:0]], missing[:0]
        for one in lent() if len(missing) else ():
            place = one.cell - cells
            mine = (place >= 0) & (place < one.chunk.rows)
            if mine.any():
                copy(cache, one, missing[mine], place[mine])
                given.append(missing[mine])
                if _leads(cache, one):
                    exact = missing[mine]
        return Copied(np.sort(np.concatenate(given)), exact)

    return give


def _leads(cache: ResidentCache, lent: Lent) -> bool:
    """Whether the chunk stands behind the very tokens that it was encoded behind, from the layout's first row on."""
    behind, rows = lent.chunk.behind, cache.rows
    return (len(rows) > len(behind) and int(rows.cells[len(behind)]) == lent.cell
            and np.array_equal(rows.ids[: len(behind)], behind))


def copy(cache: ResidentCache, lent: Lent, rows: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> None:
    """Write chunk rows ``places`` into the resident ``rows`` (both (n,)), keys rotated to where these stand."""
    resident = cache.rows
    lent.chunk.stored.restore(cache.decoder, cache.arrays(), torch.from_numpy(resident.slots[rows]),
                              torch.from_numpy(resident.positions[rows]), torch.from_numpy(places))
    stale = cache.staleness
    stale.changes[rows] = lent.unseen
    stale.nearest[rows] = places + 1 if lent.unseen else FAR
    stale.since[rows] = cache.plans if lent.unseen else -1
