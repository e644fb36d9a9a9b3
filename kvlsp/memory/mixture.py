"""A model's distribution mixed with what followed the same tokens elsewhere.

The weight depends on how long the match is, at how many places, and how much these agree: a class each. What a class
is worth is learned apart, for one model and one programming language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch

from kvlsp.memory.ngrams import Found, NgramTable

Kind: TypeAlias = tuple[int, int, int]
Weights: TypeAlias = Mapping[Kind, float]
"""The table's share of the mixture, below 1, by :func:`kind`; a class that is not named has none."""


def kind(found: Found) -> Kind:
    """The class of a match: length, places (1, 2, 3 - 4, 5 - 8, more), and how much they agree (all, half, less)."""
    agreed = float(found.shares[0])
    return found.length, min(4, (found.places - 1).bit_length()), 2 if agreed == 1 else 1 if agreed >= 0.5 else 0


class Mixture:
    """A table, but for the file with the number ``hidden``, with its weights: what it says of a context never changes,
    so drafts are held to the same."""

    def __init__(self, table: NgramTable, weights: Weights, hidden: int | None = None) -> None:
        self._table, self._weights, self._hidden = table, weights, hidden

    def mixed(self, context: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        """Logits (vocabulary,) of the mixture behind ``context``; ``logits`` (vocabulary,) of the model. Only those of
        the table's tokens become others; without any the same tensor comes back."""
        found = self._table.find(context, self._hidden)
        weight = self._weights.get(kind(found), 0.0) if found is not None else 0.0
        if found is None or not weight:
            return logits
        odds = np.log(found.shares) + np.log(weight / (1 - weight))
        ids = torch.from_numpy(found.ids).to(logits.device)
        row = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits.clone()
        of_table = torch.from_numpy(odds).to(row) + row.logsumexp(-1)  # as if it were logits beside the model's
        return row.index_copy_(0, ids, torch.logaddexp(row.index_select(0, ids), of_table))
