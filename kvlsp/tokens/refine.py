"""The next stretch of a document's doubt, tokenized as the whole text would be.

From a sound start tokenizing goes on to the right, a piece at a time, until it meets the old tokens behind the doubt,
or the text's end. What a piece has certain counts; the tokens behind that stay in doubt.
"""

from __future__ import annotations

from dataclasses import replace

from kvlsp.text.rope import Rope
from kvlsp.tokens.doubt import Beside, Doubt, Piece
from kvlsp.tokens.retokenize import Region, Window, certain_to, meeting, sound_start, token_start, window_of
from kvlsp.tokens.tokenizer import Encoding, Tokenizer, readable

PIECE = 1 << 14
"""Characters of a stretch, where it has a place to stop: some ten milliseconds."""

LONGEST = 1 << 22
"""Characters of the longest run without a place to stop that is made right; a longer one stays in pieces."""


def next_stretch(
    tokenizer: Tokenizer, old: Encoding, text: Rope, doubt: Region, size: int, beside: Beside
) -> Window | None:
    """The window of the first ``size`` characters or so of ``doubt``, whose own ``doubt`` is what is left of it.

    None while another thread encodes it. Raises :class:`~kvlsp.errors.TokenizationError` where the library gives up.
    """
    left = sound_start(tokenizer, old, text, doubt)
    near = replace(doubt, end=max(doubt.start, left))
    stop = token_start(tokenizer, old, text, near, near.end + size, 1)

    def encode() -> Encoding:
        found = tokenizer.encode(text.slice(left, stop), initial=left == doubt.low)
        return Encoding(found.ids, found.starts + left, found.words)

    encoding = encode() if stop - left <= 2 * PIECE else beside.encoded(Piece(left, stop), encode)
    if encoding is None:
        return None
    window = window_of(old, encoding, doubt, left, stop)
    if stop == doubt.high:
        return window
    met = _met(tokenizer, old, encoding, text, doubt, left, stop)
    if met is not None:
        last, count = met
        kept = Encoding(encoding.ids[:count], encoding.starts[:count], encoding.words[:count])
        return Window(window.first, last, kept)
    certain = certain_to(tokenizer, encoding, text, left, stop)
    start = doubt.start if certain is None else certain
    return Window(window.first, window.last, encoding, Doubt(start, max(stop, doubt.end)))


def _met(
    tokenizer: Tokenizer, old: Encoding, new: Encoding, text: Rope, doubt: Region, left: int, stop: int
) -> tuple[int, int] | None:
    """(old token, new token) behind the doubt from where on the old tokens are right, or None."""
    if tokenizer.reach is not None:
        return meeting(tokenizer, old, new, text, doubt, left, stop)
    if stop <= doubt.end:
        return None
    place = tokenizer.boundaries.first(readable(text.slice(doubt.end, stop)))
    if not place:
        return None
    last, count = old.starts.searchsorted(doubt.end + place), new.starts.searchsorted(doubt.end + place)
    return int(last), int(count)
