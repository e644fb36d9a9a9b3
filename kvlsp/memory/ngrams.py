"""What followed up to eight tokens wherever they stand in other files: an n-gram table over a workspace.

Every place of every file is a row, sorted by the tokens before it, the nearest first, as one string of bytes. Places
with the same n tokens before them stand together then, and those with n + 1 inside of them, so that the longest match
lies beside where the context itself would stand. Integers only; a table never changes, new ones are made of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LONGEST = 8
"""Tokens of a match at most."""
_MOST_READ = 1024
"""Of a match with more places so many are read, evenly spread: enough for its shares."""
_NARROW = (1 << 16) - 2
"""A vocabulary of so many tokens fits two bytes a token: 0 stands before a file's beginning, one more is an end."""


@dataclass(frozen=True, slots=True)
class Found:
    """What followed the last ``length`` tokens at ``places`` places: token ids and their shares, (tokens,) each, the
    most frequent first."""

    length: int
    places: int
    ids: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]


class NgramTable:
    """Made by :meth:`of`, :meth:`joined` and :meth:`without`; matches do not reach from one text into the next."""

    def __init__(self, vocabulary: int, keys: npt.NDArray[Any], following: npt.NDArray[Any],
                 files: npt.NDArray[np.uint32]) -> None:
        self._vocabulary = vocabulary
        self._token = _token(vocabulary)
        self._keys, self._next, self._files = keys, following, files

    @classmethod
    def of(cls, vocabulary: int, texts: Sequence[tuple[int, Sequence[int]]]) -> NgramTable:
        """Of texts, each the number of its file and its token ids, which are below ``vocabulary``."""
        token = _token(vocabulary)
        ids = [np.asarray(text, np.int64) for _, text in texts]
        if not sum(map(len, ids)):
            nothing = np.empty(0, f"S{LONGEST * token.itemsize}")
            return cls(vocabulary, nothing, np.empty(0, token.newbyteorder("=")), np.empty(0, np.uint32))
        keys = np.concatenate([_keys(one, token) for one in ids])
        files = np.repeat(np.array([number for number, _ in texts], np.uint32), [len(one) for one in ids])
        order = np.argsort(keys, kind="stable")
        following = np.concatenate(ids).astype(token.newbyteorder("="))
        return cls(vocabulary, keys[order], following[order], files[order])

    def __len__(self) -> int:
        return len(self._next)

    @property
    def nbytes(self) -> int:
        return self._keys.nbytes + self._next.nbytes + self._files.nbytes

    def joined(self, other: NgramTable) -> NgramTable:
        """With the rows of another table of the same vocabulary."""
        there = self._keys.searchsorted(other._keys, side="right") + np.arange(len(other))
        old = np.ones(len(self) + len(other), bool)
        old[there] = False
        return NgramTable(self._vocabulary, *(
            _merged(mine, theirs, there, old)
            for mine, theirs in ((self._keys, other._keys), (self._next, other._next), (self._files, other._files))))

    def without(self, files: Collection[int]) -> NgramTable:
        """Without the rows of the files with these numbers."""
        kept = ~np.isin(self._files, np.fromiter(files, np.uint32, len(files)))
        return NgramTable(self._vocabulary, self._keys[kept], self._next[kept], self._files[kept])

    def find(self, context: Sequence[int], hidden: int | None = None) -> Found | None:
        """What followed the longest end of ``context`` that stands in the files, but for the one with the number
        ``hidden``; None where not even its last token does."""
        end = [token + 1 for token in context[-LONGEST:]][::-1]
        if not end or not len(self):
            return None
        at = int(self._keys.searchsorted(self._key(end))[0])
        length = max(self._alike(at - 1, end), self._alike(at, end))
        if not length:
            return None
        behind = [*end[: length - 1], end[length - 1] + 1]
        first = int(self._keys.searchsorted(self._key(end[:length]))[0])
        found = self._read(first, int(self._keys.searchsorted(self._key(behind))[0]), length, hidden)
        return self.find(context[1 - length :], hidden) if found is None and length > 1 else found

    def _key(self, tokens: Sequence[int]) -> npt.NDArray[Any]:
        """The tokens, each one more than its id, as the one row of a table, nothing behind them."""
        row = np.zeros(LONGEST, self._token)
        row[: len(tokens)] = tokens
        return row.view(self._keys.dtype)

    def _alike(self, row: int, end: Sequence[int]) -> int:
        """How many of the nearest tokens are the same in this row."""
        if not 0 <= row < len(self):
            return 0
        there = self._keys[row : row + 1].view(self._token).tolist()
        return next((number for number, (one, other) in enumerate(zip(there, end, strict=False)) if one != other),
                    len(end))

    def _read(self, first: int, end: int, length: int, hidden: int | None) -> Found | None:
        """What follows in these rows; None where all of them are hidden."""
        stride = max(1, (end - first) // _MOST_READ)
        following = self._next[first:end:stride]
        places = end - first
        if hidden is not None:
            seen = self._files[first:end:stride] != hidden
            places = places * int(seen.sum()) // len(seen)
            following = following[seen]
        if not len(following):
            return None
        ids, counts = np.unique(following, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return Found(length, max(1, places), ids[order].astype(np.int64), counts[order] / len(following))


def _token(vocabulary: int) -> np.dtype[Any]:
    """Highest byte first: so strings of bytes are in the order of the numbers in them."""
    return np.dtype(">u2" if vocabulary <= _NARROW else ">u4")


def _keys(ids: npt.NDArray[np.int64], token: np.dtype[Any]) -> npt.NDArray[Any]:
    """The tokens before each place, the nearest first, each one more than its id; 0 before the beginning."""
    padded = np.concatenate((np.zeros(LONGEST, np.int64), ids + 1))
    before = np.lib.stride_tricks.sliding_window_view(padded, LONGEST)[: len(ids), ::-1]
    return before.astype(token, "C").view(f"S{LONGEST * token.itemsize}")[:, 0]


def _merged(mine: npt.NDArray[Any], theirs: npt.NDArray[Any], there: npt.NDArray[np.int64],
            old: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    both = np.empty(len(old), mine.dtype)
    both[there], both[old] = theirs, mine
    return both
