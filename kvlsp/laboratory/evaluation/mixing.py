"""A model's distribution mixed with what followed the same tokens elsewhere, by weights that are learned.

The weight depends on how long the match is, at how many places, and how much these agree: a class each. Learned where
the truth is known, by the few steps that make it most likely (expectation and maximisation).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kvlsp.laboratory.evaluation.ngram_store import Found, NgramStore

_STEPS = 40
_DOUBT = 10.0, 0.02
"""As if so many more examples of each class had had so much weight: rare classes are not believed."""


@dataclass(frozen=True, slots=True)
class Example:
    """One place with a match: its class, and what model and store give the true token."""

    kind: tuple[int, int, int]
    model: float
    store: float


def kind(found: Found) -> tuple[int, int, int]:
    """The class of a match: length, places (1, 2, 3 - 4, 5 - 8, more), and how much they agree (all, half, less)."""
    agreed = float(found.shares[0])
    return found.length, min(4, (found.places - 1).bit_length()), 2 if agreed == 1 else 1 if agreed >= 0.5 else 0


def learned(examples: Iterable[Example]) -> dict[tuple[int, int, int], float]:
    """The weight of the store for every class of the examples."""
    by_kind: dict[tuple[int, int, int], list[tuple[float, float]]] = {}
    for one in examples:
        by_kind.setdefault(one.kind, []).append((one.model, one.store))
    weights = {}
    doubts, doubted = _DOUBT
    for name, pairs in by_kind.items():
        model, store = np.asarray(pairs).T
        weight = 0.5
        for _ in range(_STEPS):
            of_store = weight * store / np.maximum(1e-12, (1 - weight) * model + weight * store)
            weight = (float(of_store.sum()) + doubts * doubted) / (len(pairs) + doubts)
        weights[name] = weight
    return weights


class Memory:
    """A store with its weights: mixes rows of logits."""

    def __init__(self, store: NgramStore, weights: Mapping[tuple[int, int, int], float]) -> None:
        self._store, self._weights = store, weights

    def mixed(self, context: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        """Log-probabilities (vocabulary,) of the mixture behind ``context``; ``logits`` (vocabulary,) of the model."""
        found = self._store.find(context)
        weight = self._weights.get(kind(found), 0.0) if found is not None else 0.0
        if found is None or not weight:
            return logits
        mixture = torch.softmax(logits.float(), -1).mul_(1 - weight)
        mixture[torch.from_numpy(found.ids)] += torch.from_numpy(weight * found.shares).to(mixture)
        return mixture.log_()
