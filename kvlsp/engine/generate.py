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

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from kvlsp.cache.resident import ResidentCache, Scratch
from kvlsp.completion.candidates import EARLY, Choice
from kvlsp.completion.confidence import first_entropy
from kvlsp.completion.stop import Stop
from kvlsp.engine.sampling import Sampling
from kvlsp.model.clock import work_clock
from kvlsp.model.decoder import Branch
from kvlsp.tokens.stream import TextStream
from kvlsp.tokens.tokenizer import Tokenizer

_PENALISED = 64
"""The penalty looks at so many of the likeliest tokens; what is less likely is not chosen anyway."""
_ALTERNATIVES = 4
"""Likeliest tokens remembered of early rows, for candidates."""


class Drafter(Protocol):
    """Proposes tokens that may follow; see :mod:`kvlsp.completion.drafts`."""

    def propose(self, context: Sequence[int], limit: int) -> Sequence[int]: ...

    def observe(self, proposed: int, accepted: int) -> None: ...

    def timed(self, rows: int, seconds: float) -> None: ...


class Penalty(Protocol):
    """Holds back what would start a repetition; see :mod:`kvlsp.completion.penalty`."""

    @property
    def active(self) -> bool: ...

    def lowers(self, piece: str) -> float: ...

    def gains(self, piece: str | None) -> float: ...

    @property
    def most(self) -> float: ...

    def push(self, piece: str) -> None: ...


StopCheck = Callable[[str], "Stop | None"]
"""Takes the text of each chosen token in turn; says when to stop."""


