"""Is a suggestion worth showing unasked? Nothing is better than noise.

    confidence = Confidence()
    confidence.push(piece, logprob)                              # each generated token
    confidence.end(logprob)                                      # where the model ended the text
    offered = confidence.value >= settings.confidence            # automatic requests only

The value is the chance that the model gives the first line, its end included: a longer or more open line is less likely
to be what the user is about to write.
"""

from __future__ import annotations

import math


class Confidence:
    """Of one text that is being generated."""

    def __init__(self) -> None:
        self._line = ""
        """The first line so far, behind blank ones."""
        self._nats = 0.0
        self._begun = False

    def push(self, piece: str, logprob: float) -> None:
        """The text of the next token, and its log-probability among those that were allowed there."""
        if "\n" not in self._line:
            self._nats += min(0.0, logprob)
            self._line = (self._line + piece).lstrip("\r\n")
            self._begun = True

    def end(self, logprob: float) -> None:
        """The text ends here."""
        if self._begun and "\n" not in self._line:
            self._nats += min(0.0, logprob)

    @property
    def value(self) -> float:
        """Between 0 and 1; 0 without any text."""
        return math.exp(self._nats) if self._begun else 0.0
