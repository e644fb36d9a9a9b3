"""Is a suggestion worth showing unasked? Nothing is better than noise.

    confidence = Confidence()
    confidence.push(piece, logprob)                              # each generated token
    confidence.end(logprob)                                      # where the model ended the text
    offered = confidence.value >= settings.confidence            # automatic requests only

The value is the chance that the model gives the first line, its end included: a longer or more open line is less likely
to be what the user is about to write. Where some of it has been typed, it is the chance of the rest.
"""

from __future__ import annotations

import math


class Confidence:
    """Of one text that is being generated."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, float]] = []
        self._end = 0.0

    def push(self, piece: str, logprob: float) -> None:
        """The text of the next token, and its log-probability among those that were allowed there."""
        self._pieces.append((piece, min(0.0, logprob)))

    def end(self, logprob: float) -> None:
        """The text ends here."""
        self._end = min(0.0, logprob)

    @property
    def value(self) -> float:
        """Between 0 and 1; 0 without any text."""
        return self.behind(0)

    def behind(self, typed: int) -> float:
        """Of what is left of the first line where ``typed`` characters have been written; a token that reaches beyond
        them counts as a whole. Once all of the line is written its last token counts: writing what is said makes the
        rest no less likely, and what was worth showing stays so."""
        *others, (_, last) = self._line() or [(0, -math.inf)]
        return math.exp(sum(logprob for end, logprob in others if end > typed) + last)

    def _line(self) -> list[tuple[int, float]]:
        """Of each token of the first line, behind blank ones: the character behind it, and its log-probability. Where
        the text ends is one, too."""
        found: list[tuple[int, float]] = []
        line, at = "", 0
        for piece, logprob in self._pieces:
            line, at = (line + piece).lstrip("\r\n"), at + len(piece)
            found.append((at if piece else at + 1, logprob))  # one without text is part of the next character
            if "\n" in line:
                return found
        return [*found, (at + 1, self._end)] if found else []
