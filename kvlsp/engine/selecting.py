"""Which token follows a row of logits: the likeliest or one drawn, after the penalty, among those that are allowed.

The device is asked once per row: for the whole row where all of it counts (a draw), else for the
likeliest tokens only. The rest is done on the host.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch

from kvlsp.completion.candidates import EARLY, Choice
from kvlsp.engine.sampling import Sampling
from kvlsp.tokens.tokenizer import Tokenizer

_PENALISED = 64
"""The penalty looks at so many of the likeliest tokens; what is less likely is not chosen anyway."""
_ALTERNATIVES = 4
"""Likeliest tokens remembered of early rows, for candidates."""


class Penalty(Protocol):
    """Holds back what would start a repetition; see :mod:`kvlsp.completion.penalty`."""

    @property
    def active(self) -> bool: ...

    def lowers(self, piece: str) -> float: ...

    def gains(self, piece: str | None) -> float: ...

    @property
    def most(self) -> float: ...

    def push(self, piece: str) -> None: ...


class Memory(Protocol):
    """What other files say beside the model; see :mod:`kvlsp.memory.mixture`."""

    def mixed(self, context: Sequence[int], logits: torch.Tensor) -> torch.Tensor: ...


class Selection:
    """Chooses the tokens of one generation, in order.

    With a ``memory`` from the mixture with that: it is what drafts are held to, so they change nothing.

    ``ends`` are token ids that end the text; other control tokens are never chosen. ``owed`` is text that the first
    tokens have to spell (a healed token). ``choices`` are the likeliest tokens of the early rows.
    """

    def __init__(self, tokenizer: Tokenizer, ends: frozenset[int], device: torch.device,
                 penalty: Penalty | None = None, sampling: Sampling | None = None, owed: str = "",
                 memory: Memory | None = None) -> None:
        self.owed = owed
        self.choices: list[Choice] = []
        self._tokenizer, self._ends = tokenizer, ends
        self._penalty, self._sampling, self._memory = penalty, sampling, memory
        never = [token for token in tokenizer.control.values() if token not in ends]
        self._control = torch.tensor(never, dtype=torch.int64, device=device)
        here = torch.tensor(sorted(ends), dtype=torch.int64)
        self._end_ids = {one.device: one for one in (here, here.to(device))}  # rows are looked at on either

    def took(self, piece: str) -> None:
        """The text of a token that was chosen, here or as a fork's beginning."""
        if self.owed:
            self.owed = self.owed[len(piece):] if self.owed.startswith(piece) else ""
        if self._penalty is not None:
            self._penalty.push(piece)

    def end(self) -> None:
        """No more is chosen: what was remembered need not be kept for it."""
        self._memory = None

    def select(self, logits: torch.Tensor, number: int, context: Sequence[int] = ()) -> tuple[int, float]:
        """The token to take behind a row of ``logits`` (vocabulary,), and its log-probability among those that are
        allowed; ``number`` counts the generated tokens before it, ``context`` are all ids before it."""
        if self._memory is not None:
            logits = self._memory.mixed(context, logits)
        row = torch.log_softmax(logits, -1)
        row.index_fill_(0, self._control, -torch.inf)  # markers are no text; only the end tokens may be chosen
        penalty = self._penalty if self._penalty is not None and self._penalty.active else None
        if self.owed:
            penalty = None
            allowed = torch.from_numpy(self._tokenizer.starting_with(self.owed).astype("int64")).to(row.device)
            row = torch.full_like(row, -torch.inf).index_copy_(0, allowed, row.index_select(0, allowed).log_softmax(-1))
        early = number < EARLY
        whole = self._sampling is not None
        if whole:
            row = row.cpu()
        likely = self._likeliest(row, _PENALISED + 1 if penalty is not None else _ALTERNATIVES if early else 1)
        if penalty is not None:
            self._penalise(likely, penalty, _ALTERNATIVES if early else 1)
            if whole:
                row[torch.tensor(list(likely))] = torch.tensor(list(likely.values()), dtype=row.dtype)
        best = sorted(likely.items(), key=lambda one: (-one[1], one[0]))[:_ALTERNATIVES]
        if early:
            self.choices.append(Choice(tuple(token for token, _ in best), tuple(value for _, value in best)))
        token, logprob = best[0]
        if self._sampling is not None:
            token = self._sampling.draw(row, number)
            logprob = float(row[token])
        return token, min(0.0, logprob)

    def _likeliest(self, row: torch.Tensor, count: int) -> dict[int, float]:
        """The ``count`` likeliest tokens, best first, then the end tokens where there is more than one to choose from;
        with their log-probabilities. One transfer: ids are small enough to be exact beside them."""
        best = row.topk(min(count, len(row))) if count > 1 else row.max(-1, keepdim=True)  # the first of equals
        values, ids = best.values, best.indices
        if count > 1:
            ends = self._end_ids[row.device]
            values, ids = torch.cat((values, row.index_select(0, ends))), torch.cat((ids, ends))
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
                piece = self._tokenizer.piece(token)
                likely[token] = logprob + penalty.gains(piece) - penalty.lowers(piece)
                best = sorted([*best, likely[token]])[1:]
        for token in self._ends:
            likely[token] += gain
