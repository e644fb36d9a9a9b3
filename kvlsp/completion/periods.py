"""Periods at the end of a growing sequence: the unit that repeats, how often, and what that should cost.

For each period up to a bound it is known how long the end has been repeating what stood one period before: one step per
symbol and period, nothing is scanned again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

GIVEN = 16
"""Copies that the document shows are followed by at most so many free ones."""


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """The last ``period`` symbols are a copy of those before them, for the ``copies``-th time."""

    copies: int
    period: int


class Tally:
    """How often units came again in all, by what they are made of: a loop that pauses goes on where it was.

    A unit and its rotations are one: "a b" and "b a" repeat the same.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[object, ...], int] = {}

    def count(self, unit: tuple[object, ...]) -> int:
        """Copies so far."""
        return self._counts.get(_rotated(unit), 0)

    def add(self, unit: tuple[object, ...]) -> int:
        """One more copy; how many there are now."""
        key = _rotated(unit)
        self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts[key]


def _rotated(unit: tuple[object, ...]) -> tuple[object, ...]:
    """The rotation by which a unit is known: the one of the least representation."""
    if len(unit) == 1:
        return unit
    return min((unit[at:] + unit[:at] for at in range(len(unit))), key=repr)


class Periods:
    """``longest``: symbols of the longest period that is seen."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._symbols: list[object] = []
        self._runs = [0] * (longest + 1)

    def __len__(self) -> int:
        return len(self._symbols)

    def __getitem__(self, index: int) -> object:
        return self._symbols[index]

    def last(self, count: int) -> tuple[object, ...]:
        """The last symbols."""
        return tuple(self._symbols[-count:])

    def push(self, symbol: object) -> None:
        """One more symbol at the end."""
        symbols, runs = self._symbols, self._runs
        for period in range(1, min(self._longest, len(symbols)) + 1):
            runs[period] = runs[period] + 1 if symbols[-period] == symbol else 0
        symbols.append(symbol)

    def run(self, period: int) -> int:
        """Symbols at the end that equal the ones a period before them."""
        return self._runs[period]

    def due(self, own: int, *, free: int = 0, ahead: int = 0) -> list[Unit]:
        """Units that are complete at the end (after ``ahead`` more agreeing symbols), so that a copy may begin.

        Copies are counted in the last ``own`` symbols (and those ahead) only; the first one is the original and
        costs nothing, nor do ``free`` more, nor as many as stand before those symbols already.
        """
        found = []
        for period in range(1, min(self._longest, len(self._symbols)) + 1):
            run = self._runs[period] + ahead
            if run < period or run % period:
                continue
            given = min(max(run - own - ahead, 0) // period, GIVEN)
            copies = min(run, own + ahead - period) // period - free - given
            if copies > 0:
                found.append(Unit(copies, period))
        return found


class Due(Protocol):
    """A copy that may begin now. ``exponent``: that of the strength, by which it is held back."""

    @property
    def exponent(self) -> int: ...

    def begins(self, piece: str) -> bool:
        """Whether a token with this text begins it."""
        ...


def compounded(copies: int) -> int:
    """The exponent after so many copies: 1, 3, 6, 10 ..."""
    return copies * (copies + 1) // 2
