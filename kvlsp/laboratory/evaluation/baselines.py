"""What a completion must beat: copying from the file, and a 5-gram model with back-off.

Both are completers as `infill.py` knows them. The 5-gram model keeps, for each context of one to four tokens,
only its most frequent successor: all that greedy back-off (Brants et al. 2007) ever looks at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kvlsp.tokens.tokenizer import Tokenizer

_LONGEST_COPY = 200
_ORDER = 5
_MIXERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)


def copy_from_file(prefix: str, suffix: str, longest: int = _LONGEST_COPY) -> str:
    """What followed the last earlier occurrence of the longest tail of the prefix that occurs elsewhere in
    the file.

    Looks in the prefix first, then in the suffix; at most to the end of the line.
    """
    best, source, rest = 0, "", ""
    # what follows in the prefix may run into the prefix's own last character, which is not searched
    for text, whole in ((prefix[:-1], prefix), (suffix, suffix)):
        low, high = best, min(longest, len(prefix))
        while low < high:  # a tail occurs only if all shorter ones do
            middle = (low + high + 1) // 2
            if prefix[-middle:] in text:
                low = middle
            else:
                high = middle - 1
        if low > best:
            best, source, rest = low, text, whole
    if not best:
        return ""
    at = source.rfind(prefix[-best:]) + best
    following = rest[at:]
    end = following.find("\n")
    return following if end < 0 else following[: end + 1]


class NgramModel:
    """Greedy 5-gram model: sorted hashes of contexts, one array pair per context length, longest first."""

    def __init__(self, tables: dict[int, tuple[NDArray[np.uint64], NDArray[np.int32]]]) -> None:
        self._tables = dict(sorted(tables.items(), reverse=True))

    @classmethod
    def count(cls, ids: NDArray[np.int32]) -> NgramModel:
        """Count over one long sequence of token ids."""
        tables: dict[int, tuple[NDArray[np.uint64], NDArray[np.int32]]] = {}
        for length in range(1, _ORDER):
            contexts = _hashes(ids[:-1], length)
            following = ids[length:].astype(np.uint64)
            # the hash keeps its high 48 bits, the successor has the low 16
            pairs, counts = np.unique((contexts & ~np.uint64(0xFFFF)) | following, return_counts=True)
            keys = pairs >> np.uint64(16)
            order = np.lexsort((-counts, keys))
            keys = keys[order]
            first = np.concatenate([[True], keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, bool)
            tables[length] = (keys[first], (pairs[order][first] & np.uint64(0xFFFF)).astype(np.int32))
        return cls(tables)

    def next(self, ids: list[int]) -> int | None:
        """The most frequent successor of the longest known context; None when even the last token is
        unknown.
        """
        for length, (keys, successors) in self._tables.items():
            if length > len(ids):
                continue
            key = _hashes(np.array(ids[-length:], dtype=np.int32), length)[0] >> np.uint64(16)
            at = int(np.searchsorted(keys, key))
            if at < len(keys) and keys[at] == key:
                return int(successors[at])
        return None

    def save(self, path: Path) -> None:
        arrays: dict[str, NDArray[Any]] = {}
        for length, (keys, successors) in self._tables.items():
            arrays[f"keys{length}"], arrays[f"successors{length}"] = keys, successors
        np.savez(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> NgramModel:
        with np.load(path) as arrays:
            return cls({n: (arrays[f"keys{n}"], arrays[f"successors{n}"]) for n in range(1, _ORDER)})


def _hashes(ids: NDArray[np.int32], length: int) -> NDArray[np.uint64]:
    """A 64-bit hash of every run of `length` ids: (len(ids) - length + 1,)."""
    count = max(0, len(ids) - length + 1)
    total = np.zeros(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for i in range(length):
            part = (ids[i : i + count].astype(np.uint64) + np.uint64(1)) * np.uint64(_MIXERS[i])
            total ^= (part ^ (part >> np.uint64(29))) * np.uint64(_MIXERS[(i + 1) % 4])
        total *= np.uint64(_MIXERS[0])
    return total


def count_texts(texts: Iterable[str], tokenizer: Tokenizer) -> NgramModel:
    """Train on texts, each followed by the end-of-text token 0."""

    def sequences() -> Iterator[NDArray[np.int32]]:
        for text in texts:
            yield tokenizer.encode(text).ids
            yield np.zeros(1, dtype=np.int32)

    return NgramModel.count(np.concatenate(list(sequences())))


class NgramBaseline:
    """The 5-gram model as a completer: it knows the prefix only, and ends with a line or the end token."""

    def __init__(self, model: NgramModel, tokenizer: Tokenizer, longest: int = 48) -> None:
        self._model, self._tokenizer, self._longest = model, tokenizer, longest

    def __call__(self, prefix: str, suffix: str) -> str:
        ids = self._tokenizer.encode(prefix[-200:]).ids.tolist()
        start = len(ids)
        while len(ids) - start < self._longest:
            following = self._model.next(ids)
            if not following:
                break
            ids.append(following)
            if "\n" in self._tokenizer.piece(following):
                break
        text = self._tokenizer.decode(ids[start:])
        end = text.find("\n")
        return text if end < 0 else text[: end + 1]
