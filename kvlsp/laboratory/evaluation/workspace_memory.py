"""What a memory of the workspace would be worth: a model alone, and mixed with counts over a package's other files.

Two measurements, both paired. Every token of some text in plain order: nats and likeliest tokens. And first lines at
carets, as the product offers them: one layout, two completions of it. The file that is asked about
is not in the store, and the weights of a package are learned on the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.drafts import Drafting
from kvlsp.config import Settings
from kvlsp.engine.completion import CompletionJob
from kvlsp.engine.remembering import Remembering
from kvlsp.engine.session import Session
from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.evaluation.confidence import Judged, first_line
from kvlsp.laboratory.evaluation.decode_prompts import DecodePrompt, ordinary
from kvlsp.laboratory.evaluation.mixing import Example, learned
from kvlsp.laboratory.training.corpus import SourceFile
from kvlsp.memory.files import BOUND
from kvlsp.memory.mixture import Kind, Mixture, Weights, kind
from kvlsp.memory.ngrams import NgramTable
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

WINDOW = 1320
"""Tokens that the model sees around a caret, and writes; the rules see the whole file, as in a daemon."""
_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Scored:
    """A token of plain text: what the model gives it, alone the likeliest or not; and what the store has to say."""

    nats: float
    right: bool
    example: Example | None
    top: float
    """The model's largest probability here."""
    store_top: tuple[float, float, bool]
    """Of the store's most frequent token: its share, the model's probability, whether it is the true one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One caret: what is offered there without and with the memory."""

    alone: Judged
    mixed: Judged


class Stores:
    """A store for each file of a package, of its other files in any language, as a workspace has them."""

    def __init__(self, model: Model, files: Sequence[SourceFile]) -> None:
        self._ids: dict[str, list[int]] = {
            file.path: model.tokenizer.encode(file.text).ids.tolist() for file in files
        }
        self._vocabulary = model.tokenizer.vocabulary_size
        self._made: tuple[str, NgramTable] | None = None
        self.tokens = sum(map(len, self._ids.values()))
        self.files = len(files)

    def without(self, path: str) -> NgramTable:
        """The table that does not know the file ``path``."""
        if self._made is None or self._made[0] != path:
            texts = list(enumerate(ids for name, ids in self._ids.items() if name != path))
            self._made = path, NgramTable.of(self._vocabulary, texts)
        return self._made[1]

    def ids(self, path: str) -> Sequence[int]:
        return self._ids[path]


def by_package(files: Sequence[SourceFile],
               workspaces: Mapping[str, Sequence[SourceFile]] | None = None) -> dict[str, list[SourceFile]]:
    """The files of each package, packages by name: of those that have more than one, or of those in ``workspaces``."""
    packages: dict[str, list[SourceFile]] = {}
    for file in files:
        packages.setdefault(file.package, []).append(file)
    return {name: found for name, found in sorted(packages.items())
            if (len(found) > 1 if workspaces is None else name in workspaces)}


