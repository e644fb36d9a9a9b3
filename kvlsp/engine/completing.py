"""One completion in one session, from the caret to the texts to insert.

A :class:`Completing` is prepared (the layout is made resident), stepped (a forward each) and asked for its answer,
at its end or at a deadline. Whoever owns it decides when to look at the queue: between steps nothing is half done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kvlsp.cache.choosing import Choice
from kvlsp.cache.repair import Interrupted, Settled
from kvlsp.completion.candidates import distinct, fork
from kvlsp.completion.confidence import confidence
from kvlsp.completion.penalty import GrammarPenalty
from kvlsp.completion.reasons import Reason
from kvlsp.completion.stop import Stop, StopPolicy, StopReason, StopRule
from kvlsp.completion.trim import refuse, trim
from kvlsp.config import Settings
from kvlsp.engine.generate import DRAFTED, Drafter, Generation, Limits, step
from kvlsp.engine.sampling import Sampling
from kvlsp.engine.session import Session
from kvlsp.model.decoder import Branch
from kvlsp.prompt.healing import heal
from kvlsp.prompt.layout import Layout
from kvlsp.syntax.block import WINDOW
from kvlsp.syntax.language import Language

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


class Candidate:
    """One text being generated, with the rule that ends it."""

    def __init__(self, rule: StopRule, owed: int) -> None:
        self.rule = rule
        self.generation: Generation
        self._owed = owed

    def push(self, piece: str) -> Stop | None:
        """Text behind the caret goes to the stop rule; what a healed token repeats does not."""
        if self._owed:
            repeated = min(self._owed, len(piece))
            self._owed -= repeated
            piece = piece[repeated:]
        return self.rule.push(piece) if piece else None

    def offered(self, *, partial: bool) -> str:
        """What of the generated text may be offered.

        Complete lines or statements only where it was broken off: at a deadline (``partial``) or at a limit.
        """
        ended = self.generation.progress.stop == "end" and not partial
        return self.rule.generated if ended else self.rule.generated[: self.rule.complete_part()]


class Completing:
    """A completion at character ``offset`` of the session's text; ``wanted`` different texts at most.

    ``seed`` names its draws where ``settings.temperature`` is above 0.
    """

    def __init__(self, session: Session, offset: int, settings: Settings, *, wanted: int = 1,
                 drafter: Drafter | None = None, choose: Choice | None = None, seed: int = 0) -> None:
        self.session, self.offset, self.settings, self.seed = session, offset, settings, seed
        text = session.snapshot.text
        self.prefix = text.slice(max(0, offset - WINDOW), offset)
        self.suffix = text.slice(offset, min(len(text), offset + WINDOW))
        self.language = Language.of(session.snapshot.language) or Language.of(session.snapshot.uri)
        self.candidates: list[Candidate] = []
        self.context_ids: list[int] = []
        """Tokens before the first generated one, as many as drafts look at."""
        self.settled: Settled | None = None
        self._wanted, self._drafter, self._choose = wanted, drafter, choose
        self._start: Start
        self._logits: torch.Tensor
        self._hides: torch.Tensor | None = None

    @property
    def refused(self) -> Reason | None:
        """Why this is no place for a suggestion, before any work."""
        template = self.session.model.template
        if not self.prefix and template.order == "plain" and not template.opening:
            return Reason.NOTHING_TO_SAY  # not one token before the caret: the model has nothing to go on
        return refuse(self.prefix, self.suffix)

    @property
    def text(self) -> str:
        """All that is generated so far behind the caret, for the first candidate."""
        return self.candidates[0].rule.generated if self.candidates else ""

    @property
    def prepared(self) -> bool:
        """Whether it can be stepped."""
        return bool(self.candidates)

    def prepare(self, interrupted: Interrupted = lambda: False, chunk: int = 256,
                progress: Callable[[int, int], None] | None = None) -> bool:
        """Make the layout resident and be ready to step; False when interrupted (what is encoded stays)."""

        def wanted(layout: Layout) -> list[int]:
            self._start = self._find_start(layout)
            return [self._start.row]

        layout, self.settled = self.session.settle(
            self.offset, wanted=wanted, choose=self._choose, interrupted=interrupted, chunk=chunk,
            progress=progress,
        )
        if not self.settled.complete or self.settled.logits is None:
            return False
        self._logits = self.settled.logits[0]
        start, (first, last) = self._start, layout.prefix
        if start.hidden:
            self._hides = torch.from_numpy(self.session.cache.rows.slots[list(start.hidden + start.again)])
            last = start.hidden[0]
        self.context_ids = layout.ids[max(first, last - _CONTEXT_IDS) : last].astype(np.int64).tolist()
        self._add_candidate((), self.settings.max_tokens)
        return True

    def step(self) -> bool:
        """One forward; True when all has ended. An exception of the model drops the document's cache."""
        try:
            generations = [candidate.generation for candidate in self.candidates]
            step(generations)
            if all(generation.done for generation in generations) and len(generations) < self._wanted:
                self._branch_off()
        except Exception:
            self.candidates.clear()
            self.session.cache.forget()
            raise
        return all(candidate.generation.done for candidate in self.candidates)

    def answers(self, *, partial: bool = False) -> tuple[Sequence[str], Reason | None]:
        """Texts to insert, the best first, or why there is none."""
        if not self.candidates:
            return (), Reason.DEADLINE if partial else Reason.NOTHING_TO_SAY
        texts: list[str] = []
        reasons: list[Reason | None] = []
        for candidate in self.candidates:
            generated = candidate.offered(partial=partial)
            if partial and not generated.strip():
                texts, reasons = [*texts, ""], [*reasons, Reason.DEADLINE]
                continue
            text, reason = trim(self.prefix, generated, self.suffix, self.language)
            if not text and candidate.rule.stop is not None and candidate.rule.stop.reason is StopReason.LOOP:
                reason = Reason.LOOPING
            texts.append(text)
            reasons.append(reason)
        return distinct(texts), reasons[0]

    @property
    def confidence(self) -> float:
        """How sure the model is of the first candidate, 0 to 1."""
        progress = self.candidates[0].generation.progress
        return confidence(progress.logprobs, progress.entropy)

    def close(self) -> None:
        """Give back what it holds; accepted rows of the first candidate stay for the next plan to adopt."""
        for number, candidate in enumerate(self.candidates):
            candidate.generation.close(keep=number == 0)

    def report(self) -> dict[str, Any]:
        """Counts for statistics and the status bar."""
        report: dict[str, Any] = {}
        if self.settled is not None:
            report.update(kept=self.settled.kept, moved=self.settled.moved, encoded=self.settled.encoded,
                          repaired=self.settled.repaired, adopted=self.settled.adopted, copied=self.settled.copied)
        if self.candidates:
            progress = self.candidates[0].generation.progress
            report.update(generated=len(progress.ids), forwards=progress.forwards, drafted=progress.drafted,
                          accepted=progress.accepted, stop=progress.stop, confidence=round(self.confidence, 4))
        return report

    # ---------------------------------------------------------------------------------------------------------

    def _find_start(self, layout: Layout) -> Start:
        """Behind the last row, or, with the last prefix token healed, behind the row before it."""
        model = self.session.model
        rows = len(layout)
        first, last = layout.prefix
        count, owed = heal(model.tokenizer, layout.ids[first:last]) if model.template.heals else (0, "")
        if not count:
            return Start(rows - 1, rows)
        hidden = tuple(range(last - count, last))
        if layout.text_last:
            if last == count:  # nothing would be left to go on: its first tokens stay as they are
                return Start(rows - 1, rows)
            return Start(last - 1 - count, last - count, hidden, owed)
        closing = max(last, layout.suffix[1])
        return Start(rows - 1, closing, hidden, owed, tuple(range(closing, rows)))

    def _add_candidate(self, forced: Sequence[int], tokens: int) -> None:
        """A text of its own branch that begins with the tokens ``forced``, ``tokens`` long at most."""
        session, settings, start = self.session, self.settings, self._start
        rule = StopRule.begin(
            self.prefix, self.suffix, self.language,
            StopPolicy(multi_line=settings.multi_line, max_lines=settings.max_lines),  # type: ignore[arg-type]
        )
        candidate = Candidate(rule, len(start.owed))
        branch = Branch(1 + len(self.candidates), self._hides)
        ids, slots, logits = self._encode_again(branch)
        candidate.generation = Generation(
            session.cache, session.model.tokenizer,
            branch=branch,
            logits=logits,
            position=start.position,
            ends=session.model.template.end,
            limits=Limits(tokens=tokens, context=session.context),
            context=self.context_ids,
            stop=candidate.push,
            end=rule.end,
            drafter=self._drafter,
            penalty=GrammarPenalty(rule.place, settings.penalty) if settings.penalty < 1 else None,
            sampling=Sampling(settings.temperature, self.seed, len(self.candidates)) if settings.temperature else None,
            must_begin="" if forced else start.owed,
            forced=forced,
        )
        candidate.generation.encoded(ids, slots)
        self.candidates.append(candidate)

    def _encode_again(self, branch: Branch) -> tuple[list[int], list[int], torch.Tensor]:
        """The rows that saw a hidden one, in the branch that must not: (ids, slots, logits of the last row)."""
        cache, again = self.session.cache, list(self._start.again)
        if not again:
            return [], [], self._logits
        ids = cache.rows.ids[again].astype(np.int64)
        slots = cache.take(len(again), scratch=True)
        logits = cache.decoder.forward(
            cache.arrays(), torch.from_numpy(ids), torch.tensor(again), torch.from_numpy(slots), branch,
            slice(len(again) - 1, None),
        )
        return ids.tolist(), slots.tolist(), logits[0]

    def _branch_off(self) -> None:
        """Other candidates, once, where the first one was least certain early on."""
        progress = self.candidates[0].generation.progress
        never = {*self.session.model.template.end, *self.session.model.tokenizer.control.values()}
        forks = fork(progress.choices, self._wanted - 1, progress.ids, never)
        self._wanted = 0
        if not forks:
            return
        # A full document keeps rows free for one text; the others share what is left, and with too little stay away.
        left = self.session.cache.left // len(forks) - len(self._start.again) - DRAFTED
        for other in forks:
            forced = [*progress.ids[: other.at], other.token]
            if len(forced) < left:
                self._add_candidate(forced, min(self.settings.max_tokens, left))
