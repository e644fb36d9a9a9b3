"""How many rows fit into one forward, so that a keystroke waits no longer than it should. Measured as it runs."""

from __future__ import annotations

from collections.abc import Callable


class Pace:
    """Rows of the next forward, steered towards ``target`` seconds each."""

    def __init__(self, clock: Callable[[], float], target: float, *, least: int = 16, most: int = 512) -> None:
        self._clock, self._target, self._least, self._most = clock, target, least, most
        self.rows = min(64, most)
        self._began = 0.0

    def __enter__(self) -> int:
        self._began = self._clock()
        return self.rows

    def __exit__(self, *_: object) -> None:
        took = self._clock() - self._began
        if took <= 0:
            return
        wanted = self.rows * self._target / took
        # halfway each time: one slow forward on a busy machine says little
        self.rows = int(max(self._least, min(self._most, (self.rows + wanted) / 2, self.rows * 2)))
