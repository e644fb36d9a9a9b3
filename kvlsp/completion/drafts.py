"""Drafts copied from text that exists: find where the last ids stood before, propose what followed.

    drafts = Drafting(drafter, others, suffix_ids) # one per completion; drafter and others: CopyDrafter of documents
    ids = drafts.propose(context_ids, limit)       # context: prefix tail + all that is generated; () if none
    drafts.timed(1 + len(ids), seconds)            # what the forward that verifies them took
    drafts.observe(len(ids), accepted)             # how many of them the target agreed with

Ids in, ids out; drafts never change the output. The sources are in :mod:`kvlsp.completion.copy_drafter`, how long a
draft should be in :mod:`kvlsp.completion.draft_length`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kvlsp.completion.copy_drafter import BLOCKED, GAMMA, LONGEST, CopyDrafter, Ids, Match, longest
from kvlsp.completion.draft_length import Adaptation

_LOOKED_AT = 1024  # ids at the end of a context


class Drafting:
    """Drafts for one completion: from its own text first, then its document, then other documents."""

    def __init__(self, own: CopyDrafter, others: Sequence[CopyDrafter] = (),
                 suffix: Ids | Sequence[int] = (), adaptation: Adaptation | None = None) -> None:
        self._sources = (own, *others)
        self._suffix = np.asarray(suffix, dtype=np.int32)[:BLOCKED]
        self._adaptation = adaptation or Adaptation()
        self._match = 0
        self._context: Ids | Sequence[int] = ()
        self._array, self._read = np.empty(0, np.int32), 0
        """``_context`` so far, its first ``_read`` ids: a growing list is not converted anew for every token."""

    def propose(self, context: Ids | Sequence[int], limit: int) -> tuple[int, ...]:
        """What may follow ``context`` (the prefix's tail and all ids generated; the longer the better).

        Only the last 1,024 ids are looked at. A list only grows from one call to the next. Empty when nothing matches
        or a draft would not pay.
        """
        ids = self._end_of(context)
        found = _match_within(ids)
        best = (found.length, ids[found.at:]) if found else None
        if best is None or best[0] < LONGEST:
            for source in self._sources:
                match = source.longest_match(ids, self._suffix)
                if match is not None and (best is None or match.length > best[0]):
                    best = (match.length, source.read(match, limit))
        if best is None:
            return ()
        self._match = best[0]
        count = self._adaptation.length(best[0], min(limit, len(best[1])))
        return tuple(best[1][:count].tolist())

    def _end_of(self, context: Ids | Sequence[int]) -> Ids:
        """The ids that are looked at, as an array."""
        if isinstance(context, np.ndarray):
            return context[-_LOOKED_AT:]
        length = len(context)
        if context is not self._context or length < self._read:
            self._context, self._read = context, 0
        if length > len(self._array):
            self._array = np.concatenate((self._array[:self._read], np.empty(length + 256 - self._read, np.int32)))
        self._array[self._read:length] = context[self._read:]
        self._read = length
        return self._array[max(0, length - _LOOKED_AT):length]

    def observe(self, proposed: int, accepted: int) -> None:
        """How many of the last proposal's ids, from its start, were what the target chose."""
        self._adaptation.observe(self._match, proposed, accepted)

    def timed(self, rows: int, seconds: float) -> None:
        """What a forward of so many rows (drafted ones among them) took."""
        self._adaptation.costs.timed(rows, seconds)


def _match_within(ids: Ids) -> Match | None:
    """The newest place inside ``ids`` where its own end stood before, as long a match as there is."""
    found, length = np.flatnonzero(ids[:-1] == ids[-1]) + 1, 1
    while length < GAMMA and len(found):
        longer = found[found > length]
        longer = longer[ids[longer - length - 1] == ids[-length - 1]] if len(ids) > length else longer[:0]
        if not len(longer):
            return Match(length, int(found[-1]))
        found, length = longer, length + 1
    return longest(ids, found, ids)
