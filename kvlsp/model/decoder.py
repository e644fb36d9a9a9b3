"""The one seam between kvlsp and a model: rows in, logits out, over a cache whose slots are in no order.

Everything above (cache, engine) talks to this protocol, in batches of rows (:mod:`kvlsp.model.rows`) that know nothing
of documents, prompts or tokenizers; the tests put a tiny random model behind it.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch

from kvlsp.model.rows import RowBatch


class Resident(Protocol):
    """Rows of one document as a decoder keeps them, by slot: :class:`kvlsp.model.keyvalues.KeyValues`, or what an
    engine of another kind has."""

    capacity: int
    position: torch.Tensor  # int64 (capacity,), FREE where nothing lives
    owner: torch.Tensor  # int32 (capacity,): 0 the document, n > 0 a branch, NOBODY where nothing lives

    @property
    def nbytes(self) -> int:
        """Bytes that all slots take."""
        ...

    def grow(self, slots: int) -> None:
        """Make room for ``slots`` in all; what is resident keeps its slots."""
        ...

    def release(self, slots: torch.Tensor) -> None:
        """Free slots (int64)."""
        ...

    def adopt(self, slots: torch.Tensor) -> None:
        """Rows of branches in these slots (int64) become the document's."""
        ...

    def copy(self) -> Resident:
        """The same rows in the same slots, for themselves."""
        ...


class Decoder(Protocol):
    """A causal language model over resident keys and values."""

    name: str
    layers: int
    vocabulary_size: int
    context_length: int  # positions are 0 .. context_length - 1
    device: torch.device
    dtype: torch.dtype  # of weights, keys and values
    bytes_per_slot: int  # of one token: truth, keys, values of all layers, position and owner
    bytes_per_document: int  # what its engine computes in for a document, beside the rows; 0 where that is shared

    def allocate(self, slots: int) -> Resident:
        """Empty rows for ``slots`` tokens. Only this decoder knows what it gives: it gets nothing else back."""
        ...

    def occupied(self, slots: int) -> Resident:
        """A document of so many rows at positions 0 and up that nobody encoded in earnest: to measure what reading
        them costs."""
        ...

    def forward(self, document: Any, rows: RowBatch) -> torch.Tensor:
        """Encode ``rows`` and return the logits of the wanted ones, (wanted, vocabulary), float32 or float64.

        Position and owner of their slots are written first, so that the rows of one forward see one another.
        A key is visible to a row iff its slot is live, its position is at most the row's, and it belongs to
        the document or to the row's own branch and is not hidden from it. The order of slots never matters.
        A branch's rows come in the order of their positions, and the document's at and behind them are hidden.
        """
        ...

    def move(self, document: Any, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """Put kept tokens at new positions, all layers: their keys are rotated anew, from the un-rotated truth where
        there is one."""
        ...
