"""The size of a piece, as the engine's callers still say it; see :mod:`kvlsp.tokens.reading`."""

from __future__ import annotations

from dataclasses import dataclass

from kvlsp.tokens.reading import PIECE

__all__ = ["PIECE", "Backlog"]


@dataclass(frozen=True, slots=True)
class Backlog:
    """Texts are read in pieces of so many characters."""

    piece: int = PIECE
