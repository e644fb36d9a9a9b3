"""How likely the text is as it stands, row by row: the next edit is where it is unlikely (:mod:`kvlsp.nextedit`).

The forward that makes a row exact says how likely the token behind it is, given all that stands before. Two numbers a
row are kept: how likely its token is *now*, and how likely it was *before* the edits that are being followed.
Completions do not need them, so a cache keeps them only if its owner asks; they cost the output layer over rows that
are encoded anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.plan import Plan

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """Natural logarithms, per row in layout order, both (n,); NaN where nothing exact is known. ``now[r]`` is that of
    row r's token behind rows [0, r) as they are, ``before[r]`` what it was before the first edit that is followed."""

    now: Floats
    before: Floats

    @classmethod
    def unknown(cls, rows: int) -> Likelihoods:
        return cls(np.full(rows, np.nan, np.float32), np.full(rows, np.nan, np.float32))

    def __len__(self) -> int:
        return len(self.now)

    @property
    def drop(self) -> Floats:
        """By how many nats each token has become less likely, (n,); 0 where that is not known."""
        drop: Floats = np.nan_to_num(self.before - self.now, nan=0.0).astype(np.float32)
        return drop

    def follow(self, plan: Plan, *, edit: bool) -> Likelihoods:
        """The rows of ``plan.layout`` after a change. What stands behind it was as likely as it was if it is an
        ``edit``; after any other (a window that grows, say) there is nothing to compare with."""
        after = Likelihoods.unknown(len(plan.layout))
        after.now[plan.kept_new] = self.now[plan.kept_old]
        after.before[plan.kept_new] = self.before[plan.kept_old]
        at = plan.changed_at
        behind = slice(at, None)
        if edit:
            unset = np.isnan(after.before[behind])
            after.before[behind][unset] = after.now[behind][unset]
        else:
            after.before[behind] = np.nan
        after.now[behind] = np.nan
        return after

    def settled(self) -> Likelihoods:
        """The same rows, with nothing to compare with: the next edit is the first that is followed."""
        return Likelihoods(self.now, np.full(len(self), np.nan, np.float32))

    def select(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Likelihoods:
        return Likelihoods(self.now[rows], self.before[rows])

    def read(self, rows: npt.NDArray[np.int64], ids: npt.NDArray[np.int32], logits: torch.Tensor) -> None:
        """``logits`` (rows, vocabulary) belong to ``rows``, which are exact; ``ids`` (n,) are those of all rows."""
        following = rows + 1
        within = following < len(self)
        if not within.any():
            return
        targets = torch.from_numpy(ids[following[within]].astype(np.int64)).to(logits.device)
        self.now[following[within]] = token_logprobs(logits[torch.from_numpy(within)], targets).cpu().numpy()

    def missing(self, exact: int) -> npt.NDArray[np.int64]:
        """Rows, ascending, of the first ``exact`` whose followers' likelihood is not known."""
        return np.flatnonzero(np.isnan(self.now[1 : exact + 1])).astype(np.int64)


def token_logprobs(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """The log-probability of each of ``ids`` (n,) under its row of ``logits`` (n, vocabulary): (n,) float32."""
    chosen = logits.gather(-1, ids[:, None])[:, 0]
    return (chosen - logits.logsumexp(-1)).float()
