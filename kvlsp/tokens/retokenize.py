"""The window of an edit: which document tokens are replaced, and by what, so that the result equals
tokenizing it all.

Three rules, tried in this order (A or SP by the kind of tokenizer, then B), none of which looks at more
text than it must:

A   The window ends at hard boundaries (:mod:`kvlsp.tokens.boundaries`), both of whose characters lie
    outside the edit.
SP  The same with the boundaries of a SentencePiece vocabulary.
B   Where no such boundary is near (minified code, data in a string): pre-tokenizers read from left to
    right, so tokenizing may start at any old pre-token's start that the edit cannot have influenced, and
    may stop where a new pre-token's start meets an old one after the edit. A match looks at most three
    characters beyond its end (contractions), a run of white space at the next character that is none.

Pure: arrays and texts in, arrays out. What the numbers mean to a cache is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kvlsp.text.rope import Rope
from kvlsp.tokens.tokenizer import Encoding, Tokenizer, readable

NEAR = 400
"""Characters of unchanged text that rule A may take into its window before rule B is tried."""

MARGIN = 3
"""Characters beyond a pre-token's start that decide whether it is one."""

FIRST_LOOK = 64
"""Characters looked at first; each further look doubles."""


@dataclass(frozen=True, slots=True)
class Region:
    """What is new in a text. All offsets are those of the new text.

    The text that counts is [low, high); [start, end) is new in it. A character at offset p >= end was at
    p - delta before. ``initial`` says that ``low`` begins a document.
    """

    low: int
    start: int
    end: int
    high: int
    delta: int
    initial: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Old tokens [first, last) become ``encoding``, whose starts are offsets of the new text."""

    first: int
    last: int
    encoding: Encoding


def retokenize(tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region) -> Window:
    """The window of ``region``: O(window). ``old`` are the document's tokens before, ``text`` the text
    now."""
    limit = NEAR if tokenizer.resumable else None
    left = _boundary_before(tokenizer, text, region, limit)
    right = _boundary_after(tokenizer, text, region, limit)
    if limit is not None:
        near = left is not None and right is not None and region.start - left + right - region.end <= limit
        if not near:
            resumed = _resumed(tokenizer, old, text, region)
            if resumed is not None:
                return resumed
            left = _boundary_before(tokenizer, text, region, None)
            right = _boundary_after(tokenizer, text, region, None)
    assert left is not None  # without a limit the search ends at the text's ends
    assert right is not None
    encoding = _encode(tokenizer, text, left, right, region)
    first = int(np.searchsorted(old.starts, left))
    last = len(old.ids) if right == region.high else int(np.searchsorted(old.starts, right - region.delta))
    return Window(first, last, encoding)


def _encode(tokenizer: Tokenizer, text: Rope, start: int, end: int, region: Region) -> Encoding:
    found = tokenizer.encode(text.slice(start, end), initial=region.initial and start == region.low)
    return Encoding(found.ids, found.starts + start, found.words)


# --- rules A and SP --------------------------------------------------------------------------------------


def _boundary_before(tokenizer: Tokenizer, text: Rope, region: Region, limit: int | None) -> int | None:
    """The nearest hard boundary with both characters before the edit, or the text's start; None beyond the
    limit."""
    look = FIRST_LOOK
    while True:
        base = max(region.low, region.start - look)
        place = tokenizer.boundaries.last(readable(text.slice(base, region.start)))
        if place:
            return base + place
        if base == region.low:
            return base
        if limit is not None and look >= limit:
            return None
        look *= 2


def _boundary_after(tokenizer: Tokenizer, text: Rope, region: Region, limit: int | None) -> int | None:
    """The nearest hard boundary with both characters after the edit, or the text's end; None beyond the
    limit."""
    look = FIRST_LOOK
    while True:
        stop = min(region.high, region.end + look)
        place = tokenizer.boundaries.first(readable(text.slice(region.end, stop)))
        if place:
            return region.end + place
        if stop == region.high:
            return stop
        if limit is not None and look >= limit:
            return None
        look *= 2


# --- rule B ----------------------------------------------------------------------------------------------


def _resumed(tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region) -> Window | None:
    """The window by rule B, or None where the normaliser may compose across its ends."""
    left = _pre_token_before(old, text, region)
    look = max(FIRST_LOOK, region.end - left)  # the window doubles, not what lies after the edit
    while True:
        stop = min(region.high, region.end + look)
        if tokenizer.composes and _composable(text.slice(max(left - 1, 0), stop + 1)):
            return None
        encoding = _encode(tokenizer, text, left, stop, region)
        first = int(np.searchsorted(old.starts, left))
        if stop == region.high:
            return Window(first, len(old.ids), encoding)
        met = _meeting(old, encoding, region, min(stop - MARGIN, _last_visible(text, left, stop)))
        if met is not None:
            last, count = met
            kept = Encoding(encoding.ids[:count], encoding.starts[:count], encoding.words[:count])
            return Window(first, last, kept)
        look *= 2


def _pre_token_before(old: Encoding, text: Rope, region: Region) -> int:
    """The nearest old pre-token start that the edit cannot have influenced, or the text's start."""
    if region.start == region.low:
        return region.low
    bound = min(region.start - MARGIN, _last_visible(text, region.low, region.start))
    token = int(np.searchsorted(old.starts, bound, side="right")) - 1
    size = FIRST_LOOK
    while token > 0:
        found = np.flatnonzero(old.words[max(token - size + 1, 0) : token + 1])
        if len(found):
            token = max(token - size + 1, 0) + int(found[-1])
            return max(int(old.starts[token]), region.low) if token > 0 else region.low
        token -= size
        size *= 2
    return region.low


def _meeting(old: Encoding, new: Encoding, region: Region, latest: int) -> tuple[int, int] | None:
    """(old token, new token) at the first place after the edit, up to ``latest``, where pre-tokens of both
    start."""
    earliest = max(region.end, region.low + 1)
    usable = np.flatnonzero(new.words & (new.starts >= earliest) & (new.starts <= latest))
    if not len(usable) or not len(old.ids):
        return None
    before = new.starts[usable] - region.delta
    candidates = np.searchsorted(old.starts, before)
    inside = np.minimum(candidates, len(old.ids) - 1)
    same = (candidates < len(old.ids)) & (old.starts[inside] == before) & old.words[inside]
    same &= before > 0  # the document's first token may carry a dummy space
    if not same.any():
        return None
    index = int(same.argmax())
    return int(candidates[index]), int(usable[index])


def _last_visible(text: Rope, low: int, high: int) -> int:
    """Offset of the last character in [low, high) that is no white space; -1 when there is none."""
    look = FIRST_LOOK
    while True:
        base = max(low, high - look)
        visible = len(text.slice(base, high).rstrip())
        if visible:
            return base + visible - 1
        if base == low:
            return -1
        look *= 2


def _composable(text: str) -> bool:
    """Whether a character may compose with its neighbours: none below U+0300 does by itself."""
    return not text.isascii() and max(text) >= "\u0300"
