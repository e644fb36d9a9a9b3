"""Tokens per second with and without drafts, on the same prompts in one run, and whether the texts are the same.

    figures = measure(model, {"rewrite": prompts, ...})

Only decoding is timed: the document is resident before. With and without alternate, the fastest of several runs
of each counts, so that whatever else the machine does hits both alike. The ratio is the figure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.draft_length import Adaptation
from kvlsp.completion.drafts import Drafting
from kvlsp.engine.completion import CompletionJob, Phase
from kvlsp.engine.generate import Drafter
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.decode_prompts import DecodePrompt
from kvlsp.opening.model import Model
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

Clock = Callable[[], float]

TIE = 0.25
"""Nats between two runs that are rounding in bfloat16, where rows of one forward are added up in another order than
those of another; below float32 only."""


@dataclass(frozen=True, slots=True)
class Run:
    """One completion: its tokens, its text, the seconds they took and what drafting did for them."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    seconds: float
    forwards: int
    drafted: int
    accepted: int
    drafts: int
    """Forwards that carried a draft."""


@dataclass(slots=True)
class Totals:
    """Sums over the prompts of one workload."""

    prompts: int = 0
    tokens: int = 0
    seconds: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    forwards: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    drafted: int = 0
    accepted: int = 0
    drafts: int = 0
    ties: int = 0
    different: int = 0

    def add(self, plain: Run, drafted: Run, *, tie: bool) -> None:
        self.prompts += 1
        self.tokens += len(plain.ids)
        for key, run in ((False, plain), (True, drafted)):
            # a tie may lengthen one of them: seconds for as many tokens as the plain run has
            self.seconds[key] += run.seconds * len(plain.ids) / max(1, len(run.ids))
            self.forwards[key] += run.forwards
        self.drafted += drafted.drafted
        self.accepted += drafted.accepted
        self.drafts += drafted.drafts
        if plain.ids != drafted.ids:
            self.ties += tie
            self.different += not tie

    def figures(self) -> dict[str, Any]:
        tokens, seconds = max(1, self.tokens), self.seconds
        return {
            "speedup": round(seconds[False] / seconds[True], 3) if seconds[True] else None,
            "accepted_mean": round(self.accepted / max(1, self.drafts), 2),
            "copied_share": round(self.accepted / tokens, 3),
            "identical": self.different == 0 and self.ties == 0,
            "different_at_ties": self.ties,
            "different": self.different,
            "prompts": self.prompts,
            "tokens": self.tokens,
            "tokens_per_second": round(tokens / seconds[True], 1) if seconds[True] else None,
            "tokens_per_second_without": round(tokens / seconds[False], 1) if seconds[False] else None,
            "tokens_per_forward": round(tokens / max(1, self.forwards[True]), 2),
            "drafted_right": round(self.accepted / max(1, self.drafted), 3),
        }


class Counted:
    """A drafter that counts the drafts behind it."""

    def __init__(self, inner: Drafter) -> None:
        self._inner = inner
        self.drafts = 0

    def propose(self, context: Sequence[int], limit: int) -> Sequence[int]:
        return self._inner.propose(context, limit)

    def observe(self, proposed: int, accepted: int) -> None:
        self.drafts += 1
        self._inner.observe(proposed, accepted)

    def timed(self, rows: int, seconds: float) -> None:
        self._inner.timed(rows, seconds)


def measure(model: Model, workloads: Mapping[str, Sequence[DecodePrompt]], *, repeats: int = 3,
            clock: Clock = time.perf_counter, advance: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """``{"workloads": {name: figures}}``; see :class:`Totals` for the figures.

    ``accepted_mean`` is right tokens per draft, ``copied_share`` their share of all tokens. Where both runs differ,
    the first different tokens are weighed: closer than the precision can tell apart is a tie.
    """
    result: dict[str, Any] = {}
    rounded = model.decoder.dtype.itemsize < 4
    for name, prompts in workloads.items():
        totals, adaptation = Totals(), Adaptation()
        for number, prompt in enumerate(prompts):
            session = _session(model, prompt)
            plain, drafted = _compared(session, prompt, adaptation, repeats, number % 2 == 1, clock)
            if plain.ids:
                totals.add(plain, drafted, tie=rounded and _tied(plain, drafted))
            advance()
        result[name] = totals.figures()
    return {"workloads": result}


def _session(model: Model, prompt: DecodePrompt) -> Session:
    return Session(model, Snapshot("decode", 0, Rope.of(prompt.text), "python"),
                   context=model.decoder.context_length, generation_rows=prompt.settings.max_tokens)


def _compared(session: Session, prompt: DecodePrompt, adaptation: Adaptation, repeats: int, drafts_first: bool,
              clock: Clock) -> tuple[Run, Run]:
    """The fastest of ``repeats`` runs without and with drafts, in alternating order."""
    runs: dict[bool, list[Run]] = {True: [], False: []}
    order = [drafts_first, not drafts_first]
    copies = CopyDrafter(session.tokens.ids)
    _, suffix = session.sides(prompt.caret)
    for _ in range(repeats):
        for drafts in order:
            drafter = Counted(Drafting(copies, (), suffix.ids, adaptation)) if drafts else None
            runs[drafts].append(_run(session, prompt, drafter, clock))
        order.reverse()
    return tuple(min(runs[drafts], key=lambda run: run.seconds) for drafts in (False, True))  # type: ignore[return-value]


def _run(session: Session, prompt: DecodePrompt, drafter: Counted | None, clock: Clock) -> Run:
    job = CompletionJob(session, prompt.caret, prompt.settings, drafting=lambda offset: drafter)
    while job.phase is Phase.PREPARING:
        job.step()
    begin = clock()
    job.run()
    seconds = clock() - begin
    progress = job.progress
    assert progress is not None
    return Run(tuple(progress.ids), tuple(progress.logprobs), seconds, progress.forwards, progress.drafted,
               progress.accepted, drafter.drafts if drafter else 0)


def _tied(plain: Run, drafted: Run) -> bool:
    """Whether two runs differ by no more than rounding: up to and with the first different token, what was chosen
    was equally likely in both."""
    pairs = zip(plain.ids, drafted.ids, plain.logprobs, drafted.logprobs, strict=False)  # to the shorter one's end
    for token, other, chosen, chosen_other in pairs:
        if abs(chosen - chosen_other) > TIE:
            return False
        if token != other:
            break
    return True
