"""The rows of a document as they leave its cache: integers that say what they are, keys and values layer by layer.

What stands there of other files is left behind: it is placed anew. So rows behind it count as having missed that, like
rows behind any text that has gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.staleness import Staleness
from kvlsp.cache.stored import OwnRows, Stored, StoredRows, taken_out
from kvlsp.model.keyvalues import KeyValues
from kvlsp.prompt.layout import CONTEXT

Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Book:
    """What is known of rows, in layout order, each array (n,): token ``ids``, the ``markers``' cells (0 where a row is
    text), staleness as in :class:`kvlsp.cache.staleness.Staleness` (of its plans only whether there was one). The text
    before the caret are rows [``prefix[0]``, ``prefix[1]``); the first ``frontier`` rows are exact."""

    ids: npt.NDArray[np.int32]
    markers: Array
    changes: Array
    nearest: Array
    waits: npt.NDArray[np.bool_]
    without_prefix: npt.NDArray[np.bool_]
    prefix: tuple[int, int]
    frontier: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def text(self) -> Array:
        """The rows that are text, in the document's order."""
        rows = np.flatnonzero(self.markers == 0)
        before = (rows >= self.prefix[0]) & (rows < self.prefix[1])
        return np.concatenate([rows[before], rows[~before]])

    @property
    def caret(self) -> int:
        """Rows of :attr:`text` that stand before the caret."""
        first, end = self.prefix
        return int(np.count_nonzero(self.markers[first:end] == 0))

    def select(self, kept: Array) -> Book:
        """Of the rows ``kept`` (ascending): the others have gone, and what stands behind those has missed that."""
        gone = kept - np.arange(len(kept))  # rows that went before each
        last_gone = np.full(len(self), -1, np.int64)
        missing = np.setdiff1d(np.arange(len(self)), kept, assume_unique=True)
        last_gone[missing] = missing
        last_gone = np.maximum.accumulate(last_gone)[kept]
        behind = gone > 0
        solid = int(np.argmax(behind)) if behind.any() else len(kept)
        nearest = self.nearest[kept]
        first, end = np.searchsorted(kept, self.prefix).tolist()
        return Book(
            ids=self.ids[kept],
            markers=self.markers[kept],
            changes=self.changes[kept] + gone,
            nearest=np.where(behind, np.minimum(nearest, kept - last_gone), nearest),
            waits=self.waits[kept] | behind,
            without_prefix=self.without_prefix[kept],
            prefix=(first, end),
            frontier=min(self.frontier, solid),
        )

    @property
    def staleness(self) -> Staleness:
        """The same, for a cache that has made no plan yet."""
        return Staleness(self.changes, self.nearest, np.where(self.waits, 0, -1), self.without_prefix)


Layer = tuple[torch.Tensor, torch.Tensor]
"""Keys without rotation and values of a layer, (kv_heads, rows, width), in host memory."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Rows on their way out: ``layers()`` brings their keys and values, one layer after the other, in ``dtype``.
    ``shapes`` are (kv_heads, key width, value width) of each layer, ``nbytes`` what all of it takes."""

    book: Book
    shapes: tuple[tuple[int, int, int], ...]
    dtype: torch.dtype
    layers: Callable[[], Iterator[Layer]]
    own: Callable[[], OwnRows] | None = None
    """Brings all of them at once, where they lie in the cache of another engine; then there are no layers."""
    own_bytes: int = 0

    @property
    def nbytes(self) -> int:
        scalars = sum(heads * (key + value) for heads, key, value in self.shapes)
        return len(self.book) * scalars * self.dtype.itemsize + self.own_bytes


@dataclass(frozen=True, slots=True)
class Shelved:
    """Rows that have come back. ``per_row`` is what encoding one took in seconds, when they were kept."""

    book: Book
    stored: Stored
    per_row: float


def leaving(cache: ResidentCache, *, narrow: bool = True) -> Leaving | None:
    """The rows of ``cache``, which nobody changes until they have left; None when there are none.

    With ``narrow``, rows of more than sixteen bits a number are rounded to that, and none of them is exact any more:
    they are read at once, and encoded again at rest.
    """
    cache.drop_unwritten()
    rows, host = cache.rows, cache.host
    kept = np.flatnonzero(rows.cells > CONTEXT)
    if not isinstance(host or cache.keyvalues, StoredRows | KeyValues | None):
        return _of_another_engine(cache, kept)
    assert host is None or isinstance(host, StoredRows)
    arrays = KeyValues.of(cache.keyvalues) if cache.keyvalues is not None else None
    source = host.truth if host is not None else arrays.truth if arrays is not None else ()
    values = host.values if host is not None else arrays.values if arrays is not None else ()
    if not len(kept) or not source:
        return None
    wide = source[0].dtype
    dtype = torch.float16 if narrow and wide.itemsize > 2 else wide
    slots = torch.from_numpy(kept if host is not None else rows.slots[kept])

    def layers() -> Iterator[Layer]:
        for number in range(len(source)):
            if host is not None:
                yield tuple(narrowed(part[number].index_select(1, slots), dtype) for part in (source, values))  # type: ignore[misc]
            elif arrays is not None:
                one = StoredRows.store(arrays, slots, on_host=True, layers=slice(number, number + 1))
                yield narrowed(one.truth[0], dtype), narrowed(one.values[0], dtype)

    shapes = tuple((key.shape[0], key.shape[2], value.shape[2]) for key, value in zip(source, values, strict=True))
    return Leaving(_book(cache, kept, exact=dtype == wide), shapes, dtype, layers)


def _of_another_engine(cache: ResidentCache, kept: Array) -> Leaving | None:
    """The rows ``kept`` where only their engine can read them. What has not been brought to it yet is whole or not at
    all."""
    host: Any = cache.host
    resident, slots = cache.keyvalues, torch.from_numpy(cache.rows.slots[kept])
    if not len(kept) or (host is not None and len(host) != len(kept)):
        return None

    def bring() -> OwnRows:
        return host if host is not None else taken_out(resident, slots)  # type: ignore[arg-type, return-value]

    nbytes = len(kept) * cache.decoder.bytes_per_slot
    return Leaving(_book(cache, kept, exact=True), (), cache.decoder.dtype, lambda: iter(()), bring, nbytes)


def narrowed(rows: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """``rows`` in ``dtype``; what is larger than its largest number becomes that."""
    if rows.dtype == dtype:
        return rows
    most = torch.finfo(dtype).max
    return rows.clamp(-most, most).to(dtype)


def _book(cache: ResidentCache, kept: Array, *, exact: bool) -> Book:
    """What is known of the rows ``kept`` (ascending) once the others have gone."""
    rows, staleness = cache.rows, cache.staleness
    first, end = np.searchsorted(rows.positions, rows.prefix).tolist()
    whole = Book(rows.ids, np.where(rows.cells < 0, rows.cells, 0), staleness.changes, staleness.nearest,
                 staleness.since >= 0, staleness.without_prefix, (first, end), cache.frontier if exact else 0)
    return whole.select(kept)
