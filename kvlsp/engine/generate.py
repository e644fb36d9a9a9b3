"""Decode over a resident cache: draft, verify, penalise, stop.

A :class:`Generation` is stepped by its owner, one forward at a time (:func:`step`), so that between two forwards the
owner can look at its queue. Several generations of one cache share a forward, each in a branch of its own. Their
rows are scratch: seen by their own branch only, counted in the cache's bound, given back however they end; the
accepted rows of one may stay behind until the next plan, which adopts what fits.

Drafts never change the result: every token is the one that would have been chosen without them, the likeliest or the
one drawn (speculative decoding with copied drafts, CopySpec, arXiv 2502.08923). The penalty is RPG's (arXiv
2505.10402), on log-probabilities, and is applied alike to drafted and undrafted tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from kvlsp.cache.resident import ResidentCache, Scratch
from kvlsp.completion.candidates import Choice
from kvlsp.completion.confidence import Confidence
from kvlsp.completion.stop import Stop
from kvlsp.engine.sampling import Sampling
from kvlsp.engine.selecting import Memory, Penalty, Selection
from kvlsp.model.clock import work_clock
from kvlsp.model.rows import EVERY, Branch, RowBatch
from kvlsp.tokens.stream import TextStream
from kvlsp.tokens.tokenizer import Tokenizer
from kvlsp.tracing import span


class Drafter(Protocol):
    """Proposes tokens that may follow; see :mod:`kvlsp.completion.drafts`."""

    def propose(self, context: Sequence[int], limit: int) -> Sequence[int]: ...

    def observe(self, proposed: int, accepted: int) -> None: ...

    def timed(self, rows: int, seconds: float) -> None: ...


StopCheck = Callable[[str], "Stop | None"]
"""Takes the text of each chosen token in turn; says when to stop."""


@dataclass(slots=True)
class Generated:
    """What a generation has produced. ``logprobs`` are those of the chosen tokens, ``choices`` the likeliest
    tokens of the early rows, ``confidence`` how sure of its first line the model is, ``copied`` the places of accepted
    drafts."""

    ids: list[int] = field(default_factory=list)
    text: str = ""
    logprobs: list[float] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    confidence: Confidence = field(default_factory=Confidence)
    drafted: int = 0
    accepted: int = 0
    copied: list[int] = field(default_factory=list)
    forwards: int = 0
    stop: str | None = None


DRAFTED = 24
"""Rows of a draft in one forward at most."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``tokens`` generated at most; positions stay below ``context``; ``draft`` rows per forward at most."""

    tokens: int
    context: int
    draft: int = DRAFTED


