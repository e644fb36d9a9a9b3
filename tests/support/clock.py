"""Time that passes when a test says so."""

from __future__ import annotations


class ManualClock:
    """Call it for the time in seconds; :meth:`pass_` moves it on."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds
