"""Which rows to encode again when pieces of other files are placed before a document from what was encoded once.

A placed piece was encoded alone behind the head that all pieces share, so it knows nothing of the pieces before it, and
the document knows nothing of any. The policies differ in which of these rows they encode again at once; the one that
kvlsp uses is the repair budget.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.choosing import Choice
from kvlsp.cache.chunks import ChunkEncoding, Lent
from kvlsp.cache.plan import Plan
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.worth import worthiest
from kvlsp.laboratory.evaluation.crossfile_layouts import Asked
from kvlsp.model.decoder import Decoder
from kvlsp.model.keyvalues import KeyValues

TEMPERATURE = 0.9
"""Of :func:`sharpened`."""

_FORWARD = 256


def lent(decoder: Decoder, asked: Asked) -> tuple[Lent, ...]:
    """Every piece of a case, encoded alone behind the head."""
    ids, head = asked.whole.ids, asked.head
    found = []
    for start, end in asked.pieces:
        encoding = ChunkEncoding(decoder, b"", ids[: head[1]], ids[start:end])
        while encoding.advance(_FORWARD):
            pass
        found.append(Lent(int(asked.whole.cells[start]), encoding.chunk(), start - head[1]))
    return tuple(found)


def first_of_each(asked: Asked, count: int) -> Choice:
    """The first ``count`` rows of each piece that stands behind another, and of the document (EPIC, arXiv
    2410.15332)."""
    starts = [*asked.pieces[1:], (asked.pieces[-1][1], len(asked.whole))]
    rows = np.concatenate([np.arange(first, min(first + count, last)) for first, last in starts])
    return lambda cache, plan, wanted: rows


def most_deviating(true: ResidentCache, budget: int, layer: int = 1) -> Choice:
    """The rows whose values differ most from the true ones at one layer (CacheBlend, arXiv 2405.16444).

    An oracle: it is given the true values, where CacheBlend encodes all rows up to that layer to get them.
    """
    def choose(cache: ResidentCache, plan: Plan, wanted: bool) -> npt.NDArray[np.int64]:
        values, wanted_values = KeyValues.of(cache.arrays()).values, KeyValues.of(true.arrays()).values
        at = min(layer, len(values) - 1)
        ours = values[at][:, torch.from_numpy(cache.rows.slots)]
        theirs = wanted_values[at][:, torch.from_numpy(true.rows.slots)]
        apart = (ours - theirs).float().square().sum((0, 2)).cpu().numpy()
        apart[cache.staleness.changes == 0] = 0  # exact, or about to be encoded anyway
        return np.sort(np.argsort(-apart, kind="stable")[:budget])

    return choose


def sharpened(cache: ResidentCache, asked: Asked, temperature: float) -> None:
    """Divide all scores of keys in the pieces by ``temperature``, as APE does (arXiv 2502.05431; without its scale):
    scores are linear in the keys. The head, which pieces share, stays as it is."""
    arrays = KeyValues.of(cache.arrays())
    slots = torch.from_numpy(cache.rows.slots[asked.pieces[0][0] : asked.pieces[-1][1]])
    with torch.inference_mode():
        for keys in arrays.keys:
            keys[:, slots] = keys[:, slots] / temperature


Maker = Callable[[Asked, ResidentCache], "Choice | None"]
"""(case, exact cache with context) -> rows to encode again at once."""


def makers(budget: int, first: int) -> dict[str, Maker]:
    """By the names of the table: ``budget`` rows where a policy has one, ``first`` of each piece for EPIC."""
    return {
        "chunks": lambda asked, full: None,
        "chunks_ape": lambda asked, full: None,
        "chunks_epic": lambda asked, full: first_of_each(asked, first),
        "chunks_deviation": lambda asked, full: most_deviating(full, budget),
        "chunks_repair": lambda asked, full: worthiest(budget),
    }
