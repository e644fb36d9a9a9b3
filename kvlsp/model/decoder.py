"""The one seam between kvlsp and a model: rows in, logits out, over a cache whose slots are in no order.

Everything above (cache, engine) talks to this protocol, in batches of rows (:mod:`kvlsp.model.rows`) that know nothing
of documents, prompts or tokenizers; the tests put a tiny random model behind it.
"""

from __future__ import annotations

from typing import Protocol

import torch

from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rows import RowBatch


class Decoder(Protocol):
    """A causal language model over resident keys and values."""

    name: str
    layers: int
    vocabulary_size: int
    context_length: int  # positions are 0 .. context_length - 1
    device: torch.device
    dtype: torch.dtype  # of weights, keys and values
    bytes_per_slot: int  # of one token: truth, keys, values of all layers, position and owner

    def allocate(self, slots: int) -> KeyValues:
        """Empty keys and values for ``slots`` tokens."""
        ...

    def forward(self, document: KeyValues, rows: RowBatch) -> torch.Tensor:
        """Encode ``rows`` and return the logits of the wanted ones, (wanted, vocabulary), float32 or float64.

        Position and owner of their slots are written first, so that the rows of one forward see one another.
        A key is visible to a row iff its slot is live, its position is at most the row's, and it belongs to
        the document or to the row's own branch and is not hidden from it. The order of slots never matters.
        """
        ...

    def move(self, document: KeyValues, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """Put kept tokens at new positions: their keys are rotated anew from the un-rotated truth, all
        layers."""
        ...
