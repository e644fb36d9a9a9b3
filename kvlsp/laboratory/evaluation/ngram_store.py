"""What followed up to eight tokens wherever they stand in other files: an n-gram store over a workspace.

One sorted table: every place of every file, sorted by the tokens before it, the nearest first. Places with the same n
tokens before them stand together then, and those with n + 1 inside of them, so that the longest match is found by
halving. Integers only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LONGEST = 8
"""Tokens of a match at most."""
_EACH = 16
"""Bits of a token in a key; four of them make one."""
_PER_KEY = 64 // _EACH
_MOST_READ = 1024
"""Of a match with more places so many are read, evenly spread: enough for its shares."""


@dataclass(frozen=True, slots=True)
class Found:
    """What followed the last ``length`` tokens at ``places`` places: token ids and their shares, (tokens,) each, the
    most frequent first."""

    length: int
    places: int
    ids: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]


class NgramStore:
    """Built once from the token ids of files; matches do not reach from one file into the next.

    Takes 18 bytes a token (:attr:`nbytes`).
    """

    def __init__(self, files: Iterable[Sequence[int]]) -> None:
        texts = [np.asarray(ids, np.int64) for ids in files if len(ids)]
        ids = np.concatenate(texts) if texts else np.empty(0, np.int64)
        self._known, ranks = np.unique(ids, return_inverse=True)
        if len(self._known) > (1 << _EACH) - 2:
            raise ValueError(f"{len(self._known)} different tokens are more than this store can tell apart.")
        starts = np.cumsum([0, *map(len, texts)])[:-1]
        inside = np.arange(len(ids)) - np.repeat(starts, [len(text) for text in texts])
        near, far = (self._keys(ranks + 1, inside, first) for first in (1, 1 + _PER_KEY))
        order = np.lexsort((far, near))
        self._near, self._far = near[order], far[order]
        self._next = ranks[order].astype(np.uint16)

    def __len__(self) -> int:
        return len(self._next)

    @property
    def nbytes(self) -> int:
        return self._near.nbytes + self._far.nbytes + self._next.nbytes + self._known.nbytes

    def find(self, context: Sequence[int]) -> Found | None:
        """What followed the longest end of ``context`` that stands in the files; None where not even its last token
        does."""
        first, end, length = 0, len(self._next), 0
        part = 0
        for token in reversed(context[-LONGEST:]):
            rank = int(np.searchsorted(self._known, token))
            if rank == len(self._known) or self._known[rank] != token:
                break
            number = length % _PER_KEY
            if not number:
                part = 0
            part |= (rank + 1) << (64 - _EACH * (number + 1))
            keys = (self._near if length < _PER_KEY else self._far)[first:end]
            above = part + (1 << (64 - _EACH * (number + 1)))
            begin, stop = keys.searchsorted(np.array([part, above], np.uint64))
            if begin == stop:
                break
            first, end, length = first + int(begin), first + int(stop), length + 1
        return self._read(first, end, length) if length else None

    def _read(self, first: int, end: int, length: int) -> Found:
        following = self._next[first : end : max(1, (end - first) // _MOST_READ)]
        counts = np.bincount(following)
        ids = np.flatnonzero(counts)
        ids = ids[np.argsort(-counts[ids], kind="stable")]
        return Found(length, end - first, self._known[ids], counts[ids] / len(following))

    @staticmethod
    def _keys(ranks: npt.NDArray[np.int64], inside: npt.NDArray[np.int64], first: int) -> npt.NDArray[np.uint64]:
        """The tokens ``first`` ... ``first`` + 3 before each place as one number, the nearest highest; 0 before the
        file."""
        keys = np.zeros(len(ranks), np.uint64)
        for number in range(_PER_KEY):
            back = first + number
            there = np.zeros(len(ranks), np.uint64)
            there[back:] = ranks[: max(0, len(ranks) - back)]
            there[inside < back] = 0
            keys |= there << np.uint64(64 - _EACH * (number + 1))
        return keys
