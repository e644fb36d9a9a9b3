"""The only place that encodes rows of the document: bring a cache to a layout, or make it exact.

Kept rows are moved by rotating their keys from the un-rotated truth (positional integrity encoding, PIE,
arXiv 2407.03157), new rows are encoded left to right, and where a forward has room stale rows are encoded again.
A forward never sees half a change: rows are given their slots and positions before the first one, and what an
interruption leaves unwritten is taken out again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.plan import Plan, common_head
from kvlsp.cache.resident import ResidentCache, Rows
from kvlsp.errors import CacheFull
from kvlsp.model.decoder import DOCUMENT
from kvlsp.prompt.layout import Layout

Interrupted = Callable[[], bool]
Choice = Callable[[ResidentCache, Plan, bool], npt.NDArray[np.int64]]
"""Which stale layout rows are encoded along with a change (see :mod:`kvlsp.cache.worth`); True where logits are asked
for, False where rows are only brought up to date."""
Given = Callable[[ResidentCache, npt.NDArray[np.int64]], "Copied"]
"""Writes those of the missing layout rows that need no forward and names them (see :mod:`kvlsp.cache.chunks`)."""

CHUNK = 256
"""Rows of one forward, unless the caller knows better."""

CROSSED = 256
"""Rows that a jump of the caret encodes again at most, in suffix-first order (:func:`crossing`); the others are moved
like any kept row and follow behind the answer (:func:`freshen`). Rows that crossed know nothing of what stands before
them now, so more of them are worth their time than of rows that missed an edit."""
SEAM = 4
"""Kept rows right behind changed text that are encoded again with the change. What a row says of itself is mostly which
token stands before it, so they are nearly as wrong as what changed is new. Those that an interruption leaves are the
nearest behind a change, and so the first in the next budget (:mod:`kvlsp.cache.worth`)."""
SEAMS = 128
"""So many of them in all, where many places change at once (a name replaced everywhere): the next before the caret."""
LONGEST_WAIT = 64
"""Plans (about keystrokes) after which a stale row is encoded between two keystrokes."""
_STEP = 64
"""A jump over fewer rows is a step: it encodes what it crossed and nothing else."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Layout ``rows`` (n,), ascending, that were written without a forward. The ``exact`` ones (m,) among them were
    encoded behind just the tokens that stand before them here: they are exact as soon as those are."""

    rows: npt.NDArray[np.int64]
    exact: npt.NDArray[np.int64]


_NONE = Copied(np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Settled:
    """What bringing a cache to a layout took. ``logits`` (wanted, vocabulary) belong to the rows asked for;
    None when it was interrupted (``complete`` is False) or none were asked for."""

    complete: bool
    kept: int
    moved: int
    freed: int
    encoded: int
    """Rows that were new to the cache, or that a jump of the caret asked for."""
    repaired: int
    """Other stale rows that were encoded again, those of seams among them, and wanted rows."""
    adopted: int
    copied: int
    """Rows of chunks that were encoded before, placed without a forward."""
    logits: torch.Tensor | None


def settle(cache: ResidentCache, layout: Layout, *, wanted: Sequence[int] = (), choose: Choice | None = None,
           given: Given | None = None, interrupted: Interrupted = lambda: False, chunk: int = CHUNK, seam: int = SEAM,
           progress: Callable[[int, int], None] | None = None) -> Settled:
    """Make ``layout`` resident. ``wanted`` are ascending layout rows whose logits are returned; ``seam`` rows behind
    every change are encoded again (0: only what is new, as PIE's paper has it).

    Raises :class:`kvlsp.errors.CacheFull` before anything has changed when the layout does not fit. Any other
    exception drops the whole cache, never a document's text, and is passed on.
    """
    if len(layout) > cache.limit:
        raise CacheFull(
            f"{len(layout)} tokens do not fit a cache that is bounded to {cache.limit}. {cache.advice}"
        )
    plan = cache.plan(layout)
    try:
        adopted = _apply(cache, plan)
        missing = plan.encode_new[adopted:]
        copied = given(cache, missing) if given is not None else _NONE
        if len(copied.rows):
            missing = np.setdiff1d(missing, copied.rows, assume_unique=True)
            _reach(cache, copied.exact)
        crossed = crossing(cache, plan)
        encode = np.unique(np.concatenate([missing, crossed, seams(plan, seam), np.asarray(wanted, np.int64)]))
        if choose is not None and len(encode):  # there is a forward to fill
            encode = np.union1d(encode, choose(cache, plan, len(wanted) > 0))
        written = np.ones(len(layout), np.bool_)
        written[missing] = False
        logits: list[torch.Tensor] = []
        done = 0
        while done < len(encode) and not (done and interrupted()):
            rows = encode[done : done + chunk]
            logits.append(encode_rows(cache, rows, np.isin(rows, wanted, assume_unique=True)))
            if len(copied.exact):
                _reach(cache, np.union1d(rows, copied.exact))
            written[rows] = True
            done += len(rows)
            if progress is not None:
                progress(done, len(encode))
        if done < len(encode):
            crossed = crossed[np.isin(crossed, encode[:done])]
        new = int(np.count_nonzero(written[missing])) + len(crossed)
        cache.keep_written(written)
    except Exception:
        cache.forget()
        raise
    complete = done == len(encode)
    return Settled(
        complete=complete,
        kept=len(plan.kept_new),
        moved=int(np.count_nonzero(plan.moved)),
        freed=len(plan.freed_old),
        encoded=new,
        repaired=done - new,
        adopted=adopted,
        copied=len(copied.rows),
        logits=torch.cat(logits) if complete and len(wanted) else None,
    )


def crossing(cache: ResidentCache, plan: Plan) -> npt.NDArray[np.int64]:
    """Layout rows, ascending, that are encoded again because the caret jumped. ``plan`` has been applied.

    Of what crossed, half of :data:`CROSSED` goes to the rows next to the old caret, which were encoded with the least
    before them, a quarter to those before the new one; the last quarter to the text right behind it, which knew what
    has gone from before it. Rows that come back to the side on which they were encoded need nothing.
    """
    blind = plan.crossed_new[cache.staleness.unled[plan.crossed_new]]
    if len(blind) < _STEP:
        return blind
    first, end = plan.layout.suffix
    ahead = min(CROSSED // 4, len(blind) // 4, end - first)
    if len(blind) > CROSSED - ahead:
        blind = np.concatenate([blind[: CROSSED // 2], blind[CROSSED // 2 + ahead - CROSSED :]])
    behind = np.arange(first, first + ahead)
    return np.concatenate([behind[cache.staleness.changes[behind] > 0], blind])


def seams(plan: Plan, rows: int = SEAM) -> npt.NDArray[np.int64]:
    """Kept layout rows, ascending, that stand at most ``rows`` behind text that was put in or taken away; of too many
    places (:data:`SEAMS`) the last ones before the caret, and a row each."""
    places = plan.behind_new
    if len(places) > SEAMS:
        before = places[places < plan.layout.prefix[1]][-SEAMS:]
        behind = places[places >= plan.layout.prefix[1]]
        places = np.concatenate([before, behind[: SEAMS - len(before)]])
    most = min(rows, SEAMS // max(1, len(places)))
    near = np.unique(places[:, None] + np.arange(most))
    near = near[near < len(plan.layout)]
    return near[np.isin(near, plan.encode_new, invert=True)]


def refresh(cache: ResidentCache, rows: int) -> int:
    """Encode up to ``rows`` stale rows from the frontier on, left to right; how many were encoded.

    When it returns 0 every row is exact: logits equal a full prefill's up to floating-point order.
    """
    count = min(rows, _solid(cache) - cache.frontier)
    if count > 0:
        try:
            encode_rows(cache, np.arange(cache.frontier, cache.frontier + count), None)
        except Exception:
            cache.forget()
            raise
    return max(0, count)


def overdue(cache: ResidentCache) -> bool:
    """Whether some row has missed so many changes that it should not wait for the keyboard to rest."""
    oldest = cache.staleness.oldest
    return oldest >= 0 and cache.plans - oldest >= LONGEST_WAIT


def freshen(cache: ResidentCache, rows: int) -> int:
    """Encode ``rows`` stale rows, left to right: what the caret has crossed, then what has waited longest. Returns how
    many were encoded.

    For typing that leaves no time for a refresh: the frontier stands at the caret then, and what it would encode
    first is stale again a keystroke later. Rows become better by this, not exact.
    """
    since = cache.staleness.since
    stale = np.flatnonzero(since >= 0)
    order = np.where(np.isin(stale, cache.blind, assume_unique=True), -1, since[stale])
    first = np.sort(stale[np.argsort(order, kind="stable")[:rows]])
    if len(first):
        try:
            encode_rows(cache, first, None)
        except Exception:
            cache.forget()
            raise
    return len(first)


def encode_rows(cache: ResidentCache, rows: npt.NDArray[np.int64],
                wanted: npt.NDArray[np.bool_] | None) -> torch.Tensor:
    """One forward over resident rows (ascending), in place; logits of the ``wanted`` ones (mask over rows)."""
    resident = cache.rows
    chosen = np.flatnonzero(wanted) if wanted is not None else np.empty(0, np.int64)
    logits = cache.decoder.forward(
        cache.arrays(),
        torch.from_numpy(resident.ids[rows].astype(np.int64)),
        torch.from_numpy(resident.positions[rows]),
        torch.from_numpy(resident.slots[rows]),
        DOCUMENT,
        torch.from_numpy(chosen),
    )
    cache.staleness.encoded(rows, resident.positions[rows] < resident.prefix[0])
    _reach(cache, rows)
    return logits


def _reach(cache: ResidentCache, rows: npt.NDArray[np.int64]) -> None:
    """The frontier runs over those of ``rows`` (ascending), encoded as they stand, that follow it without a gap."""
    ahead = rows[rows >= cache.frontier]
    reached = cache.frontier + int(np.argmin(np.append(ahead, -1) == cache.frontier + np.arange(len(ahead) + 1)))
    cache.frontier = min(reached, _solid(cache))


def _solid(cache: ResidentCache) -> int:
    """Rows up to the first gap, which an interrupted repair leaves: nothing behind it can be exact."""
    return common_head(cache.rows.positions, np.arange(len(cache.rows)))


def _apply(cache: ResidentCache, plan: Plan) -> int:
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
        cache.arrays().owner[torch.from_numpy(taken)] = DOCUMENT.number
    cache.drop_scratch()
    cache.give_back(old.slots[plan.freed_old])
    slots[plan.encode_new[adopted:]] = cache.take(len(plan.encode_new) - adopted)
    if plan.moved.any():
        cache.decoder.move(
            cache.arrays(),
            torch.from_numpy(slots[plan.kept_new[plan.moved]]),
            torch.from_numpy(plan.kept_new[plan.moved]),
        )
    cache.plans += 1
    cache.staleness = cache.staleness.follow(plan, cache.plans)
    cache.rows = Rows(layout.cells, layout.ids, slots, np.arange(len(layout), dtype=np.int64), layout.prefix)
    cache.frontier = plan.frontier + solid
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
