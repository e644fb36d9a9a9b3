"""The one seam between kvlsp and a model: rows in, logits out, over a cache whose slots are in no order.

Everything above (cache, engine) talks to this protocol; the tests put a tiny random model behind it. It
does not know what a document, a prompt or a tokenizer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch

from kvlsp.model.keyvalues import KeyValues


@dataclass(frozen=True, slots=True)
class Branch:
    """Whose rows are computed: 0 is the document itself, every other number a candidate or a draft.

    A branch sees the document and its own rows. ``hides`` are slots of the document that it must not see
    (int64, any length), for instance the last prefix tokens when the token at the caret is healed.
    """

    number: int
    hides: torch.Tensor | None = None


DOCUMENT = Branch(0, None)

Branches: TypeAlias = "Branch | Sequence[Branch]"
Wanted: TypeAlias = "torch.Tensor | slice"


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

    def forward(
        self,
        document: KeyValues,
        ids: torch.Tensor,
        positions: torch.Tensor,
        slots: torch.Tensor,
        branch: Branches,
        wanted: Wanted,
    ) -> torch.Tensor:
        """Encode rows and return the logits of the wanted ones, (wanted, vocabulary), float32 or float64.

        ``ids``, ``positions`` and ``slots`` are int64 (rows). ``branch`` is one for all rows or one per row.
        ``wanted`` indexes the rows: an int64 tensor or a slice; none wanted saves the output layer.

        Position and owner of ``slots`` are written first, so that the rows of one forward see one another.
        A key is visible to a row iff its slot is live, its position is at most the row's, and it belongs to
        the document or to the row's own branch and is not hidden from it. The order of slots never matters.
        """
        ...

    def move(self, document: KeyValues, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """Put kept tokens at new positions: their keys are rotated anew from the un-rotated truth, all
        layers."""
        ...
