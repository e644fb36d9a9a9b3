"""What other files are worth to a model, and what of it chunk caches keep: every policy on the same lines, its cost.

For each line one exact cache of the document alone and one with the context are made; every placed policy starts from
copies of the same rows. Greedy decoding says whether the line comes out right; the teacher-forced loss of the key name
says more of a small model. Where context changes little there is no gain to keep: the divergence to full prefill
judges the policies all the same.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.chunks import giving
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.laboratory.evaluation.crossfile_cases import Case, Kind
from kvlsp.laboratory.evaluation.crossfile_layouts import Asked, asked
from kvlsp.laboratory.evaluation.crossfile_packages import Package
from kvlsp.laboratory.evaluation.crossfile_policies import TEMPERATURE, lent, makers, sharpened
from kvlsp.laboratory.evaluation.edits_policies import copied, prefilled
from kvlsp.laboratory.evaluation.edits_probe import Said, ask, divergence, similarity
from kvlsp.laboratory.evaluation.edits_scripts import Probe
from kvlsp.opening.model import Model
from kvlsp.prompt.layout import Layout
from kvlsp.workspace.chunk import Chunk
from kvlsp.workspace.retrieval import arrange, retrieve

BUDGET = 64
"""Stale rows that a policy with a budget encodes again at once, unless asked otherwise."""
FIRST = 16
"""Rows of each piece that ``chunks_epic`` encodes again."""
ALWAYS = ("none", "full")
"""What every other policy is compared with."""
POLICIES = (*ALWAYS, *makers(0, 0))

_FIRST_CHUNKS = 3
_REPEATS = 2000
_FEW = 10

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One policy on one line. ``name_loss`` in nats per token of the key name, ``kl`` to full prefill per token of the
    line; ``rows`` encoded and ``seconds`` until the first token's logits, from a resident document; ``placed_seconds``
    the same once the pieces are in place, where kvlsp puts them while the keyboard rests."""

    exact: bool
    similar: float
    recalled: bool
    """The greedy line has the key name."""
    spelt: bool
    """Every token of the key name is the likeliest one behind the true tokens before it."""
    hits: float
    """The share of its tokens that are."""
    name_loss: float
    kl: float
    rows: int
    seconds: float
    placed_seconds: float


