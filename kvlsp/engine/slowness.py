"""Whether this machine is too slow for its model: most suggestions that nobody asked for by hand come too late.

Said once per model, with what would help: otherwise people see nothing and do not know why.
"""

from __future__ import annotations

from collections import deque

from kvlsp.reasons import Reason

COUNTED = 20
"""So many of the last answers are looked at."""
ENOUGH = 10
"""Fewer say nothing."""
_NOT_COUNTED = frozenset({Reason.SUPERSEDED, Reason.CANCELLED, Reason.NOT_READY, Reason.DISABLED, Reason.WRONG_PLACE,
                          Reason.UNKNOWN_LANGUAGE,
                          Reason.STALE_VERSION, Reason.UNKNOWN_DOCUMENT, Reason.MODEL_ERROR, Reason.SHUTTING_DOWN})
"""What says nothing about speed."""

SENTENCE = (
    "This machine is too slow for this model: most suggestions do not come in time. Each of these helps: a smaller "
    "model (kvlsp.model), weights of fewer bits (kvlsp.dtype), more time (kvlsp.deadlineMs), or asking by hand only."
)


class Slowness:
    """Looks at the answers to requests that an editor sent by itself."""

    def __init__(self) -> None:
        self._late: deque[bool] = deque(maxlen=COUNTED)
        self._said = False

    def reset(self) -> None:
        """Another model."""
        self._late.clear()
        self._said = False

    def answered(self, reason: Reason | None) -> str | None:
        """One more answer, empty for ``reason``; the sentence when it is to be said."""
        if self._said or reason in _NOT_COUNTED:
            return None
        self._late.append(reason is Reason.DEADLINE)
        self._said = len(self._late) >= ENOUGH and 2 * sum(self._late) > len(self._late)
        return SENTENCE if self._said else None
