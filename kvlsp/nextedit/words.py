"""Words and signs of code, for comparing what was changed with what was not: no grammar, any language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_PIECE = re.compile(r"\w+|[^\w\s]")
_NAME = re.compile(r"[^\W\d]\w*")
_COMPARED = 2000
"""Pieces, old and new together, that are compared each with each."""


def pieces(text: str) -> list[str]:
    """The words and signs of ``text`` in order, white space left out."""
    return _PIECE.findall(text)


def is_name(piece: str) -> bool:
    """Whether it could be an identifier."""
    return _NAME.fullmatch(piece) is not None


def names(text: str) -> list[str]:
    return [piece for piece in pieces(text) if is_name(piece)]


def occurrences(text: str, word: str, start: int = 0, end: int | None = None) -> Iterator[int]:
    """Offsets at which ``word`` stands as a whole word."""
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    for found in pattern.finditer(text, start, len(text) if end is None else end):
        yield found.start()


def replaced_runs(old: Sequence[str], new: Sequence[str]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Runs of pieces that differ, old beside new, in order. Of long ones all between the first and the last difference
    is one run where that is long, too: to compare takes as long as their product."""
    if len(old) + len(new) > _COMPARED:
        shorter = min(len(old), len(new))
        head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
        tail = next((at for at in range(shorter - head) if old[-1 - at] != new[-1 - at]), shorter - head)
        old, new = old[head : len(old) - tail], new[head : len(new) - tail]
        if len(old) + len(new) > _COMPARED:
            return [(tuple(old), tuple(new))]
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(tuple(old[a:b]), tuple(new[c:d])) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"]
