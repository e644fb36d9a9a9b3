"""The texts of one completion: where they begin, the rule that ends each, and the places at which others branch off.

They are generated behind one resident layout, each in a branch of its own, and share their forwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kvlsp.completion.candidates import fork
from kvlsp.completion.penalty import GrammarPenalty
from kvlsp.completion.stop import Stop, StopPolicy, StopRule
from kvlsp.config import Settings
from kvlsp.engine.generate import DRAFTED, Drafter, Generation, Limits, StopCheck, step
from kvlsp.engine.sampling import Sampling
from kvlsp.engine.session import Session
from kvlsp.model.rows import LAST, Branch, RowBatch
from kvlsp.opening.model import Model
from kvlsp.prompt.healing import heal
from kvlsp.prompt.layout import Layout
from kvlsp.syntax.language import Language

Drafting = Callable[[int], "Drafter | None"]
"""Drafts for a completion at an offset of the session's text."""

_CONTEXT_IDS = 1024
"""Tokens before the caret that drafts look at."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where generation begins: behind layout row ``row``, at ``position``.

    ``hidden`` are layout rows that its branches must not see: tokens taken back by healing, whose text ``owed`` has
    to be spelled first. ``again`` are layout rows behind them, encoded anew in each branch because they saw them.
    """

    row: int
    position: int
    hidden: tuple[int, ...] = ()
    owed: str = ""
    again: tuple[int, ...] = ()

    @classmethod
    def of(cls, model: Model, layout: Layout) -> Start:
        """Behind the last row, or, with the last prefix token healed, behind the row before it."""
        rows = len(layout)
        first, last = layout.prefix
        count, owed = heal(model.tokenizer, layout.ids[first:last]) if model.template.heals else (0, "")
        if not count:
            return cls(rows - 1, rows)
        hidden = tuple(range(last - count, last))
        if layout.text_last:
            if last == count:  # nothing would be left to go on: its first tokens stay as they are
                return cls(rows - 1, rows)
            return cls(last - 1 - count, last - count, hidden, owed)
        closing = max(last, layout.suffix[1])
        return cls(rows - 1, closing, hidden, owed, tuple(range(closing, rows)))


def behind_caret(rule: StopRule, owed: int) -> StopCheck:
    """Text behind the caret goes to the stop rule; the ``owed`` characters that a healed token repeats do not."""

    def push(piece: str) -> Stop | None:
        nonlocal owed
        if owed:
            repeated = min(owed, len(piece))
            owed -= repeated
            piece = piece[repeated:]
        return rule.push(piece) if piece else None

    return push


@dataclass(frozen=True, slots=True)
class Candidate:
    """One text being generated, with the rule that ends it.

    Neither knows the candidate: in a circle they would hold the document's cache long after it was closed.
    """

    rule: StopRule
    generation: Generation

    def offered(self, *, partial: bool) -> str:
        """What of the generated text may be offered.

        Complete lines or statements only where it was broken off: at a deadline (``partial``) or at a limit.
        """
        ended = self.generation.progress.stop == "end" and not partial
        return self.rule.generated if ended else self.rule.generated[: self.rule.complete_part()]


class Texts:
    """Up to ``wanted`` different texts behind ``start`` of a resident ``layout``, whose ``logits`` (vocabulary,) are
    known. ``seed`` names the draws where ``settings.temperature`` is above 0."""

    def __init__(self, session: Session, settings: Settings, prefix: str, suffix: str, language: Language | None,
                 layout: Layout, start: Start, logits: torch.Tensor, *, wanted: int, drafter: Drafter | None,
                 seed: int) -> None:
        self._session, self._settings, self._start, self._logits = session, settings, start, logits
        self._around = prefix, suffix, language
        self._wanted, self._drafter, self._seed = wanted, drafter, seed
        self._memory = (
            session.remembering.mixture(session.model, language, session.snapshot.uri) if session.remembering else None
        )
        self._hides: torch.Tensor | None = None
        first, last = layout.prefix
        if start.hidden:
            self._hides = torch.from_numpy(session.cache.rows.slots[list(start.hidden + start.again)])
            last = start.hidden[0]
        self.context_ids: list[int] = layout.ids[max(first, last - _CONTEXT_IDS) : last].astype(np.int64).tolist()
        """Tokens before the first generated one, as many as drafts look at."""
        self.all: list[Candidate] = []
        self._add((), settings.max_tokens)

    @property
    def first(self) -> Candidate:
        return self.all[0]

    def step(self) -> bool:
        """One forward; True when all texts have ended."""
        generations = [candidate.generation for candidate in self.all]
        step(generations)
        if all(generation.done for generation in generations) and len(generations) < self._wanted:
            self._branch_off()
        return all(candidate.generation.done for candidate in self.all)

    def close(self) -> None:
        """Give back their rows; accepted ones of the first text stay for the next plan to adopt."""
        self._memory = None
        for number, candidate in enumerate(self.all):
            candidate.generation.close(keep=number == 0)

    def _add(self, forced: Sequence[int], tokens: int) -> None:
        """A text of its own branch that begins with the tokens ``forced``, ``tokens`` long at most."""
        session, settings, start = self._session, self._settings, self._start
        policy = StopPolicy(multi_line=settings.multi_line, max_lines=settings.max_lines)  # type: ignore[arg-type]
        rule = StopRule.begin(*self._around, policy)
        branch = Branch(1 + len(self.all), self._hides)
        ids, slots, logits = self._encode_again(branch)
        generation = Generation(
            session.cache, session.model.tokenizer,
            branch=branch,
            logits=logits,
            position=start.position,
            ends=session.model.template.end,
            limits=Limits(tokens=tokens, context=session.context),
            context=self.context_ids,
            stop=behind_caret(rule, len(start.owed)),
            end=rule.end,
            drafter=self._drafter,
            penalty=GrammarPenalty(rule.place, settings.penalty) if settings.penalty < 1 else None,
            sampling=Sampling(settings.temperature, self._seed, len(self.all)) if settings.temperature else None,
            must_begin="" if forced else start.owed,
            forced=forced,
            memory=self._memory,
        )
        generation.encoded(ids, slots)
        self.all.append(Candidate(rule, generation))

    def _encode_again(self, branch: Branch) -> tuple[list[int], list[int], torch.Tensor]:
        """The rows that saw a hidden one, in the branch that must not: (ids, slots, logits of the last row)."""
        cache, again = self._session.cache, list(self._start.again)
        if not again:
            return [], [], self._logits
        ids = cache.rows.ids[again].astype(np.int64)
        slots = cache.take(len(again), scratch=True)
        logits = cache.decoder.forward(cache.arrays(), RowBatch(
            torch.from_numpy(ids), torch.tensor(again), torch.from_numpy(slots), LAST, branch,
        ))  # fmt: skip
        return ids.tolist(), slots.tolist(), logits[0]

    def _branch_off(self) -> None:
        """Other texts, once, where the first one was least certain early on."""
        model, progress = self._session.model, self.first.generation.progress
        never = {*model.template.end, *model.tokenizer.control.values()}
        forks = fork(progress.choices, self._wanted - 1, progress.ids, never)
        self._wanted = 0
        if not forks:
            return
        # A full document keeps rows free for one text; the others share what is left, and with too little stay away.
        left = self._session.cache.left // len(forks) - len(self._start.again) - DRAFTED
        for other in forks:
            forced = [*progress.ids[: other.at], other.token]
            if len(forced) < left:
                self._add(forced, min(self._settings.max_tokens, left))
