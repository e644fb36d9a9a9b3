"""Keep text from looping: a grammar-based repetition penalty, after RPG (arXiv 2505.10402).

    penalty = GrammarPenalty(rule.place, strength=0.9)      # rule: the StopRule of this completion
    if penalty.active:                                      # false but at the start of a copy, and after loops
        for token in logprobs.topk(64).indices.tolist():    # the end token is left out
            logprobs[token] += penalty.gains(tokenizer.piece(token)) - penalty.lowers(tokenizer.piece(token))
        logprobs[end_token] += penalty.gains(None)
    penalty.push(piece)                                     # the text of the chosen token

What repeats is the *form*: leaf kinds of finished lines, names and literals abstracted, nothing reduced above
a line (:mod:`kvlsp.syntax.leaves`). When the last lines are one unit over and over, tokens that would start it
anew are held back: its first word, and the line break and indentation that lead there. Within a line, lists and
operator chains are watched in the same way; and words as they are written, which also sees prose go in circles.

The k-th copy multiplies the probability of starting the next one by ``strength ** k``, and these factors compound
over the copies: ``strength ** (n * (n + 1) / 2)`` after n of them, so a loop ends after ten copies or so however
sure the model is, while two or three cost next to nothing. (The paper's ``strength ** n`` alone needs hundreds.)
Copies to the letter count more, the longer the phrase: nobody writes the same line three times by intent.

What has looped may end: see :mod:`kvlsp.completion.way_out`.

Rightful repetition: only copies that the *completion* made are counted, the first of them is free, and so are as
many as the document itself shows: a table is continued.
"""

from __future__ import annotations

import math

from kvlsp.completion.periods import Due
from kvlsp.completion.repeated_structure import LineForms, RowForms
from kvlsp.completion.repeated_text import Copies, Phrases
from kvlsp.completion.way_out import WayOut
from kvlsp.syntax.block import Place
from kvlsp.syntax.scanner import end_line, scan_line


class GrammarPenalty:
    """Watches one completion being generated. Not reusable."""

    def __init__(self, place: Place, strength: float = 0.9) -> None:
        self._unit_cost = -math.log(strength)
        self._language = place.language
        self._row, self._state = place.line_before, place.states[-1]
        self._lines, self._leaves = LineForms(place), RowForms(place)
        self._words, self._copies = Phrases(place), Copies(place)
        self._way_out = WayOut(place)
        self.most = 0.0
        """The most that any token gains now."""
        self._due: list[Due] = []

    @property
    def active(self) -> bool:
        """Whether any token is held back now."""
        return bool(self._due) or self._way_out.active

    def push(self, piece: str) -> None:
        """Takes the text of the next token."""
        if self._unit_cost <= 0.0:
            return
        *finished, self._row = (self._row + piece).split("\n")
        for text in finished:
            self._lines.finish(text, self._state)
            self._leaves.finish()
            self._copies.finish(text)
            self._state = end_line(scan_line(self._language, text, self._state))
        here = scan_line(self._language, self._row, self._state)
        self._due = self._words.push(piece) + self._copies.due(self._row)
        if here.inside is None and not here.comment:  # prose has no form
            self._due += self._lines.due(self._row) + self._leaves.due(self._row)
        self._way_out.push(piece, self._row, here, max((due.exponent for due in self._due), default=0))
        self.most = self._unit_cost * self._way_out.exponent

    def lowers(self, piece: str) -> float:
        """What a token with this text loses from its log-probability now, >= 0."""
        return self._unit_cost * max((due.exponent for due in self._due if due.begins(piece)), default=0)

    def gains(self, piece: str | None) -> float:
        """What a token with this text (None: the end token) gains now because it leads out of a loop, >= 0."""
        if not self.most:
            return 0.0
        out = self._way_out.ends if piece is None else self._way_out.leads_out(piece)
        return self.most if out else 0.0
