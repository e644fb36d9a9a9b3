"""How much of its grant a user has used on this replica: editors at the same time, suggestions in a minute."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kvlsp.errors import EngineRefuses
from kvlsp.team.tokens import Grant


class Usage:
    """By user, whatever tokens and editors they have."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, int] = {}
        self._left: dict[str, tuple[float, float]] = {}
        """Requests that are left, and when that was so."""

    def begin(self, grant: Grant) -> None:
        """An editor connects. :class:`EngineRefuses` if it is one too many."""
        with self._lock:
            sessions = self._sessions.get(grant.user, 0)
            if sessions >= grant.sessions:
                raise EngineRefuses(f"{_whose(grant)} {sessions} editors at this engine, and no more are allowed: "
                                    "close one, or ask the engine's operator for more.")
            self._sessions[grant.user] = sessions + 1

    def end(self, grant: Grant) -> None:
        with self._lock:
            self._sessions[grant.user] -= 1
            if not self._sessions[grant.user]:
                del self._sessions[grant.user]

    def request(self, grant: Grant) -> float:
        """Count a suggestion that is asked for: 0.0 if it is allowed, else the seconds until the next one is."""
        most, now = float(grant.requests_per_minute), self._clock()
        with self._lock:
            left, since = self._left.get(grant.user, (most, now))
            left = min(most, left + (now - since) * most / 60.0)
            allowed = left >= 1.0
            self._left[grant.user] = (left - 1.0 if allowed else left, now)
            return 0.0 if allowed else (1.0 - left) * 60.0 / most


def _whose(grant: Grant) -> str:
    return f"{grant.user} has" if grant.user else "There are"
