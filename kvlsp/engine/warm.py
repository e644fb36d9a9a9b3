"""A session that goes on where another process, or another day, has left its document.

What was kept and today's text are compared, and the rows that stayed become the session's, under today's names; of
more than today's window holds those around the caret. All the rest is a plan like any other's: what has gone is freed,
what has moved is moved, what is new is encoded, and rows behind a change are stale.
"""

from __future__ import annotations

import numpy as np
import torch

from kvlsp.cache.choosing import SEAM, SEAMS
from kvlsp.cache.stored import StoredRows
from kvlsp.engine.session import Session
from kvlsp.shelf.matching import match, runs
from kvlsp.shelf.shelved import Array, Book, Shelved
from kvlsp.shelf.worth import Worth

AT_ONCE = 0.25
"""Seconds in which new tokens next to the caret are encoded with the first suggestion; others wait for a rest, like all
growth."""
LEAST_SPARE, MOST_SPARE = 16, 256
"""So many at least and at most."""
READ_BEFORE = 1 << 18
"""Characters of a text that is read to its end for the sake of rows on disk; a longer one begins without them."""
_CUT = 64
"""Tokens right before a caret that may be other ones than the document's."""
_GONE = 1 << 61
"""Names of tokens that are in the text no more are this and above: no serial is so large."""


def take_up(session: Session, shelved: Shelved, worth: Worth, caret: int | None) -> int:
    """Give the session the rows that were kept, for those that it has, if that is worth it; how many tokens are known
    by that, 0 where nothing was done. All of its text has been read. ``caret`` (None: where it was) is the character at
    which the first suggestion will be asked for."""
    tokens, book = session.tokens, shelved.book
    stored, too_many = shelved.stored, len(book) > session.context
    if session.full_prefill or session.behind:
        return 0
    if too_many and not isinstance(stored, StoredRows):  # of what another engine wrote nothing can be left out
        return 0
    text = book.text
    old, new = match(book.ids[text], tokens.ids, lambda token: "\n" in tokens.tokenizer.piece(token))
    if not worth.takes_up(len(old) - len(session.cache.rows), shelved.stored.nbytes, shelved.per_row):
        return 0
    cells = np.where(book.markers < 0, book.markers, _GONE + np.arange(len(book)))
    cells[text[old]] = tokens.serials[new]
    was = _at_the_caret(session, book, cells, old, new)
    if too_many and isinstance(stored, StoredRows):  # it was kept when there was more memory, or of a larger window
        first, end = session.goal(was if caret is None else caret)
        there = cells < _GONE
        there[text[old[(new < first) | (new >= end)]]] = False
        kept = np.flatnonzero(there)
        book, cells, stored = book.select(kept), cells[kept], stored.select(torch.from_numpy(kept))
    session.cache.forget()
    session.cache.take_up(stored, cells, book.ids, book.prefix, book.staleness, book.frontier)
    rows = AT_ONCE / max(worth.per_row or shelved.per_row, 1e-9)
    spare = int(max(LEAST_SPARE, min(MOST_SPARE, rows)))
    session.recall(runs(new), was if caret is None else caret, spare, SEAM if rows >= SEAMS else 0)
    return len(old)


def _at_the_caret(session: Session, book: Book, cells: Array, old: Array, new: Array) -> int:
    """The character at which the caret was, in today's text. Tokens there were cut: rows of such that are the same
    today get their names in ``cells``, in place. ``old`` and ``new`` are what :func:`kvlsp.shelf.matching.match` found.
    """
    text, starts, ids = book.text, session.tokens.starts, book.ids
    known = int(np.searchsorted(old, book.caret))
    first, left = (int(old[known - 1]) + 1, int(new[known - 1]) + 1) if known else (0, 0)
    end, right = (int(old[known]), int(new[known])) if known < len(old) else (len(text), len(session.tokens))
    tail, head = text[first : book.caret], text[book.caret : end]
    caret = int(starts[left]) if left < len(starts) else len(session.tokens.text)
    if len(tail) > _CUT:
        return caret
    caret = min(caret + len(session.tokens.tokenizer.decode(ids[tail])), len(session.tokens.text))
    cut = session.cut(caret)
    if cut.left == left and np.array_equal(cut.tail_ids, ids[tail]):
        cells[tail] = cut.tail_serials
    if cut.right == right and np.array_equal(cut.head_ids, ids[head]):
        cells[head] = cut.head_serials
    return caret
