"""Does the grammar penalty end loops without spoiling code? Beside greedy decoding and a plain repetition penalty.

    prompts = looping(model, candidates(files), wanted=200)      # greedy decoding does not end there, and repeats
    table = measure(model, prompts, holes)

No stop rule cuts anything here: what is judged is whether a policy ends by itself. The measures are those of RPG
(arXiv 2505.10402): the share that ends, duplicate 4-grams of the grammar sequence, duplicate statements, the share
that parses (here: the whole document with the completion in it, by tree-sitter, without an error).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.drafts import Drafting
from kvlsp.completion.penalty import GrammarPenalty
from kvlsp.completion.stop import Stop, StopReason
from kvlsp.engine.generate import Generation, Limits, step
from kvlsp.engine.session import Session
from kvlsp.laboratory.evaluation.infill import first_line
from kvlsp.laboratory.evaluation.repetition_prompts import Prompt
from kvlsp.model.rows import Branch
from kvlsp.opening.model import Model
from kvlsp.syntax.block import Place
from kvlsp.syntax.language import Language
from kvlsp.syntax.leaves import leaves
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

POLICIES = ("greedy", "plain_penalty", "grammar")
PLAIN = 1.2
"""Strength of the plain repetition penalty (CTRL, arXiv 1909.05858), as RPG compares with."""
TOKENS, LINE_TOKENS = 200, 64
"""Longest completion, of a looping prompt and of a one-line hole."""
LOOPS_FROM = 0.5
"""A completion that does not end loops if so many of its grammar 4-grams are duplicates."""

Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion: its text, and whether the model ended it."""

    text: str
    ended: bool


class PlainPenalised(Generation):
    """The usual repetition penalty, over all tokens before the caret and all generated ones."""

    def select(self, logits: torch.Tensor) -> tuple[int, float]:
        seen = torch.tensor(sorted(set(self.context)), dtype=torch.int64)
        row, logits = logits[seen], logits.clone()
        logits[seen] = torch.where(row > 0, row / PLAIN, row * PLAIN)
        return super().select(logits)


class OneLine:
    """Stops at the first line break behind some text."""

    def __init__(self) -> None:
        self._text = ""

    def push(self, piece: str) -> Stop | None:
        self._text += piece
        return Stop(StopReason.LINE, len(self._text)) if "\n" in self._text.lstrip() else None


def complete(model: Model, prompt: Prompt, policies: Sequence[str] = POLICIES, *, strength: float = 0.9,
             one_line: bool = False) -> dict[str, Sample]:
    """One completion per policy, decoded in one batch over one prefill."""
    above, below = prompt.seen
    tokens = LINE_TOKENS if one_line else TOKENS
    session = Session(model, Snapshot("repetition", 0, Rope.of(above + below), prompt.language),
                      context=model.decoder.context_length, generation_rows=len(policies) * tokens)
    layout, settled = session.sync(len(above), wanted=lambda layout: [len(layout) - 1])
    assert settled.logits is not None  # nothing interrupts it
    context = layout.ids[slice(*layout.prefix)].tolist()
    _, suffix = session.sides(len(above))
    language = Language.of(prompt.language)
    place = Place.at(above, below, language)
    copies = CopyDrafter(session.tokens.ids)
    generations = {}
    for number, policy in enumerate(policies, 1):
        kind = PlainPenalised if policy == "plain_penalty" else Generation
        generations[policy] = kind(
            session.cache, model.tokenizer, branch=Branch(number), logits=settled.logits[0], position=len(layout),
            ends=model.template.end, limits=Limits(tokens, session.context), context=context,
            stop=OneLine().push if one_line else _never, drafter=Drafting(copies, (), suffix.ids),
            penalty=GrammarPenalty(place, strength) if policy == "grammar" else None,
        )
    while not all(generation.done for generation in generations.values()):
        step(list(generations.values()))
    return {policy: Sample(generation.progress.text, generation.progress.stop == "end")
            for policy, generation in generations.items()}


def looping(model: Model, prompts: Iterable[Prompt], wanted: int, *, tried: int | None = None,
            advance: Advance = lambda: None) -> list[Prompt]:
    """The first ``wanted`` prompts that make greedy decoding loop; looks at ``tried`` at most (10 per one wanted)."""
    found: list[Prompt] = []
    for _, prompt in zip(range(tried or 10 * wanted), prompts, strict=False):
        sample = complete(model, prompt, ("greedy",))["greedy"]
        if not sample.ended and score(prompt, sample)["grammar_4gram_duplicates"] >= LOOPS_FROM:
            found.append(prompt)
            advance()
        if len(found) == wanted:
            break
    return found


def measure(model: Model, prompts: Sequence[Prompt], holes: Sequence[Prompt], *, strength: float = 0.9,
            advance: Advance = lambda: None) -> dict[str, dict[str, float]]:
    """Per policy: ends, grammar_4gram_duplicates, statement_duplicates, parses (shares over the prompts) and
    infill_exact_match (percent of the holes)."""
    scores: dict[str, list[Mapping[str, float]]] = {policy: [] for policy in POLICIES}
    right = dict.fromkeys(POLICIES, 0)
    for prompt in prompts:
        for policy, sample in complete(model, prompt, strength=strength).items():
            scores[policy].append(score(prompt, sample))
        advance()
    for hole in holes:
        for policy, sample in complete(model, hole, strength=strength, one_line=True).items():
            right[policy] += first_line(sample.text).rstrip() == hole.solution.rstrip()
        advance()
    return {
        policy: {
            **{name: round(sum(row[name] for row in rows) / len(rows), 4) for name in (rows[0] if rows else ())},
            "infill_exact_match": round(100 * right[policy] / max(1, len(holes)), 2),
        }
        for policy, rows in scores.items()
    }


def score(prompt: Prompt, sample: Sample) -> dict[str, float]:
    """The measures of one completion of a looping prompt."""
    language = Language.of(prompt.language)
    lines = [line.strip() for line in sample.text.split("\n") if line.strip()]
    grammar = [leaf for line in lines for leaf in (*leaves(language, line), "\n")]
    whole = prompt.prefix + sample.text + prompt.suffix
    return {
        "ends": float(sample.ended),
        "grammar_4gram_duplicates": _duplicates(list(zip(*(grammar[at:] for at in range(4)), strict=False))),
        "statement_duplicates": _duplicates(lines),
        "parses": float(language is not None and not language.parse(whole).root_node.has_error),
    }


def _never(piece: str) -> Stop | None:
    return None


def _duplicates(items: Sequence[Any]) -> float:
    return 1.0 - len(set(items)) / len(items) if items else 0.0
