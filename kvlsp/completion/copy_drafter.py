"""What can be copied from a document: a log of its ids, and where the last ones stood before.

    drafter = CopyDrafter(ids)                     # one per document, ids int32[n]
    drafter.apply(token_edit)                      # with every TokenEdit; replaced text stays a source
    drafter.learn(left_ids, completion_ids)        # a recent completion with what stood before it
    match = drafter.longest_match(context_ids)     # None, or how many ids agree and where
    ids = drafter.read(match, count)               # what followed there

Copying from context as in CopySpec (arXiv 2502.08923), longest match first as in SuffixDecoding (arXiv 2411.04975).

The log is only appended to: the ids when the document was loaded, then for each edit its neighbourhood as it is
afterwards. Nothing in the log moves when the document does, so an edit costs the length of its new ids (and one copy
of the id array). What an edit removed is found under the ids that stood before it: the best draft of a rewrite. When
the log has grown by half it is made anew, from the document and the newest history.
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

_BITS = 21  # three ids in one int64 key, exactly: vocabularies have fewer than two million entries

_FOLLOWING = np.arange(BLOCKED)

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
                return longest(self._log, found, context) if length == GAMMA else Match(length, int(found[-1]))
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


def longest(log: Ids, found: NDArray[np.int64], context: Ids) -> Match | None:
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
