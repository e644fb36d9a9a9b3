"""Drafts copied from text that exists: find where the last ids stood before, propose what followed.

    drafter = CopyDrafter(ids)                     # one per document, ids int32[n]
    drafter.apply(token_edit)                      # with every TokenEdit; replaced text stays a source
    drafter.learn(left_ids, completion_ids)        # a recent completion with what stood before it
    drafts = Drafting(drafter, others, suffix_ids) # one per completion
    ids = drafts.propose(context_ids, limit)       # context: prefix tail + all that is generated; () if none
    drafts.timed(1 + len(ids), seconds)            # what the forward that verifies them took
    drafts.observe(len(ids), accepted)             # how many of them the target agreed with

Copying from context as in CopySpec (arXiv 2502.08923), longest match first as in SuffixDecoding (arXiv
2411.04975). Ids in, ids out; drafts never change the output.

A document's sources are an append-only log: the ids when it was loaded, then for each edit its neighbourhood
as it is afterwards. Nothing in the log moves when the document does, so an edit costs the length of its new
ids (and one copy of the id array); what an edit removed is found under the ids that stood before it: the best
draft of a rewrite. The log is made anew, from the document and the newest history, when it has grown by half.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

GAMMA = 3
"""Ids by which places are looked up (best of 1, 3, 5, 10 in CopySpec's logs). Where so many agree nowhere, the newest
place where one or two do is the draft: rows that a forward has room for cost next to nothing, and it is right one
time in two or three."""
LONGEST = 32
"""Longer matches are not told apart."""
AHEAD = 32
"""Ids of the unchanged text after an edit that are logged with it: the longest draft that crosses its end."""
CANDIDATES = 256
"""Places compared per lookup, the newest of all: bounds a lookup in a document of one repeated line."""
HISTORY = 4096
"""Ids of replaced text and recent completions that survive when the log is made anew."""
BLOCKED = 4
"""A draft that begins with so many ids of the suffix would only repeat what stands after the caret."""

_MOST = 32  # ids of the longest draft
_BITS = 21  # three ids in one int64 key, exactly: vocabularies have fewer than two million entries

_FOLLOWING = np.arange(BLOCKED)
_LOOKED_AT = 1024  # ids at the end of a context

Ids = NDArray[np.int32]


class TokenReplacement(Protocol):
    """Document tokens [start, end) become ``ids``; :class:`kvlsp.tokens.edit.TokenEdit` is one."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def ids(self) -> NDArray[np.int32]: ...


@dataclass(frozen=True, slots=True)
class Match:
    """Equal ids end before ``at`` in a log; ``length`` of them, at most :data:`LONGEST`."""

    length: int
    at: int


class CopyDrafter:
    """What can be copied from one document: as it is, as it was, and what was completed in it."""

    def __init__(self, ids: Ids | Sequence[int] = ()) -> None:
        self._history: deque[Ids] = deque()
        self.load(ids)

    def load(self, ids: Ids | Sequence[int]) -> None:
        """Starts over with these document tokens."""
        self._ids = np.array(ids, dtype=np.int32)
        self._history.clear()
        self._rebuild()

    @property
    def size(self) -> int:
        """Ids in the log."""
        return self._used

    def apply(self, edit: TokenReplacement) -> None:
        """Follows a document edit: O(new ids) steps, one vectorised copy of the document's ids."""
        start, end, new = edit.start, edit.end, np.asarray(edit.ids, dtype=np.int32)
        if end - start > 1:
            self._remember(self._ids[max(0, start - GAMMA):end])
        self._ids = np.concatenate((self._ids[:start], new, self._ids[end:]))
        stop = start + len(new) + AHEAD
        self._append(self._ids[max(0, start - GAMMA):stop])

    def learn(self, left: Ids | Sequence[int], ids: Ids | Sequence[int]) -> None:
        """Keeps a completion as a source, found under the last of the ids before it."""
        run = np.concatenate((np.asarray(left, dtype=np.int32)[-GAMMA:], np.asarray(ids, dtype=np.int32)))
        self._remember(run)
        self._append(run)

    def longest_match(self, context: Ids, blocked: Ids | None = None) -> Match | None:
        """Where the longest end of ``context`` stands in the log, the newest of equals.

        Places followed by ``blocked``'s first :data:`BLOCKED` ids are passed over. Matches shorter than
        :data:`GAMMA` are the newest ones of their length, or none.
        """
        for length in range(min(GAMMA, len(context)), 0, -1):
            found = self._places(_key(context[-length:]), length)
            # A place that leads into the suffix is the caret itself, or as good as it.
            if len(found) and blocked is not None and len(blocked) >= BLOCKED:
                following = self._log[np.minimum(found[:, None] + _FOLLOWING, self._used - 1)]
                found = found[(following != blocked[:BLOCKED]).any(1)]
            if len(found):
                return _longest(self._log, found, context) if length == GAMMA else Match(length, int(found[-1]))
        return None

    def read(self, match: Match, count: int) -> Ids:
        """Up to ``count`` ids that followed a match."""
        return self._log[match.at:min(match.at + count, self._used)]

    # --- the log -------------------------------------------------------------------------------------------

    def _places(self, key: int, length: int = GAMMA) -> NDArray[np.int64]:
        """Log positions after the last ``length`` ids of ``key``, oldest first: at most :data:`CANDIDATES` of
        :data:`GAMMA` ids, of fewer the newest one."""
        wildcards = (GAMMA - length) * _BITS
        low = int(np.searchsorted(self._keys, key, side="left"))
        high = int(np.searchsorted(self._keys, key + (1 << wildcards) - 1, side="right"))
        recent: Sequence[int] = self._recent.get((length, key), ())
        if length < GAMMA:
            newest = recent or ((int(self._order[low:high].max()) + GAMMA,) if low < high else ())
            return np.array(newest, dtype=np.int64)
        base = self._order[max(low, high - CANDIDATES):high] + GAMMA
        return np.concatenate((base, np.array(recent[-CANDIDATES:], dtype=np.int64))) if recent else base

    def _append(self, run: Ids) -> None:
        if self._used + len(run) > self._limit:
            self._rebuild()
            return
        at = self._used
        self._log[at:at + len(run)] = run
        self._used += len(run)
        for length in range(1, GAMMA + 1):
            for offset, key in enumerate(_keys(run[:-1], length).tolist(), at + length):
                if length == GAMMA:
                    self._recent.setdefault((length, key), []).append(offset)
                else:
                    self._recent[length, key] = [offset]

    def _remember(self, run: Ids) -> None:
        self._history.append(run[:HISTORY].copy())
        while sum(map(len, self._history)) > HISTORY:
            self._history.popleft()

    def _rebuild(self) -> None:
        """The document last: its own text is the newest of equals. Matches across the joints do no harm."""
        log = np.concatenate((*self._history, self._ids)) if self._history else self._ids
        self._used = len(log)
        self._limit = self._used + max(self._used // 2, 4096)
        self._log = np.empty(self._limit, dtype=np.int32)
        self._log[:self._used] = log
        keys = _keys(log[:-1])  # something must follow
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._recent: dict[tuple[int, int], list[int]] = {}


class ForwardCosts:
    """What a forward costs by its number of rows, in forwards of one row: a moving average of what was seen.

    Between numbers seen it is interpolated, beyond them every row adds ``row_cost``, as everywhere before anything is
    seen. The first forward of a number of rows is not counted: it may have compiled its kernels.
    """

    def __init__(self, row_cost: float = 0.05) -> None:
        self._row_cost = row_cost
        self._mean: dict[int, float] = {}
        self._count: dict[int, int] = {}
        self._seen = 0
        self._update()

    def timed(self, rows: int, seconds: float) -> None:
        """A forward of so many rows took so long."""
        if rows > _MOST + 1 or seconds <= 0.0:
            return
        count = self._count[rows] = self._count.get(rows, -1) + 1
        if count:
            mean = self._mean.get(rows, seconds)
            # One forward that was held up says little.
            self._mean[rows] = mean + (min(seconds, 3.0 * mean) - mean) * max(1.0 / count, 0.05)
        self._seen += 1
        if self._seen % 16 == 0:
            self._update()

    def of(self, rows: int) -> float:
        """At least 1.0."""
        return self._costs[rows]

    def _update(self) -> None:
        counts = np.arange(_MOST + 2)
        rows = sorted(self._mean) or [1]
        # Fewer rows never cost more: what looks so was seen but rarely.
        seconds = [min(self._mean.get(more, 1.0) for more in rows[at:]) for at in range(len(rows))]
        one = seconds[0] / (1.0 + self._row_cost * (rows[0] - 1))
        beyond = np.maximum(counts - rows[-1], 0) * self._row_cost
        costs = np.interp(counts, [1, *rows], [1.0, *(value / one for value in seconds)]) + beyond
        self._costs: list[float] = np.maximum(costs, 1.0).tolist()


class Adaptation:
    """How long a draft should be: learns from each verification how far matches of some length carry.

    The length maximises expected ids per cost, (1 + sum p^i) / cost(1 + n), where p is the share of drafted ids that
    were right after matches of this length. Keep one per engine: what it learns holds for all documents.
    """

    _EDGES = (2, 3, 4, 6, 9, 16)

    def __init__(self, row_cost: float = 0.05) -> None:
        self.costs = ForwardCosts(row_cost)
        # (right, tried) ids per class of match length; it starts with optimism of little weight.
        self._seen = [[share, 10.0] for share in (3.5, 5.0, 6.0, 7.0, 8.0, 9.0, 9.5)]
        self._skipped = 0

    def length(self, match: int, limit: int) -> int:
        """Ids to draft after a match of this length, 0 when drafting costs more than it gains."""
        right, tried = self._seen[self._class(match)]
        agree = right / tried
        best, best_length, expected, power = 1.0, 0, 1.0, 1.0
        for count in range(1, min(limit, _MOST) + 1):
            power *= agree
            expected += power
            gain = expected / self.costs.of(1 + count)
            if gain > best:
                best, best_length = gain, count
        if best_length == 0:
            self._skipped += 1
            return min(2, limit) if self._skipped % 16 == 0 else 0  # look again now and then
        return best_length

    def observe(self, match: int, proposed: int, accepted: int) -> None:
        """``accepted`` of ``proposed`` ids were right; those behind the first wrong one say nothing."""
        seen = self._seen[self._class(match)]
        tried = accepted + (accepted < proposed)
        seen[0], seen[1] = seen[0] + accepted, seen[1] + tried
        if seen[1] > 64.0:  # forget slowly: what is edited changes
            seen[0], seen[1] = seen[0] / 2, seen[1] / 2

    def _class(self, match: int) -> int:
        return sum(match >= edge for edge in self._EDGES)


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
    return _longest(ids, found, ids)


def _longest(log: Ids, found: NDArray[np.int64], context: Ids) -> Match | None:
    """The place before which most of the end of ``context`` stands, the newest of equals."""
    if not len(found):
        return None
    end = context[:-LONGEST - 1:-1]
    back = found[:, None] - np.arange(1, len(end) + 1)
    differs = (back < 0) | (log[back] != end)
    lengths = np.where(differs.any(1), differs.argmax(1), len(end))
    newest = len(found) - 1 - int(lengths[::-1].argmax())
    return Match(int(lengths[newest]), int(found[newest]))


def _key(gram: Ids) -> int:
    """Up to :data:`GAMMA` ids as one number, the last one first: the keys of all grams with one end are neighbours."""
    key = 0
    for number in reversed(gram.tolist()):
        key = key << _BITS | number
    return int(key << (GAMMA - len(gram)) * _BITS)


def _keys(ids: Ids, length: int = GAMMA) -> NDArray[np.int64]:
    """The key of each run of ``length`` ids, by where it starts."""
    if len(ids) < length:
        return np.empty(0, dtype=np.int64)
    keys = np.zeros(len(ids) - length + 1, dtype=np.int64)
    for offset in reversed(range(length)):
        keys = keys << _BITS | ids[offset:offset + len(keys)]
    return keys << (GAMMA - length) * _BITS
