"""A document's text and its tokens, kept in step while it is edited and while it is still being read.

Offsets are the document's, read or not. What the model sees of the tokens is :mod:`kvlsp.engine.session`'s business.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kvlsp.text.diff import narrow
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.tokens.cut import Cut
from kvlsp.tokens.document import TokenizedText
from kvlsp.tokens.edit import TokenEdit
from kvlsp.tokens.reading import Reading
from kvlsp.tokens.tokenizer import Tokenizer
from kvlsp.tracing import span

_NEIGHBOURHOOD = 4096
"""Characters on both sides of a caret that have to be read before a completion is asked for there."""
_BESIDES = 2048
"""Characters that an edit tokenizes besides its own at most: what is in doubt then is made certain at rest
(:meth:`DocumentText.refine`)."""
_CLOSED = ("()", "[]", "{}", '""', "''", "``")
"""What editors close by themselves: the caret is left inside."""


class DocumentText:
    """The text of ``snapshot`` with its tokens.

    With a ``piece``, more characters than that at once are read, that is, tokenized, later: while it is
    :attr:`behind`, its owner calls :meth:`catch_up`, and asks for completions where :meth:`can_complete_at` allows.
    """

    def __init__(self, tokenizer: Tokenizer, snapshot: Snapshot, piece: int | None = None) -> None:
        self.snapshot = snapshot
        self.caret = 0
        """Where the last edit ended, until a layout is made at another place."""
        self._reading = Reading(len(snapshot.text), piece if piece is not None else sys.maxsize)
        self.tokens = TokenizedText.of(tokenizer, Rope.of("") if self._reading else snapshot.text,
                                       None if piece is None else _BESIDES)
        """Of what has been read; offsets in it are those of the read text."""
        self.revision = 0
        """Counts what has changed :attr:`tokens`: edits, and pieces that were read."""
        self.token_edits: list[Callable[[TokenEdit], None]] = []
        """Called with each change of the tokens."""

    def edit(self, changes: tuple[Change, ...], after: Snapshot, *, at_once: bool = False) -> None:
        """Follow changes that lead from the current text to ``after``. O(edit) but for vectorised passes. With
        ``at_once`` all that they insert is read now, however long it is."""
        for change in changes:
            replaced = self.snapshot.text.slice(change.edit.start, change.edit.end)
            text = self.snapshot.text
            for part in narrow(change.edit, replaced):
                text = text.replace(part)
                read = self._reading.follow(part, at_once=at_once)
                if read is not None:
                    self._follow(read, text)
                self.caret = part.start + len(part.text) - (part.text in _CLOSED)
            self.snapshot = Snapshot(after.uri, after.version, change.after, after.language)
        self.snapshot = after

    def _follow(self, read: Edit, text: Rope, *, laid_out: bool = True) -> None:
        """An edit of the read text, after which the document is ``text``."""
        before = len(self.tokens.ids)
        with span("tokenize", characters=len(read.text)):
            token_edit = self.tokens.apply(read, self.tokens.text.replace(read) if self._reading else text)
        self._became(token_edit, before, laid_out=laid_out)

    def _became(self, edit: TokenEdit, before: int, *, laid_out: bool = True) -> None:
        """Of ``before`` tokens those of ``edit`` became others; not ``laid_out``: what is new has only been read."""
        self.revision += 1
        for observer in self.token_edits:
            observer(edit)

    def refine(self) -> bool:
        """Make the next of the tokens that an edit left in doubt those of the whole text; whether any became others."""
        before, edit = len(self.tokens.ids), self.tokens.refine()
        if not edit.changes_nothing:
            self._became(edit, before)
        return not edit.changes_nothing

    @property
    def behind(self) -> int:
        """Characters of the text that have no tokens yet."""
        return self._reading.characters

    def can_complete_at(self, offset: int) -> bool:
        """Whether enough of the text around ``offset`` has been read to ask for a completion there."""
        return self._reading.has_read(offset, _NEIGHBOURHOOD)

    def read_before(self, offset: int) -> int | None:
        """Tokens of what has been read right before ``offset`` without a gap; None: all before it is read."""
        gaps = [(start, end) for start, end in self._reading.unread if start < offset]
        if not gaps:
            return None
        return 0 if gaps[-1][1] >= offset else self._token(offset) - self._token(gaps[-1][1])

    def offsets(self, tokens: slice) -> npt.NDArray[np.int64]:
        """Where in the document these tokens begin."""
        found = self.tokens.starts[tokens].astype(np.int64)
        for start, end in self._reading.unread:
            found[found >= start] += end - start
        return found

    def in_read(self, offset: int) -> int:
        """Where a document offset lies in the text whose tokens these are."""
        return self._reading.offset_in_read(offset)

    def catch_up(self, near: int | None = None) -> None:
        """Read the next piece of what has no tokens yet: the one around offset ``near`` (None: the caret), or next."""
        if not self._reading:
            return
        text = self.snapshot.text
        piece = self._reading.take(text, self.caret if near is None else near, self.tokens.tokenized_again)
        self._follow(piece, text, laid_out=False)

    def replace(self, start: int, end: int, text: str) -> None:
        """Suppose a change that the editor has not made: same version, other text."""
        snapshot, edit = self.snapshot, Edit(start, end, text)
        after = snapshot.text.replace(edit)
        supposed = Snapshot(snapshot.uri, snapshot.version, after, snapshot.language)
        self.edit((Change(edit, after),), supposed, at_once=True)

    def cut(self, caret: int) -> Cut:
        """The tokens of what has been read, divided at character ``caret`` of the document."""
        return self.tokens.cut(self._reading.offset_in_read(caret))

    def _token(self, caret: int) -> int:
        """The token before which the caret stands."""
        cut = self.cut(caret)
        return min(cut.left, cut.right)
