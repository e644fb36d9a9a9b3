"""A text in its own order, read by the model: how likely each token is, and how likely another text in its place.

Where a template shows the model what stands below the caret before what stands above it, the resident rows cannot say
whether an edit has made the text below it unlikely. A session in plain order can. What the likelihoods say about edits
is :mod:`kvlsp.nextedit`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from kvlsp.cache.likelihood import token_logprobs
from kvlsp.cache.refresh import read_likelihoods
from kvlsp.engine.session import Session
from kvlsp.engine.sync import Sync
from kvlsp.model.rows import EVERY, Branch, RowBatch
from kvlsp.nextedit.features import Judged
from kvlsp.opening.model import Model
from kvlsp.text.document import Change, Snapshot
from kvlsp.tokens.reading import PIECE

JUDGED = 512
"""Rows that texts in a place may take in all."""


class Reader:
    """Reads ``snapshot`` in document order and follows it; :meth:`step` until it returns 0."""

    def __init__(self, model: Model, snapshot: Snapshot, *, context: int, advice: str = "",
                 until: int | None = None) -> None:
        plain = replace(model, template=replace(model.template, order="plain"))
        long = PIECE if len(snapshot.text) > PIECE else None  # tokenized in pieces, as far as it is read
        self.session = Session(plain, snapshot, context=context, generation_rows=JUDGED, advice=advice, piece=long)
        self.session.cache.judge(True)
        self._sync: Sync | None = None
        self._laid_out = -1
        self.until = until
        """The character at which the part that is read ends; None: with the text. What fits above it is read."""

    def edit(self, changes: tuple[Change, ...], after: Snapshot) -> None:
        """Follow changes; no model work."""
        self._sync = None
        for change in changes:
            self.until = None if self.until is None else change.edit.shift(self.until)
        self.session.edit(changes, after)

    @property
    def done(self) -> bool:
        """Whether every row is exact and has said how likely the next is."""
        cache = self.session.cache
        known = cache.likelihoods
        return (not self._unread and self._laid_out == self.session.revision and self._sync is None and cache.stale == 0
                and known is not None and not len(known.missing(cache.frontier)))

    def step(self, rows: int) -> int:
        """One forward of up to ``rows`` rows; how many, 0 when all is read. Of a long text a piece is tokenized instead
        as long as what is to be read has no tokens; that counts as one."""
        session = self.session
        if self._unread:
            if session.tokens.rough:
                session.refine()
            else:
                session.catch_up(self._end)
            self._sync = None
            return 1
        if self._laid_out != session.revision or self._sync is not None:
            if self._sync is None:
                self._sync = session.begin_sync(self._end, seam=0)
                self._laid_out = session.revision
            done = self._sync.step(rows)
            if self._sync.complete:
                self._sync.close()
                self._sync = None
            if done:
                return done
        return session.refresh(rows) or read_likelihoods(session.cache, rows)

    @property
    def _end(self) -> int:
        end = len(self.session.snapshot.text)
        return end if self.until is None else min(end, self.until)

    @property
    def _unread(self) -> bool:
        """Whether something that is to be laid out has no tokens yet, or not those of the whole text."""
        known = self.session.read_before(self._end)
        return bool(self.session.tokens.rough) or (known is not None and known <= self.session.capacity)

    def settle(self) -> None:
        """What comes from here on is compared with the text as it is now."""
        cache = self.session.cache
        if cache.likelihoods is not None:
            cache.likelihoods = cache.likelihoods.settled()

    def judged(self) -> Judged:
        """Of every token that is laid out, in the order of the text."""
        return judged(self.session)

    def likelihood(self, start: int, end: int, texts: Sequence[str]) -> list[float]:
        """The log-probability of each of ``texts`` in place of characters [start, end), given all that stands before.
        Compare them with one another only: tokens at the edges count in all of them."""
        return likelihood(self.session, start, end, texts)


def judged(session: Session) -> Judged:
    rows, known = session.cache.rows, session.cache.likelihoods
    if known is None:
        empty = np.empty(0, np.float32)
        return Judged(np.empty(0, np.int64), empty, empty)
    _, row, token = np.intersect1d(rows.cells, session.tokens.serials, assume_unique=True, return_indices=True)
    order = np.argsort(token)
    row, token = row[order], token[order]
    return Judged(session.offsets(slice(None))[token], known.drop[row], known.now[row])


def likelihood(session: Session, start: int, end: int, texts: Sequence[str]) -> list[float]:
    """See :meth:`Reader.likelihood`; rows of branches, given back."""
    tokens, cache, text = session.tokens, session.cache, session.snapshot.text
    first = max(0, int(np.searchsorted(tokens.starts, session.in_read(start), side="right")) - 1)
    last = int(np.searchsorted(tokens.starts, session.in_read(end)))
    head = text.slice(int(session.offsets(slice(first, first + 1))[0]), start)
    stop = int(session.offsets(slice(last, last + 1))[0]) if last < len(tokens) else len(text)
    tail = text.slice(end, stop)
    row = np.flatnonzero(cache.rows.cells == tokens.serials[first])
    if not len(row) or not row[0]:
        return [float("-inf")] * len(texts)
    before = int(row[0]) - 1
    encoded = [tokens.tokenizer.encode(head + one + tail, initial=first == 0).ids.astype(np.int64) for one in texts]
    room = min(JUDGED, cache.left)
    while encoded and sum(len(ids) + 1 for ids in encoded) > room:
        encoded = encoded[:-1]
    if not encoded:
        return [float("-inf")] * len(texts)
    longest = max(map(len, encoded))
    hides = torch.from_numpy(cache.rows.slots[before : before + longest + 1])
    ids = np.concatenate([np.append(cache.rows.ids[before], one[:-1]).astype(np.int64) for one in encoded])
    positions = np.concatenate([before + np.arange(len(one)) for one in encoded])
    branches = [Branch(number + 1, hides) for number, one in enumerate(encoded) for _ in one]
    slots = cache.take(len(ids), scratch=True)
    try:
        logits = cache.decoder.forward(cache.arrays(), RowBatch(
            torch.from_numpy(ids), torch.from_numpy(positions), torch.from_numpy(slots), EVERY, branches))
    finally:
        cache.give_back(slots)
    said = token_logprobs(logits, torch.from_numpy(np.concatenate(encoded)).to(logits.device)).cpu().numpy()
    ends = np.cumsum([len(one) for one in encoded])
    sums = [float(part.sum()) for part in np.split(said, ends[:-1])]
    return sums + [float("-inf")] * (len(texts) - len(sums))
