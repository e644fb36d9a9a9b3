"""Edits that a document's tokens have not followed yet, handed out in pieces that each take a short time.

Tokenizing a text of megabytes takes seconds, and a text that comes in at once (a document opened, reloaded, a log
pasted) need not be tokenized at once: inserting it piece by piece gives the same tokens, because tokens after any
history of edits are those of the whole text (:mod:`kvlsp.tokens.document`). Edits that follow queue up behind it, so
that each still refers to the text which the one before left. This module does not know who asks for the next piece.
"""

from __future__ import annotations

from collections import deque

from kvlsp.text.edit import Edit

PIECE = 1 << 15
"""Characters that are tokenized in one go: some 10,000 tokens, tens of milliseconds."""


class Backlog:
    """A queue of edits, oldest first. ``piece`` bounds the characters that one of them inserts when it is taken."""

    def __init__(self, piece: int = PIECE) -> None:
        self._piece = piece
        self._edits: deque[Edit] = deque()
        self._done = 0

    def __bool__(self) -> bool:
        return bool(self._edits)

    @property
    def characters(self) -> int:
        """Characters that are still to be inserted."""
        return sum(len(edit.text) for edit in self._edits) - self._done

    def takes(self, characters: int) -> bool:
        """Whether an edit that inserts so many characters has to wait: they are many, or others wait already."""
        return bool(self._edits) or characters > self._piece

    def add(self, edit: Edit) -> None:
        """An edit of the text that all edits before it leave."""
        self._edits.append(edit)

    def take(self, dear: int = 0) -> Edit:
        """The next edit or piece of one, for the text that those taken so far have left.

        ``dear`` counts the characters that the last piece had tokenized again besides its own. Where no text can be
        cut (a line of one word, a tokenizer without boundaries) that is all there is so far; pieces grow with it, so
        that the whole costs a few times its length and not the square of it.
        """
        edit, done = self._edits[0], self._done
        stop = self._end_of_piece(edit.text, done, done + max(self._piece, dear))
        if stop == len(edit.text):
            self._edits.popleft()
            self._done = 0
        else:
            self._done = stop
        if not done:
            return Edit(edit.start, edit.end, edit.text[:stop])
        return Edit(edit.start + done, edit.start + done, edit.text[done:stop])

    def _end_of_piece(self, text: str, start: int, stop: int) -> int:
        """Behind the last line feed before ``stop`` unless that halves the piece; there the next piece has the
        least of this one to tokenize again."""
        if stop >= len(text):
            return len(text)
        return text.rfind("\n", start + (stop - start) // 2, stop) + 1 or stop