class Generation:
    """Decoding behind resident rows: greedy, or drawing with ``sampling``.

    ``logits`` (vocabulary,) are those of the row before ``position``. ``must_begin`` is text that the first tokens
    have to spell (a healed token), ``forced`` token ids it has to begin with (a candidate's fork). ``ends`` are
    token ids that end the text; ``end`` then says if it should not have ended there. ``context`` are the ids before it,
    for drafts and a ``memory``.
    """

    def __init__(self, cache: ResidentCache, tokenizer: Tokenizer, *, branch: Branch, logits: torch.Tensor,
                 position: int, ends: frozenset[int], limits: Limits, context: Sequence[int],
                 stop: StopCheck, end: Callable[[], Stop | None] = lambda: None, drafter: Drafter | None = None,
                 penalty: Penalty | None = None, sampling: Sampling | None = None, must_begin: str = "",
                 forced: Sequence[int] = (), memory: Memory | None = None) -> None:
        self.cache, self.tokenizer, self.branch = cache, tokenizer, branch
        self.progress = Generated()
        self._logits = logits
        self._ends, self._limits, self._stop, self._end = ends, limits, stop, end
        self._drafter = drafter
        self._selection = Selection(tokenizer, ends, logits.device, penalty, sampling, must_begin, memory)
        self.context = list(context)
        self._stream = TextStream(tokenizer)
        self._forced = list(forced)
        self._scratch = Scratch(start=position, exact=cache.frontier >= position)
        self._drafts: list[int] = []
        self._instead: tuple[int, float] | None = None
        """Chosen where a draft was wrong: the next token."""

    @property
    def done(self) -> bool:
        return self.progress.stop is not None

    @property
    def position(self) -> int:
        """Where its next row stands."""
        return self._scratch.start + len(self._scratch.slots)

    def next_rows(self) -> list[int]:
        """Choose the next token; the rows (it, and drafts behind it) whose logits are wanted, [] at the end."""
        rows = []
        while self._forced:  # nothing to choose: encode them in one go
            rows.append(self._forced.pop(0))
            if self._take(rows[-1], 0.0):
                return []
        if not rows:
            token, logprob = self._instead or self.select(self._logits)
            self._instead = None
            if self._take(token, logprob):
                return []
            rows = [token]
        room = min(self._limits.draft, self._limits.tokens - len(self.progress.ids),
                   self._limits.context - self.position - len(rows))
        self._drafts = self._propose(room)
        return rows + self._drafts

    def encoded(self, ids: list[int], slots: list[int]) -> None:
        """These rows are in the cache now."""
        self._scratch.ids.extend(ids)
        self._scratch.slots.extend(slots)
        self.progress.forwards += bool(ids)

    def timed(self, rows: int, seconds: float) -> None:
        """A forward of these rows alone took so long; what drafts cost is learned from it."""
        if self._drafter is not None:
            self._drafter.timed(rows, seconds)

    def receive(self, logits: torch.Tensor) -> None:
        """Logits (rows, vocabulary) of what :meth:`next_rows` gave: accept drafts as far as they agree."""
        drafts, self._drafts = self._drafts, []
        first = len(logits) - 1 - len(drafts)
        accepted = 0
        for draft in drafts:
            token, logprob = self.select(logits[first + accepted])
            if token != draft:
                self._instead = token, logprob
                break
            accepted += 1
            self.progress.copied.append(len(self.progress.ids))
            if self._take(token, logprob):
                break
        self._drop_rejected(len(drafts), accepted)
        self._logits = logits[first + accepted]

    def close(self, *, keep: bool = True) -> None:
        """End: leave the accepted rows for the next plan to adopt, or give them back."""
        self.progress.stop = self.progress.stop or "abandoned"
        self._selection.end()
        if keep and self._scratch.slots:
            self.cache.scratch = self._scratch
        elif self._scratch.slots:
            self.cache.give_back(np.asarray(self._scratch.slots, np.int64))
        self._scratch = Scratch(self._scratch.start, self._scratch.exact)

    def select(self, logits: torch.Tensor) -> tuple[int, float]:
        """The token to take behind a row of ``logits`` (vocabulary,), and its log-probability."""
        chosen = self._selection.select(logits, len(self.progress.ids), self.context)
        self.progress.choices = self._selection.choices
        return chosen

    def _take(self, token: int, logprob: float) -> bool:
        """Append a chosen token; True when the generation ends with it."""
        progress = self.progress
        if token in self._ends:
            progress.confidence.end(logprob)
            stop = self._end()
            progress.stop = "end" if stop is None else str(stop.reason)
            return True
        piece = self._stream.push(token)
        if "\ufffd" in piece:  # bytes that are no text: nothing a user could want
            progress.stop = "not_text"
            return True
        progress.ids.append(token)
        progress.logprobs.append(logprob)
        progress.confidence.push(piece[len(self._selection.owed):], logprob)
        progress.text += piece
        self.context.append(token)
        self._selection.took(piece)
        stop = self._stop(piece)
        progress.stop = None if stop is None else str(stop.reason)
        if progress.stop is None and len(progress.ids) >= self._limits.tokens:
            progress.stop = "max_tokens"
        if progress.stop is None and self._scratch.start + len(progress.ids) >= self._limits.context:
            progress.stop = "context_full"
        return progress.stop is not None

    def _propose(self, room: int) -> list[int]:
        if self._drafter is None or room <= 0 or self._selection.owed:
            return []
        return list(self._drafter.propose(self.context, room))

    def _drop_rejected(self, drafted: int, accepted: int) -> None:
        """Rows of rejected drafts leave no trace."""
        if not drafted:
            return
        self.progress.drafted += drafted
        self.progress.accepted += accepted
        if rejected := drafted - accepted:
            self.cache.give_back(np.asarray(self._scratch.slots[-rejected:], np.int64))
            del self._scratch.slots[-rejected:], self._scratch.ids[-rejected:]
        if self._drafter is not None:
            self._drafter.observe(drafted, accepted)


def step(generations: Sequence[Generation]) -> None:
    """One forward for all generations that are not done, of one cache. What it costs is told to the drafters in seconds
    of the device's own clock (:mod:`kvlsp.model.clock`)."""
    batch = [(generation, rows) for generation in generations
             if not generation.done and (rows := generation.next_rows())]
    if not batch:
        return
    cache = batch[0][0].cache
    ids = [token for _, rows in batch for token in rows]
    positions = [generation.position + row for generation, rows in batch for row in range(len(rows))]
    slots = cache.take(len(ids), scratch=True)
    first = 0
    for generation, rows in batch:
        generation.encoded(rows, slots[first : first + len(rows)].tolist())
        first += len(rows)
    clock = work_clock(cache.decoder.device)
    begin = clock()
    with span("decode", rows=len(ids)):
        logits = cache.decoder.forward(cache.arrays(), RowBatch(
            torch.tensor(ids), torch.tensor(positions), torch.from_numpy(slots), EVERY,
            batch[0][0].branch if len(batch) == 1 else [generation.branch for generation, rows in batch for _ in rows],
        ))  # fmt: skip
    if len(batch) == 1:
        batch[0][0].timed(len(ids), clock() - begin)
    first = 0
    for generation, rows in batch:
        generation.receive(logits[first : first + len(rows)])
        first += len(rows)
