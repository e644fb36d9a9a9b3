"""A pause: nothing is offered for some minutes, or until the user goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kvlsp.server.tickets import CallLater, Timer

MINUTES: Final = 10.0
"""Of a pause for which no length is given."""

LONGEST: Final = 7 * 24 * 60.0


class Pause:
    """``tell`` gets the sentence for the user, or None when it is over."""

    def __init__(self, call_later: CallLater, tell: Callable[[str | None], None]) -> None:
        self._call_later, self._tell = call_later, tell
        self._timer: Timer | None = None
        self.on = False

    def begin(self, minutes: float = MINUTES) -> None:
        """Instead of one that is on; 0: until :meth:`end`."""
        self._stop()
        self.on = True
        if minutes:
            self._timer = self._call_later(60 * min(minutes, LONGEST), self.end)
        self._tell(f"paused for {minutes:g} minute{'' if minutes == 1 else 's'}" if minutes else "paused")

    def end(self) -> None:
        if self.on:
            self._stop()
            self._tell(None)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.on = None, False
