"""What a model would take on this machine: memory by arithmetic, time by what forwards take here.

A forward of few rows reads every weight once: it takes the number of parameters times the cost of one, and the number
of layers times what a layer costs however small it is. Both costs come from timing two models (``pace``). How good a
model's suggestions are cannot be worked out this way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kvlsp.catalogue.entry import Entry
from kvlsp.errors import ModelError
from kvlsp.model.memory import WORKSPACE, Size, plan

TOKENS: Final = 8192
"""There has to be room for a cache of so many tokens."""
LINE: Final = 10
"""Tokens of a line that is suggested."""
FELT: Final = 600.0
"""Milliseconds within which a line should come: the daemon's usual deadline."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a forward of some rows costs, in seconds: for each parameter, and for each layer."""

    parameter: float
    layer: float

    @classmethod
    def of(cls, small: tuple[int, int, float], large: tuple[int, int, float]) -> Cost:
        """Worked out from (parameters, layers, seconds) of two models. Neither part is below 0, even if the machine was
        busy while one of them was timed."""
        (few, thin, quick), (many, deep, slow) = small, large
        parameter = (slow * thin - quick * deep) / (many * thin - few * deep)
        parameter = min(max(parameter, 0.0), slow / many)
        return cls(parameter, max(0.0, (quick - few * parameter) / thin))

    def seconds(self, parameters: int, layers: int) -> float:
        return self.parameter * parameters + self.layer * layers


@dataclass(frozen=True, slots=True)
class Machine:
    """Where models run and what forwards cost there: a token's (one row), and a key's (the rows of an edit)."""

    device: str
    free: int
    threads: int
    token: Cost
    key: Cost


@dataclass(frozen=True, slots=True)
class Fit:
    """What a model takes on a machine: bytes of weights and of a cache for :data:`TOKENS` (and what its
    engine takes beside it), milliseconds of a key (with
    the first token behind it) and of a line; None where they are not known."""

    weights: int | None = None
    cache: int | None = None
    key: float | None = None
    line: float | None = None
    problem: str = ""

    @property
    def suits(self) -> bool:
        return not self.problem and self.line is not None and self.line <= FELT


def fit(entry: Entry, machine: Machine) -> Fit:
    """What ``entry`` takes on ``machine``."""
    if entry.problem:
        return Fit(problem=entry.problem)
    if not entry.parameters and not entry.rounded:
        return Fit()
    if entry.rounded:
        return _rounded(entry, machine)
    try:
        chosen = plan(Size(entry.parameters, entry.row), machine.device)
    except ModelError as error:
        return Fit(2 * entry.parameters, 2 * entry.row * TOKENS, problem=str(error))
    cache = entry.row * TOKENS * chosen.dtype.itemsize
    beyond = chosen.weights + cache + WORKSPACE - machine.free
    problem = ""
    if beyond > 0:
        problem = (
            f"A cache of {TOKENS:,} tokens does not fit: {beyond / 1e6:,.0f} MB more memory is needed."
        )
    token = machine.token.seconds(entry.parameters, entry.layers)
    key = machine.key.seconds(entry.parameters, entry.layers) + token
    return Fit(chosen.weights, cache, 1e3 * key, 1e3 * (key + (LINE - 1) * token), problem)


def _rounded(entry: Entry, machine: Machine) -> Fit:
    """Of a file that is run as it is: its bytes are read once for a token, and not much quicker than sixteen bits."""
    cache = 2 * entry.row * TOKENS + entry.beside
    beyond = entry.disk + cache + WORKSPACE - machine.free
    problem = f"It does not fit: {beyond / 1e6:,.0f} MB more memory is needed." if beyond > 0 else ""
    return Fit(entry.disk, cache or None, problem=problem)


def best(fits: Iterable[tuple[Entry, Fit]]) -> Entry | None:
    """The largest model that suits, one that is here before one that is not; None where none does."""
    suiting = [entry for entry, fit in fits if fit.suits]
    return max(suiting, key=lambda entry: (entry.parameters, entry.here), default=None)
