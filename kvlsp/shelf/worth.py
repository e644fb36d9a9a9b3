"""Whether rows are worth a file: what encoding them took against what reading them back takes, both measured."""

from __future__ import annotations

from typing import Final

LEAST_SECONDS: Final = 0.1
"""Rows that are encoded in less are not kept: nobody waits for them."""
LEAST_GAIN: Final = 3.0
"""Reading has to be so many times quicker than encoding."""
BYTES_PER_SECOND: Final = 200e6
"""What reading, checking and copying is taken for until some has been measured."""


class Worth:
    """``per_row`` are seconds that a row's encoding takes, None while that is not known."""

    def __init__(self) -> None:
        self.per_row: float | None = None
        self._rate = BYTES_PER_SECOND

    def read(self, nbytes: int, seconds: float) -> None:
        """Learn from one reading: ``nbytes`` came back in so many seconds."""
        if seconds > 0 and nbytes:
            self._rate = (self._rate + nbytes / seconds) / 2

    def keeps(self, rows: int, nbytes: int) -> bool:
        """Whether ``rows`` that take ``nbytes`` should have a file."""
        if self.per_row is None:
            return False
        encoding = rows * self.per_row
        return encoding >= LEAST_SECONDS and encoding >= LEAST_GAIN * nbytes / self._rate

    def takes_up(self, known: int, nbytes: int, per_row: float) -> bool:
        """Whether ``known`` rows of a file of ``nbytes`` are worth bringing all of it to the device. ``per_row`` is
        what was measured when they were kept."""
        return known * (self.per_row or per_row) > nbytes / self._rate
