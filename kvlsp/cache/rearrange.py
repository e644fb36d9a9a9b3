"""Carries out a plan, all but its forwards: rows are freed, moved and adopted, and new ones get their slots."""

from __future__ import annotations

import numpy as np
import torch

from kvlsp.cache.plan import Plan
from kvlsp.cache.resident import ResidentCache, Rows


def rearrange(cache: ResidentCache, plan: Plan, counts: bool, apart: bool) -> int:
    """Free, move, give slots to what will be encoded; how many leading new rows were adopted from scratch."""
    layout, old = plan.layout, cache.rows
    adopted = _adoptable(cache, plan)
    scratch = cache.scratch
    solid = adopted if scratch is not None and scratch.exact and plan.frontier == plan.changed_at else 0
    slots = np.empty(len(layout), np.int64)
    slots[plan.kept_new] = old.slots[plan.kept_old]
    if adopted and scratch is not None:
        slots[plan.encode_new[:adopted]] = taken = np.asarray(scratch.slots[:adopted], np.int64)
        cache.table.adopt(taken)
        cache.arrays().adopt(torch.from_numpy(taken))
    cache.drop_scratch()
    cache.give_back(old.slots[plan.freed_old])
    new = plan.encode_new[adopted:]
    if apart:
        before = (new >= layout.prefix[0]) & (new < layout.prefix[1])
        new = np.concatenate([new[before], new[~before]])
    slots[new] = cache.take(len(new))
    if plan.moved.any():
        cache.decoder.move(
            cache.arrays(),
            torch.from_numpy(slots[plan.kept_new[plan.moved]]),
            torch.from_numpy(plan.kept_new[plan.moved]),
        )
    cache.plans += counts
    cache.staleness = cache.staleness.follow(plan, cache.plans)
    if cache.likelihoods is not None:
        cache.likelihoods = cache.likelihoods.follow(plan, edit=counts)
    cache.rows = Rows(layout.cells, layout.ids, slots, np.arange(len(layout), dtype=np.int64), layout.prefix)
    cache.frontier = plan.frontier + solid
    if cache.witness is not None:
        cache.witness.planned(plan, slots, adopted=adopted, counts=counts)
    return adopted


def _adoptable(cache: ResidentCache, plan: Plan) -> int:
    """How many of the last generation's rows are, token for token, the first new rows of the layout."""
    scratch, layout = cache.scratch, plan.layout
    if scratch is None or not layout.text_last or plan.changed_at != scratch.start:
        return 0
    start = scratch.start
    ids = np.asarray(scratch.ids, np.int32)
    new = layout.ids[start : start + len(ids)]
    same = new == ids[: len(new)]
    count = len(same) if same.all() else int(np.argmin(same))
    rows = plan.encode_new[:count]
    return int(np.count_nonzero(rows == np.arange(start, start + len(rows))))
