"""What a forward encodes: rows, whose they are, and the logits that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch


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
"""One for all rows, or one per row."""
Wanted: TypeAlias = "torch.Tensor | slice"
"""What indexes rows: int64, or a slice."""

EVERY = slice(None)
LAST = slice(-1, None)
NONE = slice(0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class RowBatch:
    """Rows of one forward, in any order: token ``ids``, ``positions`` and ``slots``, each int64 (rows).

    They may lie on the CPU whatever the decoder's device: then a GPU is not waited for. ``wanted`` are the rows whose
    logits are computed; with none of them the output layer costs nothing. Raises :class:`ValueError` where the parts
    do not fit together.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    slots: torch.Tensor
    wanted: Wanted
    branch: Branches = DOCUMENT

    def __post_init__(self) -> None:
        ids, positions, slots, branch = self.ids, self.positions, self.slots, self.branch
        shape, dtype = ids.shape, torch.int64
        if len(shape) != 1 or positions.shape != shape or slots.shape != shape:
            raise ValueError(
                f"Ids, positions and slots of rows have the shapes {tuple(shape)}, {tuple(positions.shape)} and "
                f"{tuple(slots.shape)}, not one length."
            )
        if not (ids.dtype is dtype and positions.dtype is dtype and slots.dtype is dtype):
            raise ValueError(
                f"Ids, positions and slots of rows are {ids.dtype}, {positions.dtype} and {slots.dtype}, not int64."
            )
        if not isinstance(branch, Branch) and len(branch) != shape[0]:
            raise ValueError(f"{shape[0]} rows have {len(branch)} branches.")

    def __len__(self) -> int:
        return len(self.ids)
