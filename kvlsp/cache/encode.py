"""The only place that encodes rows of the document: a forward over resident rows, and how far exact ones reach then.

Which rows are encoded, and when, is decided in :mod:`kvlsp.cache.repair` (after a change) and
:mod:`kvlsp.cache.refresh` (at rest).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.plan import common_head
from kvlsp.cache.resident import ResidentCache
from kvlsp.model.rows import RowBatch
from kvlsp.tracing import span


def encode_rows(cache: ResidentCache, rows: npt.NDArray[np.int64],
                wanted: npt.NDArray[np.bool_] | None, *, judge: bool = False) -> torch.Tensor:
    """One forward over resident rows (ascending), in place; logits of the ``wanted`` ones (mask over rows). ``judge``:
    nobody waits for this forward, so it may also work out how likely the text is, if that is wanted."""
    resident = cache.rows
    chosen = np.flatnonzero(wanted) if wanted is not None else np.empty(0, np.int64)
    asked, exact = chosen, np.empty(0, np.int64)
    known = cache.likelihoods if judge or not cache.judges_at_rest else None
    if known is not None:  # those that will be exact when they are encoded say what they think of the next
        exact = np.flatnonzero(rows < min(_reached(cache, rows), solid(cache)))
        chosen = np.union1d(asked, exact)
    with span("encode", rows=len(rows)):
        logits = cache.decoder.forward(cache.arrays(), RowBatch(
            torch.from_numpy(resident.ids[rows].astype(np.int64)),
            torch.from_numpy(resident.positions[rows]),
            torch.from_numpy(resident.slots[rows]),
            torch.from_numpy(chosen),
        ))  # fmt: skip
    cache.staleness.encoded(rows, resident.positions[rows] < resident.prefix[0])
    if cache.unwritten is not None:
        cache.unwritten[rows] = False
    reach(cache, rows)
    if known is None:
        return logits
    known.read(rows[exact], resident.ids, logits[torch.from_numpy(np.isin(chosen, exact))])
    return logits[torch.from_numpy(np.isin(chosen, asked))]


def reach(cache: ResidentCache, rows: npt.NDArray[np.int64]) -> None:
    """The frontier runs over those of ``rows`` (ascending), encoded as they stand, that follow it without a gap."""
    cache.frontier = min(_reached(cache, rows), solid(cache))


def _reached(cache: ResidentCache, rows: npt.NDArray[np.int64]) -> int:
    ahead = rows[rows >= cache.frontier]
    return cache.frontier + int(np.argmin(np.append(ahead, -1) == cache.frontier + np.arange(len(ahead) + 1)))


def solid(cache: ResidentCache) -> int:
    """Rows up to the first gap, which an interrupted repair leaves: nothing behind it can be exact."""
    return common_head(cache.rows.positions, np.arange(len(cache.rows)))