def scored(model: Model, stores: Stores, files: Sequence[SourceFile], tokens: int, context: int,
           advance: Callable[[], None] = lambda: None) -> list[Scored]:
    """About so many ``tokens`` of the files, in pieces of ``context`` of which the second half counts."""
    found: list[Scored] = []
    pieces = [(file.path, first) for file in sorted(files, key=lambda file: file.path)
              for first in range(0, len(stores.ids(file.path)) - context, context)]
    count = max(1, tokens // (context // 2))
    for path, first in pieces[:: max(1, len(pieces) // count)][:count]:
        ids = stores.ids(path)[first : first + context]
        logprobs = _logprobs(model, ids)
        store, half = stores.without(path), context // 2
        for at in range(half, context):
            row, true = logprobs[at - half], ids[at]
            found.append(_scored(row, true, store, ids[:at]))
        advance()
    return found


def _scored(row: torch.Tensor, true: int, store: NgramTable, before: Sequence[int]) -> Scored:
    best, likeliest = row.max(-1)
    nats, right, top = -float(row[true]), int(likeliest) == true, float(best.exp())
    match = store.find(before)
    if match is None:
        return Scored(nats, right, None, top, (0.0, 0.0, False))
    shares = dict(zip(match.ids.tolist(), match.shares.tolist(), strict=True))
    example = Example(kind(match), float(row[true].exp()), shares.get(true, 0.0))
    first = int(match.ids[0])
    # the likeliest of the mixture is the model's or, nearly always, the store's most frequent
    return Scored(nats, right, example, top, (float(match.shares[0]), float(row[first].exp()), first == true))


def _logprobs(model: Model, ids: Sequence[int]) -> torch.Tensor:
    """Log-probabilities (half, vocabulary) of the second half of ``ids``, in plain order."""
    from kvlsp.cache.repair import repair
    from kvlsp.cache.resident import ResidentCache
    from kvlsp.prompt.layout import Layout

    count = len(ids)
    cells = np.arange(count, dtype=np.int64)
    layout = Layout(np.asarray(ids, np.int32), cells, (0, count), (0, 0), text_last=True)
    cache = ResidentCache(model.decoder, count)
    settled = repair(cache, layout, wanted=range(count // 2 - 1, count - 1))
    assert settled.logits is not None
    return settled.logits.float().log_softmax(-1)


def of_text(scored: Sequence[Scored], weights: Weights) -> dict[str, float]:
    """Nats and top-1 (per cent) without and with the memory."""
    nats, right = [], []
    for one in scored:
        weight = weights.get(one.example.kind, 0.0) if one.example is not None else 0.0
        if one.example is None or not weight:
            nats.append(one.nats)
            right.append(one.right)
            continue
        nats.append(-float(np.log(max(1e-12, (1 - weight) * one.example.model + weight * one.example.store))))
        share, model, true = one.store_top
        wins = (1 - weight) * model + weight * share > (1 - weight) * one.top
        right.append(true if wins else one.right)
    return {
        "tokens": len(scored),
        "nats": round(float(np.mean([one.nats for one in scored])), 4), "nats_mixed": round(float(np.mean(nats)), 4),
        "top1": round(100 * float(np.mean([one.right for one in scored])), 2),
        "top1_mixed": round(100 * float(np.mean(right)), 2),
    }


def learn(scored: Sequence[Scored]) -> dict[Kind, float]:
    """The weights that make the tokens most likely."""
    return learned(one.example for one in scored if one.example is not None)


def learned_elsewhere(model: Model, scored: Mapping[str, Sequence[Scored]], package: str, language: str) -> Weights:
    """What was learned on the other packages; where there are none the weights that come with the model, which for the
    languages with one held-out package were learned on packages that are not held out."""
    examples = [one for other, found in scored.items() if other != package for one in found]
    return learn(examples) if examples else model.remembers.get(language, {})


def first_lines(model: Model, stores: Stores, files: Sequence[SourceFile], count: int, settings: Settings,
                weights: Weights, *, seed: int = 0,
                advance: Callable[[], None] = lambda: None) -> list[Line]:
    """``count`` carets in the files, what is offered there without and with the memory."""
    prompts = sorted(ordinary(files, count, settings, seed, None), key=lambda prompt: prompt.origin)
    found = []
    for prompt in prompts:
        memory = Mixture(stores.without(prompt.origin.rpartition(":")[0]), weights)
        found.append(_both(model, prompt, settings, memory))
        advance()
    return found


class Memories:
    """What stands in a package's other files, for each of its files, with weights that were learned elsewhere.
    ``workspace`` are the packages' files in all languages, if not in one only.

    Raises :class:`kvlsp.errors.ConfigurationError` where there are none.
    """

    def __init__(self, model: Model, files: Sequence[SourceFile], language: str, tokens: int = 6144,
                 context: int = 1024, workspace: Sequence[SourceFile] | None = None) -> None:
        workspaces = by_package(files if workspace is None else workspace)
        packages = by_package(files, workspaces)
        self._packages = {file.path: file.package for file in files}
        self._stores = {name: Stores(model, workspaces[name]) for name in packages}
        examples = {name: scored(model, self._stores[name], found, tokens, context) for name, found in packages.items()}
        self._weights = {name: learned_elsewhere(model, examples, name, language) for name in packages}
        if not all(self._weights.values()):
            raise ConfigurationError(f"There are no weights for a memory in {language}, and no other packages with "
                                     "several files to learn them on. Name more with --from.")

    def of(self, path: str) -> Remembering | None:
        """The memory of the file's package without it; None where the package has no other file."""
        package = self._packages[path]
        if package not in self._stores:
            return None
        return _Always(Mixture(self._stores[package].without(path), self._weights[package]))


class _Always(Remembering):
    """Says the same whatever is asked for."""

    def __init__(self, mixture: Mixture) -> None:
        super().__init__()
        self._mixture = mixture

    def mixture(self, model: Model, language: Language | None, uri: str = "") -> Mixture:
        return self._mixture


def _both(model: Model, prompt: DecodePrompt, settings: Settings, memory: Mixture) -> Line:
    """What is offered at a caret, alone and mixed, behind one layout."""
    path = prompt.origin.rpartition(":")[0]
    session = Session(model, Snapshot(path, 0, Rope.of(prompt.text), ""),
                      context=min(model.decoder.context_length, WINDOW), generation_rows=settings.max_tokens)

    def drafting(offset: int) -> Drafting | None:
        return Drafting(CopyDrafter(session.tokens.ids), (), session.sides(offset)[1].ids) if settings.drafts else None

    def judged(remembering: Remembering | None) -> Judged:
        session.remembering = remembering
        job = CompletionJob(session, prompt.caret, settings, drafting=drafting)
        if job.refused is None:
            job.run()
        texts, _ = job.answers()
        offered = first_line(texts[0]) if texts else ""
        return Judged(prompt.origin, offered, prompt.written.rstrip(), job.confidence)

    return Line(judged(None), judged(_Always(memory)))


def gain(lines: Sequence[Line]) -> dict[str, Any]:
    """Shares of right first lines (per cent), and the difference with its 95 % interval, carets drawn anew."""
    both = np.array([(line.alone.right, line.mixed.right) for line in lines], float)
    difference = both[:, 1] - both[:, 0]
    draws = np.random.default_rng(0).integers(0, len(both), (_DRAWS, len(both)))
    low, high = np.quantile(difference[draws].mean(1), (0.025, 0.975))
    return {
        "carets": len(lines),
        "right": round(100 * both[:, 0].mean(), 2), "right_mixed": round(100 * both[:, 1].mean(), 2),
        "gained": int((difference > 0).sum()), "lost": int((difference < 0).sum()),
        "interval": [round(100 * float(low), 2), round(100 * float(high), 2)],
    }


def cost(model: Model, stores: Stores, files: Sequence[SourceFile],
         weights: Weights) -> dict[str, float]:
    """What a token takes in microseconds of processor time, what a store takes in bytes a token and in making."""
    path = max(files, key=lambda file: len(file.text)).path
    ids = stores.ids(path)
    begun = time.process_time()
    stores.without(path)
    made = time.process_time() - begun
    store = stores.without(path)
    memory, places = Mixture(store, weights), range(16, min(len(ids), 1016))
    row = torch.zeros(model.tokenizer.vocabulary_size)
    begun = time.process_time()
    for at in places:
        memory.mixed(ids[at - 16 : at], row)
    spent = time.process_time() - begun
    return {
        "microseconds_a_token": round(1e6 * spent / len(places), 1),
        "bytes_a_token": round(store.nbytes / max(1, len(store)), 1),
        "tokens_a_file": round(stores.tokens / stores.files),
        "kept_of_10000_files": min(10_000, round(BOUND * stores.files * len(store) / (store.nbytes * stores.tokens))),
        "microseconds_to_build_a_token": round(1e6 * made / max(1, len(store)), 2),
    }
