"""The tokens of one document, kept identical to tokenizing its whole text while it is edited.

An edit encodes a window (:mod:`kvlsp.tokens.retokenize`) and moves the rest in vectorised passes. Where a window would
be too long it is cut short, and what is in doubt then (:mod:`kvlsp.tokens.doubt`) is made right by :meth:`refine`, at
rest.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from kvlsp.errors import KvlspError
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.cut import Cut
from kvlsp.tokens.doubt import Beside, Doubt
from kvlsp.tokens.edit import TokenEdit, common_beginning, common_ends
from kvlsp.tokens.refine import LONGEST, PIECE, next_stretch
from kvlsp.tokens.retokenize import Region, Window, retokenize
from kvlsp.tokens.serials import EDGE, SerialBook
from kvlsp.tokens.tokenizer import Encoding, Tokenizer

_Item = TypeVar("_Item", bound=np.generic)


class TokenizedText:
    """A text with its tokens. Belongs to one thread; the arrays it hands out are read-only and never
    change."""

    def __init__(self, tokenizer: Tokenizer, text: Rope, most: int | None = None) -> None:
        self._tokenizer = tokenizer
        self._text = text
        self._most = most
        self._tokens = _frozen(tokenizer.encode(str(text)))
        self._book = SerialBook()
        self._serials = _read_only(self._book.fresh(len(self._tokens.ids)))
        self._last_cut: Cut | None = None
        self._doubt: Doubt | None = None
        self._size = PIECE
        self._beside = Beside()
        self.tokenized_again = 0
        """Characters that the last edit did not insert and had tokenized again: what it cost besides its own."""

    @classmethod
    def of(cls, tokenizer: Tokenizer, text: Rope, most: int | None = None) -> TokenizedText:
        """Tokenize a document: O(n), once.

        ``most`` bounds the characters that an edit tokenizes besides its own; where that is not enough the document
        is :attr:`rough` until it has been refined. Without it every edit is followed exactly, however long that takes.
        """
        return cls(tokenizer, text, most)

    def __len__(self) -> int:
        """Number of document tokens."""
        return len(self._tokens.ids)

    @property
    def text(self) -> Rope:
        """The text that the tokens spell."""
        return self._text

    @property
    def tokenizer(self) -> Tokenizer:
        """What made the tokens."""
        return self._tokenizer

    @property
    def ids(self) -> npt.NDArray[np.int32]:
        """int32[n]: the document's tokens, equal to tokenizing the whole text."""
        return self._tokens.ids

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """int64[n]: offset of the character with which each token starts; never decreasing."""
        return self._tokens.starts

    @property
    def serials(self) -> npt.NDArray[np.int64]:
        """int64[n]: the name of each token occurrence. Kept tokens keep theirs; a new token has a new one, or
        that of the same token beside the same neighbour at a cut (:mod:`kvlsp.tokens.serials`)."""
        return self._serials

    def apply(self, edit: Edit, after: Rope) -> TokenEdit:
        """Follow an edit of the text; ``after`` is the whole text after it. O(window) and a few array
        copies."""
        if len(after) != len(self._text) + edit.delta or not 0 <= edit.start <= edit.end <= len(self._text):
            raise ValueError(
                f"edit of [{edit.start}, {edit.end}) by {len(edit.text)} characters does not lead from "
                f"{len(self._text)} characters to {len(after)}"
            )
        new_end = edit.start + len(edit.text)
        region = Region(0, edit.start, new_end, len(after), edit.delta, initial=True)
        window = retokenize(self._tokenizer, self._tokens, after, region, self._most)
        start, end = _extent(self._tokens, window, region)
        self.tokenized_again = max(0, end - start - len(edit.text))
        doubt = self._doubt.moved(edit) if self._doubt is not None else None
        if doubt is not None and (window.doubt is not None or doubt.touches(start, end)):
            doubt = doubt.joined(Doubt(start, end))
        self._beside.forget()
        return self._take(window, edit, after, window.doubt if doubt is None else doubt)

    @property
    def rough(self) -> int:
        """Characters whose tokens may be others than those of the whole text; 0 when all are certain."""
        return 0 if self._doubt is None else max(self._doubt.end - self._doubt.start, 1)

    def refine(self) -> TokenEdit:
        """Make the next stretch of what is :attr:`rough` certain: some ten milliseconds of work or of waiting.

        The text stays as it is. An edit that changes nothing means "call again" as long as something is rough.
        """
        doubt, nothing = self._doubt, TokenEdit(0, 0, self._tokens.ids[:0])
        if doubt is None:
            return nothing
        region = Region(0, doubt.start, doubt.end, len(self._text), 0, initial=True)
        try:
            window = next_stretch(self._tokenizer, self._tokens, self._text, region, self._size, self._beside)
        except KvlspError:
            self._doubt = None  # the library gives up on so long a run: it stays in pieces
            return nothing
        if window is None:
            return nothing
        if window.doubt is not None and window.doubt.start <= doubt.start:  # no place to stop in so short a stretch
            self._size *= 2
            if self._size > LONGEST:
                self._doubt = None
            return nothing
        self._size = PIECE
        return self._take(window, Edit(doubt.start, doubt.start, ""), self._text, window.doubt)

    def _take(self, window: Window, edit: Edit, after: Rope, doubt: Doubt | None) -> TokenEdit:
        """Put a window's tokens in, which follow ``edit``."""
        old, first, last, new = self._tokens, window.first, window.last, window.encoding
        # of equal tokens on both sides of a caret, those before it stay before it and the others after it
        untouched = int(np.searchsorted(old.starts, edit.start, side="right"))
        untouched -= edit.start < len(self._text)  # the last one that starts by then may reach further
        head, tail = common_ends(old.ids[first:last], new.ids, untouched - first)
        count = len(new.ids)
        change = TokenEdit(first + head, last - tail, _read_only(new.ids[head : count - tail].copy()))
        if not change.changes_nothing:
            named = self._named(edit, change)
            self._serials = _read_only(_spliced(self._serials, change.start, change.end, named))
        self._text, self._last_cut, self._doubt = after, None, doubt
        self._tokens = _frozen(
            Encoding(
                _spliced(old.ids, first, last, new.ids),
                _spliced(old.starts, first, last, new.starts, edit.delta),
                _spliced(old.words, first, last, new.words),
            )
        )
        return change

    def _named(self, edit: Edit, change: TokenEdit) -> npt.NDArray[np.int64]:
        """Serials of an edit's new tokens. Of those it drops, the ones whose text it leaves alone are
        remembered."""
        start, end, ids, serials = change.start, change.end, self._tokens.ids, self._serials
        before = int(serials[start - 1]) if start else EDGE
        after = int(serials[end]) if end < len(serials) else EDGE
        starts = self._tokens.starts[start : end + 1]
        ends = np.append(starts[1:], len(self._text))[: end - start]
        # tokens [start, low) end before the edit, tokens [high, end) start after it
        low = start + int(np.searchsorted(ends, edit.start, side="right"))
        high = max(low, start + int(np.searchsorted(starts[: end - start], edit.end)))
        self._book.out_of_document("tail", before, ids[start:low], serials[start:low])
        self._book.out_of_document("head", after, ids[high:end][::-1], serials[high:end][::-1])
        return self._book.into_document(before, change.ids, after)

    def cut(self, caret: int) -> Cut:
        """Prefix and suffix at ``caret`` (an offset, clamped), each as if tokenized by itself: O(window).

        The last one is kept until the next edit: a completion asks for its caret's several times.
        """
        caret = max(0, min(caret, len(self._text)))
        if self._last_cut is not None and self._last_cut.caret == caret:
            return self._last_cut
        left, tail = self._before(caret)
        right, head = self._after(caret)
        before = int(self._serials[left - 1]) if left else EDGE
        after = int(self._serials[right]) if right < len(self) else EDGE
        serials = _read_only(self._book.of_tail(before, tail)), _read_only(self._book.of_head(head, after))
        self._last_cut = Cut(caret, left, _read_only(tail), serials[0], _read_only(head), serials[1], right)
        return self._last_cut

    def _before(self, caret: int) -> tuple[int, npt.NDArray[np.int32]]:
        """(left, tail) of the prefix: the text with everything after the caret deleted."""
        old = self._tokens
        region = Region(0, caret, caret, caret, 0, initial=True)
        window = retokenize(self._tokenizer, old, self._text, region, self._most)
        stop = int(np.searchsorted(old.starts, caret))
        kept = common_beginning(old.ids[window.first : stop], window.encoding.ids)
        return window.first + kept, window.encoding.ids[kept:]

    def _after(self, caret: int) -> tuple[int, npt.NDArray[np.int32]]:
        """(right, head) of the suffix: the text with everything before the caret deleted."""
        old = self._tokens
        region = Region(caret, caret, caret, len(self._text), 0, initial=False)
        window = retokenize(self._tokenizer, old, self._text, region, self._most)
        begin = int(np.searchsorted(old.starts, caret))
        kept = common_beginning(old.ids[begin : window.last][::-1], window.encoding.ids[::-1])
        return window.last - kept, window.encoding.ids[: len(window.encoding.ids) - kept]


def _extent(old: Encoding, window: Window, region: Region) -> tuple[int, int]:
    """The characters of the new text that a window encoded, the new ones among them."""
    if not len(window.encoding.ids):
        return region.start, region.end
    end = region.high if window.last == len(old.ids) else int(old.starts[window.last]) + region.delta
    return min(region.start, int(window.encoding.starts[0])), max(region.end, end)


def _spliced(
    old: npt.NDArray[_Item], first: int, last: int, new: npt.NDArray[_Item], shift: int = 0
) -> npt.NDArray[_Item]:
    """``old`` with [first, last) replaced by ``new`` and ``shift`` added to what follows, in one new
    array."""
    result = np.empty(len(old) - (last - first) + len(new), dtype=old.dtype)
    end = first + len(new)
    result[:first] = old[:first]
    result[first:end] = new
    if shift:
        np.add(old[last:], shift, out=result[end:])
    else:
        result[end:] = old[last:]
    return result


def _read_only(array: npt.NDArray[_Item]) -> npt.NDArray[_Item]:
    array.flags.writeable = False
    return array


def _frozen(tokens: Encoding) -> Encoding:
    for array in (tokens.ids, tokens.starts, tokens.words):
        array.flags.writeable = False
    return tokens