@dataclass(slots=True)
class Progress:
    """What a generation has produced. ``logprobs`` are those of the chosen tokens, ``choices`` the likeliest
    tokens of the early rows, ``entropy`` that of the first row in nats."""

    ids: list[int] = field(default_factory=list)
    text: str = ""
    logprobs: list[float] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    entropy: float = 0.0
    drafted: int = 0
    accepted: int = 0
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
    for drafts.
    """

    def __init__(self, cache: ResidentCache, tokenizer: Tokenizer, *, branch: Branch, logits: torch.Tensor,
                 position: int, ends: frozenset[int], limits: Limits, context: Sequence[int],
                 stop: StopCheck, end: Callable[[], Stop | None] = lambda: None, drafter: Drafter | None = None,
                 penalty: Penalty | None = None, sampling: Sampling | None = None, must_begin: str = "",
                 forced: Sequence[int] = ()) -> None:
        self.cache, self.tokenizer, self.branch = cache, tokenizer, branch
        self.progress = Progress()
        self._logits = logits
        self._ends, self._limits, self._stop, self._end = ends, limits, stop, end
        self._drafter, self._penalty, self._sampling = drafter, penalty, sampling
        self.context = list(context)
        self._stream = TextStream(tokenizer)
        self._owed = must_begin
        self._forced = list(forced)
        self._scratch = Scratch(start=position, exact=cache.frontier >= position)
        self._drafts: list[int] = []
        self._instead: tuple[int, float] | None = None
        """Chosen where a draft was wrong: the next token."""
        never = [token for token in tokenizer.control.values() if token not in ends]
        self._control = torch.tensor(never, dtype=torch.int64, device=logits.device)
        self._end_ids = torch.tensor(sorted(ends), dtype=torch.int64, device=logits.device)

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
            token, logprob = self._instead or self.select(self._logits, remember=True)
            self._instead = None
            if self._take(token, logprob):
                return []
            rows = [token]
        room = min(
            self._limits.draft,
            self._limits.tokens - len(self.progress.ids),
            self._limits.context - self.position - len(rows),
        )
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
            token, logprob = self.select(logits[first + accepted], remember=True)
            if token != draft:
                self._instead = token, logprob
                break
            accepted += 1
            if self._take(token, logprob):
                break
        self._drop_rejected(len(drafts), accepted)
        self._logits = logits[first + accepted]

    def close(self, *, keep: bool = True) -> None:
        """End: leave the accepted rows for the next plan to adopt, or give them back."""
        self.progress.stop = self.progress.stop or "abandoned"
        if keep and self._scratch.slots:
            self.cache.scratch = self._scratch
        elif self._scratch.slots:
            self.cache.give_back(np.asarray(self._scratch.slots, np.int64))
        self._scratch = Scratch(self._scratch.start, self._scratch.exact)

    # ---------------------------------------------------------------------------------------------------------

    def select(self, logits: torch.Tensor, *, remember: bool) -> tuple[int, float]:
        """The token to take behind a row of ``logits`` (vocabulary,), and its log-probability.

        The device is asked once: for the whole row where all of it counts (the first token's entropy, a draw), else for
        the likeliest tokens only. The rest is done on the host.
        """
        row = torch.log_softmax(logits, -1)
        row.index_fill_(0, self._control, -torch.inf)  # markers are no text; only the end tokens may be chosen
        penalty = self._penalty if self._penalty is not None and self._penalty.active else None
        if self._owed:
            penalty = None
            allowed = torch.from_numpy(self.tokenizer.starting_with(self._owed).astype(np.int64)).to(row.device)
            row = torch.full_like(row, -torch.inf).index_copy_(0, allowed, row[allowed])
        progress = self.progress
        early = remember and len(progress.ids) < EARLY
        whole = self._sampling is not None or (early and not progress.ids)
        if whole:
            row = row.cpu()
        likely = self._likeliest(row, _PENALISED + 1 if penalty is not None else _ALTERNATIVES if early else 1)
        if penalty is not None:
            self._penalise(likely, penalty, _ALTERNATIVES if early else 1)
            if whole:
                row[torch.tensor(list(likely))] = torch.tensor(list(likely.values()), dtype=row.dtype)
        best = sorted(likely.items(), key=lambda one: (-one[1], one[0]))[:_ALTERNATIVES]
        if early:
            if not progress.ids:
                progress.entropy = first_entropy(row.numpy())
            progress.choices.append(Choice(tuple(token for token, _ in best), tuple(value for _, value in best)))
        token, logprob = best[0]
        if self._sampling is not None:
            token = self._sampling.draw(row, len(progress.ids))
            logprob = float(row[token])
        return token, min(0.0, logprob)

    def _likeliest(self, row: torch.Tensor, count: int) -> dict[int, float]:
        """The ``count`` likeliest tokens, best first, then the end tokens where there is more than one to choose from;
        with their log-probabilities. One transfer: ids are small enough to be exact beside them."""
        best = row.topk(min(count, len(row))) if count > 1 else row.max(-1, keepdim=True)  # the first of equals
        values, ids = best.values, best.indices
        if count > 1:
            values, ids = torch.cat((values, row[self._end_ids])), torch.cat((ids, self._end_ids))
        found, tokens = torch.stack((values, ids.to(values.dtype))).tolist()
        return dict(zip(map(int, tokens), found, strict=True))

    def _penalise(self, likely: dict[int, float], penalty: Penalty, places: int) -> None:
        """Lower, and raise, the first :data:`_PENALISED` of ``likely`` in place, as far as they may come to the first
        ``places``; the last one only bounds them."""
        gain = penalty.gains(None)
        best = [-math.inf] * places  # ascending
        for token, logprob in list(likely.items())[:_PENALISED]:
            if logprob + penalty.most <= best[0] and self._sampling is None:
                break  # nothing behind it can come to the front
            if token not in self._ends:
                piece = self.tokenizer.piece(token)
                likely[token] = logprob + penalty.gains(piece) - penalty.lowers(piece)
                best = sorted([*best, likely[token]])[1:]
        for token in self._ends:
            likely[token] += gain

    def _take(self, token: int, logprob: float) -> bool:
        """Append a chosen token; True when the generation ends with it."""
        progress = self.progress
        if token in self._ends:
            stop = self._end()
            progress.stop = "end" if stop is None else str(stop.reason)
            return True
        piece = self._stream.push(token)
        if "\ufffd" in piece:  # bytes that are no text: nothing a user could want
            progress.stop = "not_text"
            return True
        progress.ids.append(token)
        progress.logprobs.append(logprob)
        progress.text += piece
        self.context.append(token)
        if self._owed:
            self._owed = self._owed[len(piece):] if self._owed.startswith(piece) else ""
        if self._penalty is not None:
            self._penalty.push(piece)
        stop = self._stop(piece)
        progress.stop = None if stop is None else str(stop.reason)
        if progress.stop is None and len(progress.ids) >= self._limits.tokens:
            progress.stop = "max_tokens"
        if progress.stop is None and self._scratch.start + len(progress.ids) >= self._limits.context:
            progress.stop = "context_full"
        return progress.stop is not None

    def _propose(self, room: int) -> list[int]:
        if self._drafter is None or room <= 0 or self._owed:
            return []
        return list(self._drafter.propose(self.context, room))

    def _drop_rejected(self, drafted: int, accepted: int) -> None:
        """Rows of rejected drafts leave no trace."""
        if not drafted:
            return
        self.progress.drafted += drafted
        self.progress.accepted += accepted
        rejected = drafted - accepted
        if rejected:
            self.cache.give_back(np.asarray(self._scratch.slots[-rejected:], np.int64))
            del self._scratch.slots[-rejected:], self._scratch.ids[-rejected:]
        if self._drafter is not None:
            self._drafter.observe(drafted, accepted)


def step(generations: Sequence[Generation]) -> None:
    """One forward for all generations that are not done; they are over the same cache.

    What it costs is told to the drafters in seconds of the device's own clock (:mod:`kvlsp.model.clock`).
    """
    batch = [(generation, rows) for generation in generations
             if not generation.done and (rows := generation.next_rows())]
    if not batch:
        return
    cache = batch[0][0].cache
    ids = [token for _, rows in batch for token in rows]
    positions = [generation.position + row for generation, rows in batch for row in range(len(rows))]
    slots = cache.take(len(ids), scratch=True)
    branches = [generation.branch for generation, rows in batch for _ in rows]
    first = 0
    for generation, rows in batch:
        generation.encoded(rows, slots[first : first + len(rows)].tolist())
        first += len(rows)
    clock = work_clock(cache.decoder.device)
    begin = clock()
    logits = cache.decoder.forward(
        cache.arrays(), torch.tensor(ids), torch.tensor(positions), torch.from_numpy(slots),
        branches[0] if len(batch) == 1 else branches, slice(None),
    )
    if len(batch) == 1:
        batch[0][0].timed(len(ids), clock() - begin)
    first = 0
    for generation, rows in batch:
        generation.receive(logits[first : first + len(rows)])
        first += len(rows)