@dataclass(slots=True)
class Table:
    """The same lines for every policy, in order."""

    outcomes: dict[str, list[Outcome]] = field(default_factory=lambda: {name: [] for name in POLICIES})
    context_tokens: list[int] = field(default_factory=list)
    document_tokens: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Means with paired intervals against ``none``; see :func:`_figures`."""
        return {
            "cases": len(self.context_tokens),
            "context_tokens": _rounded(self.context_tokens),
            "document_tokens": _rounded(self.document_tokens),
            "policies": {name: _figures(found, self.outcomes) for name, found in self.outcomes.items() if found},
        }


def evaluate(model: Model, packages: Iterable[Package], cases: Mapping[Kind, Sequence[Case]], *, tokens: int,
             budget: int = BUDGET, first: int = FIRST, policies: Sequence[str] = POLICIES,
             advance: Callable[[], None] = lambda: None) -> dict[Kind, Table]:
    """A table per kind, with at most ``tokens`` of context, of ``policies`` and :data:`ALWAYS`."""
    by_name = {package.name: package for package in packages}
    tables = {}
    for kind, listed in cases.items():
        table = tables[kind] = Table()
        for case in listed:
            one = asked(model, case, chunks_for(model, by_name[case.package], case, tokens))
            if one is not None:
                for name, outcome in judged(model, one, budget, first, policies).items():
                    table.outcomes[name].append(outcome)
                table.context_tokens.append(len(one.whole) - len(one.bare))
                table.document_tokens.append(len(one.bare))
            advance()
    return tables


def chunks_for(model: Model, package: Package, case: Case, tokens: int) -> tuple[Chunk, ...]:
    """What retrieval finds for the end of the document, in the order of placement."""
    def measure(text: str) -> int:
        return len(model.tokenizer.encode(text).ids)

    return arrange(retrieve(case.text, len(case.text), package.root / case.path, [package.index], budget=tokens,
                            measure=measure), ())


def retrieval(packages: Iterable[Package], cases: Iterable[Case]) -> dict[str, float]:
    """How often a file that defines the key name is among the first three chunks, and among all."""
    by_name = {package.name: package for package in packages}
    ranks = []
    for case in cases:
        package = by_name[case.package]
        chunks = retrieve(case.text, len(case.text), package.root / case.path, [package.index])
        ranks.append(next((number for number, chunk in enumerate(chunks) if chunk.path in case.defined_in), 1 << 20))
    found = np.asarray(ranks)
    return {
        "cases": len(found),
        "defining_file_in_first_3": round(float(np.mean(found < _FIRST_CHUNKS)), 4) if len(found) else 0.0,
        "defining_file_in_all": round(float(np.mean(found < 1 << 20)), 4) if len(found) else 0.0,
    }


# -- one line


def judged(model: Model, one: Asked, budget: int, first: int, policies: Sequence[str] = POLICIES) -> dict[str, Outcome]:
    """The policies on one line. Without any pieces all are the document alone."""
    decoder, limit = model.decoder, model.decoder.context_length
    bare, _, _ = prefilled(decoder, one.bare, limit)
    none = _say(model, one, copied(bare), one.bare)
    rows, seconds = _first_token(copied(bare), one.bare)
    spent = (rows, seconds, seconds)
    if not one.pieces:
        return {name: _outcome(one, none, none, spent) for name in POLICIES if name in ALWAYS or name in policies}
    full, result, seconds = prefilled(decoder, one.whole, limit, wanted=True)
    truth = _say(model, one, copied(full), one.whole)
    found = {
        "none": _outcome(one, truth, none, spent),
        "full": _outcome(one, truth, truth, (result.encoded, seconds, seconds)),
    }
    pieces = lent(decoder, one)
    give = giving(lambda: pieces)
    for name, make in makers(budget, first).items():
        if name not in policies:
            continue
        cache = copied(bare)
        began = time.perf_counter()
        placed = repair(cache, one.whole, given=give, wanted=[len(one.whole) - 1], choose=make(one, full))
        seconds = time.perf_counter() - began
        spent = (placed.encoded + placed.repaired, seconds, _first_token(cache, one.whole)[1])
        if name == "chunks_ape":
            sharpened(cache, one, TEMPERATURE)
        found[name] = _outcome(one, truth, _say(model, one, cache, one.whole), spent)
    return found


def _first_token(cache: ResidentCache, layout: Layout) -> tuple[int, float]:
    """Rows encoded and seconds taken until the logits at the end of a resident layout."""
    began = time.perf_counter()
    result = repair(cache, layout, wanted=[len(layout) - 1])
    return result.encoded + result.repaired, time.perf_counter() - began


def _say(model: Model, one: Asked, cache: ResidentCache, layout: Layout) -> Said:
    return ask(cache, layout, Probe("near", layout, layout, one.ids, one.case.line), model.tokenizer)


def _outcome(one: Asked, truth: Said, said: Said, spent: tuple[int, float, float]) -> Outcome:
    first, last = one.name
    ids = torch.from_numpy(one.ids)
    losses = -said.logprobs[torch.arange(len(ids)), ids]
    likeliest = said.top[first:last] == ids[first:last]
    line = one.case.line.strip()
    return Outcome(
        exact=said.line == line,
        similar=similarity(said.line, line),
        recalled=one.case.name in re.findall(r"\w+", said.line),
        spelt=bool(likeliest.all()),
        hits=float(likeliest.float().mean()),
        name_loss=float(losses[first:last].mean()),
        kl=float(divergence(truth, said).mean()),
        rows=spent[0],
        seconds=spent[1],
        placed_seconds=spent[2],
    )


# -- figures


def _figures(found: Sequence[Outcome], outcomes: Mapping[str, Sequence[Outcome]]) -> dict[str, Any]:
    """Means; ``.._gain`` against no context as [mean, low, high] (95 %, paired bootstrap over lines, higher is better).

    ``name_loss_kept`` is the share of full prefill's gain, None where that gain is not clearly above 0;
    ``effect_kept`` is how much nearer to full prefill than no context it is: 1 - KL / KL of no context.
    """
    def gain(of: Callable[[Outcome], float]) -> list[float]:
        return [round(value, 4) for value in interval(_column(found, of) - _column(outcomes["none"], of))]

    def loss(one: Outcome) -> float:
        return -one.name_loss

    none = _column(outcomes["none"], loss)
    kl, kl_none = _mean(found, lambda one: one.kl), _mean(outcomes["none"], lambda one: one.kl)
    return {
        "exact_match": round(100 * _mean(found, lambda one: one.exact), 2),
        "edit_similarity": round(_mean(found, lambda one: one.similar), 2),
        "name_recall": round(100 * _mean(found, lambda one: one.recalled), 2),
        "name_spelt": round(100 * _mean(found, lambda one: one.spelt), 2),
        "name_tokens": round(100 * _mean(found, lambda one: one.hits), 2),
        "name_loss": round(_mean(found, lambda one: one.name_loss), 4),
        "exact_match_gain": gain(lambda one: 100 * one.exact),
        "edit_similarity_gain": gain(lambda one: one.similar),
        "name_recall_gain": gain(lambda one: 100 * one.recalled),
        "name_spelt_gain": gain(lambda one: 100 * one.spelt),
        "name_tokens_gain": gain(lambda one: 100 * one.hits),
        "name_loss_gain": gain(loss),
        "name_loss_kept": kept(_column(found, loss) - none, _column(outcomes["full"], loss) - none),
        "kl_to_full": round(kl, 6),
        "effect_kept": round(1 - kl / kl_none, 4) if kl_none else None,
        "encoded_tokens": round(_mean(found, lambda one: one.rows), 1),
        "ms": _milliseconds(found, lambda one: one.seconds),
        "ms_once_placed": _milliseconds(found, lambda one: one.placed_seconds),
    }


def kept(gains: Floats, full: Floats) -> list[float] | None:
    """The share of ``full``'s mean gain that ``gains`` have, [mean, low, high]; None unless that gain is clear, which
    few lines cannot show."""
    if len(full) < _FEW or interval(full)[1] <= 0:
        return None
    draws = _draws(len(full))
    shares = gains[draws].mean(1) / full[draws].mean(1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return [round(float(value), 4) for value in (gains.mean() / full.mean(), low, high)]


def interval(values: Floats) -> tuple[float, float, float]:
    """Mean and the 95 % interval of it by bootstrap."""
    low, high = np.quantile(values[_draws(len(values))].mean(1), (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def _draws(count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, count, (_REPEATS, count))


def _column(found: Sequence[Outcome], of: Callable[[Outcome], float]) -> Floats:
    return np.asarray([of(one) for one in found], np.float64)


def _mean(found: Sequence[Outcome], of: Callable[[Outcome], float]) -> float:
    return float(_column(found, of).mean())


def _milliseconds(found: Sequence[Outcome], of: Callable[[Outcome], float]) -> float:
    """The median."""
    return round(1000 * float(np.median(_column(found, of))), 2)


def _rounded(counts: Sequence[int]) -> int:
    return round(float(np.mean(counts))) if counts else 0
