"""Bring a cache to a layout, a forward at a time.

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

from kvlsp.cache.choosing import SEAM, Choice, crossing, markers, seams
from kvlsp.cache.encode import encode_rows, reach
from kvlsp.cache.rearrange import rearrange
from kvlsp.cache.resident import ResidentCache
from kvlsp.errors import CacheFull, IntegrityError
from kvlsp.prompt.layout import Layout
from kvlsp.tracing import span

Interrupted = Callable[[], bool]
Given = Callable[[ResidentCache, npt.NDArray[np.int64]], "Copied"]
"""Writes those of the missing layout rows that need no forward and names them (see :mod:`kvlsp.cache.chunks`)."""

CHUNK = 256
"""Rows of one forward, unless the caller knows better."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Layout ``rows`` (n,), ascending, that were written without a forward. The ``exact`` ones (m,) among them were
    encoded behind just the tokens that stand before them here: they are exact as soon as those are."""

    rows: npt.NDArray[np.int64]
    exact: npt.NDArray[np.int64]


_NONE = Copied(np.empty(0, np.int64), np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class Repaired:
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


class Repair:
    """A cache on its way to ``layout``, a forward at a time: :meth:`step` until :attr:`complete`, then :meth:`close`.

    ``wanted`` are ascending layout rows whose logits are asked for; ``seam`` rows behind every change are encoded again
    and so are the template's markers (0: only what is new, as PIE's paper has it). ``counts`` says whether the change
    ages the rows that it makes stale: an edit does, a window that grows does not. ``apart``: the text before the caret
    gets the first slots, apart from all that rows of a window that grows will see until they come to it, so that their
    forwards need not read it. Between two steps the cache may be
    read and used by branches; its next plan takes out what is not written yet, so a repair that is given up needs no
    care, and is not stepped any more.

    Raises :class:`kvlsp.errors.CacheFull` before anything has changed when the layout does not fit. Any other
    exception, here or in a step, drops the whole cache, never a document's text, and is passed on.
    """

    def __init__(self, cache: ResidentCache, layout: Layout, *, wanted: Sequence[int] = (),
                 choose: Choice | None = None, given: Given | None = None, seam: int = SEAM,
                 counts: bool = True, apart: bool = False) -> None:
        if len(layout) > cache.limit:
            raise CacheFull(
                f"{len(layout)} tokens do not fit a cache that is bounded to {cache.limit}. {cache.advice}"
            )
        self._cache, self._wanted = cache, np.asarray(wanted, np.int64)
        self._plan = plan = cache.plan(layout)
        self._logits: list[torch.Tensor] = []
        self.done = 0
        """Rows encoded so far."""
        try:
            with span("move", rows=int(np.count_nonzero(plan.moved))):
                self._adopted = rearrange(cache, plan, counts, apart)
            missing = plan.encode_new[self._adopted:]
            self._copied = given(cache, missing) if given is not None else _NONE
            if len(self._copied.rows):
                if cache.witness is not None:
                    cache.witness.copied(cache.rows.slots[self._copied.rows])
                missing = np.setdiff1d(missing, self._copied.rows, assume_unique=True)
                reach(cache, self._copied.exact)
            self._crossed = crossing(cache, plan)
            encode = np.unique(np.concatenate([missing, self._crossed, seams(plan, seam), self._wanted]))
            if seam and len(encode):  # there is a forward to take them along
                encode = np.union1d(encode, markers(cache, plan))
            if choose is not None and len(encode):  # there is a forward to fill
                encode = np.union1d(encode, choose(cache, plan, len(wanted) > 0))
        except BaseException:
            cache.forget()
            raise
        self._missing, self._encode = missing, encode
        self._unwritten = np.zeros(len(layout), np.bool_)
        self._unwritten[missing] = True
        cache.unwritten = self._unwritten

    @property
    def total(self) -> int:
        """Rows that it encodes in all."""
        return len(self._encode)

    @property
    def complete(self) -> bool:
        return self.done == len(self._encode)

    def step(self, rows: int) -> int:
        """One forward of up to ``rows`` rows; how many it encoded, 0 when all are. Raises
        :class:`kvlsp.errors.IntegrityError` when something else has been done with the cache meanwhile."""
        chunk = self._encode[self.done : self.done + rows]
        if not len(chunk):
            return 0
        cache = self._cache
        if cache.unwritten is not self._unwritten:
            raise IntegrityError("A repair was stepped after another had begun on its cache.")
        try:
            self._logits.append(encode_rows(cache, chunk, np.isin(chunk, self._wanted, assume_unique=True)))
            if len(self._copied.exact):
                reach(cache, np.union1d(chunk, self._copied.exact))
            if cache.witness is not None:
                new = np.isin(chunk, self._missing) | np.isin(chunk, self._crossed)
                cache.witness.encoded(cache.rows.slots[chunk], new)
        except BaseException:
            cache.forget()
            raise
        self.done += len(chunk)
        return len(chunk)

    def close(self) -> Repaired:
        """What it took; rows that are not written by now are no rows any more."""
        crossed, done = self._crossed, self._encode[: self.done]
        if not self.complete:
            crossed = crossed[np.isin(crossed, done)]
        new = int(np.count_nonzero(np.isin(self._missing, done, assume_unique=True))) + len(crossed)
        if self._cache.unwritten is self._unwritten:  # and not another's
            self._cache.drop_unwritten()
        plan, complete = self._plan, self.complete
        return Repaired(
            complete=complete,
            kept=len(plan.kept_new),
            moved=int(np.count_nonzero(plan.moved)),
            freed=len(plan.freed_old),
            encoded=new,
            repaired=self.done - new,
            adopted=self._adopted,
            copied=len(self._copied.rows),
            logits=torch.cat(self._logits) if complete and len(self._wanted) else None,
        )


def repair(cache: ResidentCache, layout: Layout, *, wanted: Sequence[int] = (), choose: Choice | None = None,
           given: Given | None = None, interrupted: Interrupted = lambda: False, chunk: int = CHUNK, seam: int = SEAM,
           progress: Callable[[int, int], None] | None = None) -> Repaired:
    """Make ``layout`` resident, in forwards of ``chunk`` rows until all is encoded or somebody ``interrupted`` it; see
    :class:`Repair`."""
    repair = Repair(cache, layout, wanted=wanted, choose=choose, given=given, seam=seam)
    while not repair.complete and not (repair.done and interrupted()):
        repair.step(chunk)
        if progress is not None:
            progress(repair.done, repair.total)
    return repair.close()
