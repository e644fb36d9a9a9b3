"""Ways to bring a cache from one layout to the next, from nothing known of an edit to all of it.

Each runs the same script of layouts on its own copy of one exact cache.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kvlsp.cache.choosing import SEAM, Choice, overdue
from kvlsp.cache.refresh import refresh, refresh_oldest
from kvlsp.cache.repair import Repaired, repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.slots import Slots, SlotTable
from kvlsp.model.decoder import Decoder
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rows import RowBatch
from kvlsp.prompt.layout import Layout

_OTHER_CHUNK = 96
_OVERDUE = 64
"""Rows that the caret has crossed or that have waited long, encoded between two edits, as the engine does while typing
goes on."""

POLICIES = ("full", "ignored", "conflict", "pie", "pie_seam", "pie_repair", "refreshed")
"""``pie`` encodes what is new and nothing else, as its paper has it; ``pie_seam`` the few rows right behind it as well
(:data:`kvlsp.cache.choosing.SEAM`), which is what kvlsp does without any budget; ``pie_repair`` has a budget."""


class Unrotated:
    """A decoder that gives kept tokens new positions but leaves their keys as they are ("conflict fast encoding" of
    arXiv 2407.03157): what a repair without rotation would be."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: KeyValues, rows: RowBatch) -> torch.Tensor:
        """As the decoder's own."""
        return self._decoder.forward(document, rows)

    def move(self, document: KeyValues, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """Positions only."""
        document.position[slots] = positions


@dataclass(slots=True)
class Spent:
    """Rows encoded and seconds taken by ``edits`` layouts."""

    edits: int = 0
    rows: int = 0
    seconds: float = 0.0


def copied(cache: ResidentCache, decoder: Decoder | None = None) -> ResidentCache:
    """The same rows in arrays of their own."""
    twin = ResidentCache(decoder or cache.decoder, cache.limit)
    twin.keyvalues = target = cache.arrays().copy()
    twin.table = SlotTable(target.capacity)
    taken = twin.table.take(target.capacity)
    kept = cache.table.of_document()
    twin.table.give_back(taken[torch.isin(torch.from_numpy(taken), torch.from_numpy(kept)).logical_not().numpy()])
    twin.rows, twin.frontier, twin.plans = cache.rows, cache.frontier, cache.plans
    twin.staleness = cache.staleness.select(np.arange(len(cache.rows)))
    return twin


def prefilled(decoder: Decoder, layout: Layout, limit: int, *, chunk: int = 256,
              wanted: bool = False) -> tuple[ResidentCache, Repaired, float]:
    """``layout`` encoded from nothing, and the seconds it took."""
    cache = ResidentCache(decoder, limit)
    began = time.perf_counter()
    result = repair(cache, layout, chunk=chunk, wanted=[len(layout) - 1] if wanted else ())
    return cache, result, time.perf_counter() - began


class Scattered(SlotTable):
    """Hands out slots in a drawn order, as a long history of edits would leave them."""

    def take(self, count: int, *, scratch: bool = False) -> Slots:
        """As :meth:`SlotTable.take`, in another order."""
        return np.random.default_rng(0).permutation(super().take(count, scratch=scratch))


def prefilled_otherwise(decoder: Decoder, layout: Layout, limit: int) -> ResidentCache:
    """``layout`` encoded from nothing in other chunks and other slots: the same but for the order of sums."""
    cache = ResidentCache(decoder, limit)
    cache.table = Scattered()
    repair(cache, layout, chunk=_OTHER_CHUNK)
    return cache


def followed(cache: ResidentCache, steps: tuple[Layout, ...], choose: Choice | None, spent: Spent, *,
             seam: int = SEAM) -> ResidentCache:
    """Bring the cache to one layout after the other; a repair also does what the engine does between keystrokes."""
    for layout in steps:
        began = time.perf_counter()
        result = repair(cache, layout, choose=choose, seam=seam)
        spent.rows += result.encoded + result.repaired
        if choose is not None and (overdue(cache) or len(cache.crossed_caret)):
            spent.rows += refresh_oldest(cache, _OVERDUE)
        spent.seconds += time.perf_counter() - began
        spent.edits += 1
    return cache


def refreshed(cache: ResidentCache, spent: Spent, rows: int = 256) -> ResidentCache:
    """Made exact, in chunks of ``rows``."""
    began = time.perf_counter()
    while done := refresh(cache, rows):
        spent.rows += done
    spent.seconds += time.perf_counter() - began
    return cache
