"""What is proposed at a place, and whether it is worth showing.

A text is offered where the model finds it likelier than the one that stands there, by a margin. What is known besides
the model counts in the same unit: a name that syntax says is the renamed one would have to be very likely as it stands
to be left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Final

from kvlsp.nextedit.places import Kind, Place

KNOWN: Final[dict[Kind, float]] = {"rename": 12.0, "repeat": 2.0, "rewrite": 0.0, "edit": inf}
"""Nats that a proposal of each kind has before the model is asked. Of 240 renames in packages that nothing is evaluated
with, the default model found the new name at the next use less likely by 11 nats or more in one of twenty. What a model
that was made for it says has no second judge."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """``text`` in the place of ``old``, which is ``[start, end)`` of the text that was asked about. ``gain`` is by how
    many nats the line becomes likelier."""

    place: Place
    old: str
    text: str
    gain: float

    @property
    def worth(self) -> float:
        """The gain with what is known besides the model."""
        return self.gain + KNOWN[self.place.kind]


def offered(place: Place, old: str, texts: list[str], likelihoods: list[float], least: float) -> Proposal | None:
    """The best of ``texts`` for a place, whose log-probabilities follow that of ``old`` in ``likelihoods``; None where
    it gains less than ``least`` nats. A line that the model cannot judge (infinite) gains nothing."""
    before = likelihoods[0]
    judged = [Proposal(place, old, text, said - before if isfinite(before) and isfinite(said) else 0.0)
              for text, said in zip(texts, likelihoods[1:], strict=True) if text != old]
    if place.kind == "rename":  # there is nothing to choose: the name is known
        best = judged[0] if judged else None
    else:
        best = max(judged, key=lambda one: one.gain, default=None)
    return best if best is not None and best.worth >= least else None
