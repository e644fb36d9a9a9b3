"""How far back from a change tokens can depend on it.

A pre-token's start is decided by text before it and by a little text behind it: what the longest added token may take
in, what the normaliser may join, what the pre-tokenizer's patterns read ahead (:mod:`kvlsp.tokens.pattern`). This
module turns that into one question: up to which place of a text does nothing depend on what follows the text?
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kvlsp.tokens.pattern import Reading


@dataclass(frozen=True, slots=True)
class Reach:
    """``raw`` and ``normalised`` are the characters of the longest added token that is looked for before and after
    normalising; ``steps`` what each step of the pre-tokenizer reads; ``acting`` finds characters on which the
    normaliser acts (None: it leaves every character where it is)."""

    raw: int = 0
    normalised: int = 0
    steps: tuple[Reading, ...] = (Reading(3),)
    acting: re.Pattern[str] | None = None

    def latest(self, text: str) -> int:
        """The last offset p of ``text`` such that pre-tokens that start up to p do not depend on what follows the
        text; -1 where there is none."""
        acts = self.acting is not None and not text.isascii() and self.acting.search(text) is not None
        safe = self._back(text, len(text) - self.raw, self.normalised + acts, acts)
        for step in self.steps:
            head = text[: max(self._back(text, safe + 1, step.margin, acts), 0)]
            safe = len(head.rstrip()) - 1  # a run of white space is read up to the character behind it
            for enders in step.runs:
                safe = min(safe, max(map(head.rfind, enders)))
        return max(safe, -1)

    def free(self, character: str) -> bool:
        """Whether a text may be cut before ``character`` and both sides normalised apart."""
        return self.acting is None or character.isascii() or self.acting.match(character) is None

    def _back(self, text: str, place: int, count: int, acts: bool) -> int:
        """``count`` characters before ``place``; where the normaliser acts, those that it may join do not count."""
        if not acts:
            return place - count
        while count > 0 and place > 0:
            place -= 1
            count -= self.free(text[place])
        return place - count  # below 0 where there are not so many
