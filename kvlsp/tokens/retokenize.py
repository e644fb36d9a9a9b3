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
from kvlsp.tokens.reach import Reach
from kvlsp.tokens.tokenizer import Encoding, Tokenizer, readable

NEAR = 400
"""Characters of unchanged text that rule A may take into its window before rule B is tried."""

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
            return _resumed(tokenizer, old, text, region)
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


def _resumed(tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region) -> Window:
    """The window by rule B."""
    reach = tokenizer.reach
    assert reach is not None
    left = _pre_token_before(reach, old, text, region)
    look = max(FIRST_LOOK, region.end - left)  # the window doubles, not what lies after the edit
    while True:
        stop = min(region.high, region.end + look)
        encoding = _encode(tokenizer, text, left, stop, region)
        first = int(np.searchsorted(old.starts, left))
        if stop == region.high:
            return Window(first, len(old.ids), encoding)
        met = _meeting(reach, old, encoding, text, region, left, stop)
        if met is not None:
            last, count = met
            kept = Encoding(encoding.ids[:count], encoding.starts[:count], encoding.words[:count])
            return Window(first, last, kept)
        look *= 2


def _pre_token_before(reach: Reach, old: Encoding, text: Rope, region: Region) -> int:
    """The nearest old pre-token start that the edit cannot have influenced, or the text's start."""
    look = FIRST_LOOK
    while (base := max(region.low, region.start - look)) > region.low:
        bound = base + reach.latest(readable(text.slice(base, region.start)))
        if bound >= base:
            place = _last_start(reach, old, text, base, bound)
            if place is not None:
                return place
        look *= 2
    bound = region.low + reach.latest(readable(text.slice(region.low, region.start)))
    place = _last_start(reach, old, text, region.low, bound)
    return region.low if place is None else place


def _last_start(reach: Reach, old: Encoding, text: Rope, low: int, bound: int) -> int | None:
    """The greatest old pre-token start in (low, bound] where the text may be cut; None where there is none."""
    first, last = np.searchsorted(old.starts, (low + 1, bound + 1))
    for token in (first + np.flatnonzero(old.words[first:last]))[::-1]:
        place = int(old.starts[token])
        if reach.free(text.slice(place, place + 1)):
            return place
    return None


def _meeting(
    reach: Reach, old: Encoding, new: Encoding, text: Rope, region: Region, left: int, stop: int
) -> tuple[int, int] | None:
    """(old token, new token) at the first place after the edit where pre-tokens of both start and nothing depends
    on what the window's end, ``stop``, cuts off."""
    latest = left + reach.latest(readable(text.slice(left, stop)))
    usable = np.flatnonzero(new.words & (new.starts >= max(region.end, region.low + 1)) & (new.starts <= latest))
    if not len(usable) or not len(old.ids):
        return None
    before = new.starts[usable] - region.delta
    candidates = np.searchsorted(old.starts, before)
    inside = np.minimum(candidates, len(old.ids) - 1)
    same = (candidates < len(old.ids)) & (old.starts[inside] == before) & old.words[inside]
    same &= before > 0  # the document's first token may carry a dummy space
    for index in np.flatnonzero(same):
        place = int(new.starts[usable[index]])
        if reach.free(text.slice(place, place + 1)):
            return int(candidates[index]), int(usable[index])
    return None
