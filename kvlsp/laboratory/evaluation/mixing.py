"""What a memory of other files is worth, class by class: learned where the truth is known.

By the few steps that make the truth most likely (expectation and maximisation). What mixes is
:mod:`kvlsp.memory.mixture`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kvlsp.memory.mixture import Kind

_STEPS = 40
_DOUBT = 10.0, 0.02
"""As if so many more examples of each class had had so much weight: rare classes are not believed."""


@dataclass(frozen=True, slots=True)
class Example:
    """One place with a match: its class, and what model and table give the true token."""

    kind: Kind
    model: float
    store: float


def learned(examples: Iterable[Example]) -> dict[Kind, float]:
    """The weight of the table for every class of the examples."""
    by_kind: dict[Kind, list[tuple[float, float]]] = {}
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
