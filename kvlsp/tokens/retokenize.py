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

Pure: arrays and texts in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kvlsp.text.rope import Rope
from kvlsp.tokens.doubt import Doubt
from kvlsp.tokens.reach import Reach
from kvlsp.tokens.tokenizer import Encoding, Tokenizer, readable

NEAR = 400
"""Characters of unchanged text that rule A may take into its window before rule B is tried."""

FIRST_LOOK = 64
"""Characters looked at first; each further look doubles."""

LOOKED_AT = 256
"""Tokens that are looked at for a place before which a text may be cut, where a key waits."""

ROUGHLY = 256
"""Characters on a side of an edit that are tokenized with it where no place to stop is near."""


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
    """Old tokens [first, last) become ``encoding``, whose starts are offsets of the new text.

    ``doubt`` is where the tokens may be others than those of the whole text; None where they are not.
    """

    first: int
    last: int
    encoding: Encoding
    doubt: Doubt | None = None


def retokenize(
    tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region, most: int | None = None
) -> Window:
    """The window of ``region``: O(window). ``old`` are the document's tokens before, ``text`` the text now.

    With ``most`` the window takes in about so many characters of unchanged text at most on either side; where that is
    not enough it is in doubt.
    """
    if tokenizer.rule == "whole":
        most = None  # nobody knows what such a tokenizer does to a piece of a text
    limit = NEAR if tokenizer.resumable else most
    left = _boundary_before(tokenizer, text, region, limit)
    right = _boundary_after(tokenizer, text, region, limit)
    if tokenizer.reach is not None:
        near = left is not None and right is not None and region.start - left + right - region.end <= NEAR
        if not near:
            return _resumed(tokenizer, old, text, region, most)
    if left is None or right is None:
        return _in_doubt(tokenizer, old, text, region, left, right)
    return window_of(old, _encode(tokenizer, text, left, right, region), region, left, right)


def window_of(old: Encoding, encoding: Encoding, region: Region, left: int, right: int) -> Window:
    """The window that takes in [left, right), at both ends of which old tokens end."""
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


def _resumed(tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region, most: int | None) -> Window:
    """The window by rule B."""
    left = _pre_token_before(tokenizer, old, text, region, most)
    if left is None:
        return _in_doubt(tokenizer, old, text, region, None, None)
    look = max(FIRST_LOOK, region.end - left)  # the window doubles, not what lies after the edit
    while True:
        stop = min(region.high, region.end + look)
        encoding = _encode(tokenizer, text, left, stop, region)
        if stop == region.high:
            return window_of(old, encoding, region, left, stop)
        met = meeting(tokenizer, old, encoding, text, region, left, stop)
        if met is not None:
            last, count = met
            kept = Encoding(encoding.ids[:count], encoding.starts[:count], encoding.words[:count])
            return Window(int(np.searchsorted(old.starts, left)), last, kept)
        if most is not None and stop - region.end >= most:
            return _in_doubt(tokenizer, old, text, region, left, None)
        look *= 2


def sound_start(tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region) -> int:
    """The nearest place before the edit from where tokenizing depends on nothing before it, however far that is."""
    if tokenizer.reach is None:
        found = _boundary_before(tokenizer, text, region, None)
    else:
        found = _pre_token_before(tokenizer, old, text, region, None)
    assert found is not None  # without a limit the search ends at the text's start
    return found


def _pre_token_before(
    tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region, most: int | None
) -> int | None:
    """The nearest old pre-token start that the edit cannot have influenced, or the text's start; None where neither
    is near enough."""
    reach = tokenizer.reach
    assert reach is not None
    look = FIRST_LOOK
    while True:
        base = max(region.low, region.start - look)
        bound = base + reach.latest(readable(text.slice(base, region.start)))
        place = _last_start(reach, old, text, base, bound) if bound > base else None
        if place is not None:
            return place
        if base == region.low:
            return base
        if most is not None and look >= most:
            return None
        look *= 2


def _last_start(reach: Reach, old: Encoding, text: Rope, low: int, bound: int) -> int | None:
    """The greatest old pre-token start in (low, bound] where the text may be cut; None where there is none."""
    first, last = np.searchsorted(old.starts, (low + 1, bound + 1))
    for token in (first + np.flatnonzero(old.words[first:last]))[::-1]:
        place = int(old.starts[token])
        if reach.free(text.slice(place, place + 1)):
            return place
    return None


def meeting(
    tokenizer: Tokenizer, old: Encoding, new: Encoding, text: Rope, region: Region, left: int, stop: int
) -> tuple[int, int] | None:
    """(old token, new token) at the first place after the edit where pre-tokens of both start and nothing depends
    on what the window's end, ``stop``, cuts off."""
    reach = tokenizer.reach
    assert reach is not None
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


# --- too far ---------------------------------------------------------------------------------------------


def _in_doubt(
    tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region, left: int | None, right: int | None
) -> Window:
    """A window that ends at some old token's start on a side where no better place is near."""
    sound = left is not None
    if left is None:
        left = token_start(tokenizer, old, text, region, region.start - ROUGHLY, -1, LOOKED_AT)
    if right is None:
        right = token_start(tokenizer, old, text, region, region.end + ROUGHLY, 1, LOOKED_AT)
    encoding = _encode(tokenizer, text, left, right, region)
    window = window_of(old, encoding, region, left, right)
    certain = certain_to(tokenizer, encoding, text, left, right) if sound else None
    return Window(window.first, window.last, encoding, Doubt(left if certain is None else certain, right))


def token_start(
    tokenizer: Tokenizer, old: Encoding, text: Rope, region: Region, place: int, step: int, most: int | None = None
) -> int:
    """The first offset from ``place`` on, in steps of one old token towards ``step``, where an old token of unchanged
    text starts with a character before which the text may be cut; the text's end on that side where there is none.

    After ``most`` steps any character's start will do: a text may be one letter and a million accents.
    """
    delta = 0 if step < 0 else region.delta
    if not region.low < place < region.high:
        return region.low if step < 0 else region.high
    token = int(np.searchsorted(old.starts, place - delta, side="right" if step < 0 else "left"))
    token -= step < 0
    steps = 0
    other: int | None = None
    while 0 < token < len(old.ids):
        start = int(old.starts[token]) + delta
        if start <= region.low:
            return region.low
        if start >= region.high:
            break
        begins = old.starts[token - 1] < old.starts[token] and tokenizer.begins_character(int(old.ids[token]))
        if begins and (tokenizer.reach is None or tokenizer.reach.free(text.slice(start, start + 1))):
            return start
        if begins and other is None:
            other = start
        steps += 1
        if most is not None and steps > most and other is not None:
            return other
        token += step
    return region.low if step < 0 else region.high


def certain_to(tokenizer: Tokenizer, new: Encoding, text: Rope, left: int, stop: int) -> int | None:
    """Up to where the tokens of [left, stop) are those of the whole text, if ``left`` is a sound start; None where
    that is not known of any."""
    piece = readable(text.slice(left, stop))
    found = left + tokenizer.boundaries.last(piece)
    if tokenizer.reach is not None:
        place = _last_start(tokenizer.reach, new, text, left, left + tokenizer.reach.latest(piece))
        found = found if place is None else max(found, place)
    return found if found > left else None
