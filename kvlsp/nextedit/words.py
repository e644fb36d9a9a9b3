"""Words and signs of code, for comparing what was changed with what was not: no grammar, any language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_PIECE = re.compile(r"\w+|[^\w\s]")
_NAME = re.compile(r"[^\W\d]\w*")


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
    """Runs of pieces that differ, old beside new, in order."""
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [(tuple(old[a:b]), tuple(new[c:d])) for kind, a, b, c, d in matcher.get_opcodes() if kind != "equal"]
