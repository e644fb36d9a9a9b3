"""Who sees whom: the mask of one forward, from positions and owners alone, never from the order of slots.

Some layers look back a limited number of positions only: there is a mask for each such number.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.rows import Branch, Branches


def owners(branch: Branches, device: torch.device) -> int | torch.Tensor:
    """The owner of each row to be written: one number, or int32 (rows)."""
    if isinstance(branch, Branch):
        return branch.number
    return torch.tensor([one.number for one in branch], dtype=torch.int32, device=device)


class Visibility:
    """Masks of one forward, made once and shared by all layers with the same window."""

    def __init__(
        self, document: KeyValues, positions: torch.Tensor, branch: Branches, dtype: torch.dtype
    ) -> None:
        self._document = document
        self._positions = positions
        self._branch = branch
        # Half of the lowest number instead of -inf: a block of keys in which a row sees nothing stays finite.
        self._hidden = torch.finfo(dtype).min / 2
        self.dtype = dtype
        self._masks: dict[int | None, torch.Tensor] = {}

    def mask(self, window: int | None) -> torch.Tensor:
        """Additive (rows, read): 0 where the row sees the key, very negative elsewhere.

        ``window``: the row sees keys less than so many positions before it (None: all before it).
        """
        if window not in self._masks:
            allowed = self._allowed()
            if window is not None:
                earliest = self._positions[:, None] - window
                allowed = allowed & (self._document.position[: self._document.read] > earliest)
            mask = torch.zeros(allowed.shape, dtype=self.dtype, device=allowed.device)
            self._masks[window] = mask.masked_fill_(~allowed, self._hidden)
        return self._masks[window]

    def _allowed(self) -> torch.Tensor:
        """Boolean (rows, read) without a window."""
        read = self._document.read
        # Free slots lie after every query.
        allowed = self._document.position[:read] <= self._positions[:, None]
        owner = self._document.owner[:read]
        if isinstance(self._branch, Branch):
            visible = owner == 0
            if self._branch.number:
                visible |= owner == self._branch.number
            hides = self._branch.hides
            if hides is not None and hides.numel():
                visible[hides] = False
            return allowed.logical_and_(visible)
        numbers = owners(self._branch, owner.device)
        assert isinstance(numbers, torch.Tensor)
        allowed &= (owner == 0) | (owner == numbers[:, None])
        for hides, rows in _hiding(self._branch):
            allowed[torch.tensor(rows, device=owner.device)[:, None], hides] = False
        return allowed


def _hiding(branches: Sequence[Branch]) -> list[tuple[torch.Tensor, list[int]]]:
    """Rows grouped by the slots they must not see."""
    groups: dict[int, tuple[torch.Tensor, list[int]]] = {}
    for row, branch in enumerate(branches):
        if branch.hides is not None and branch.hides.numel():
            groups.setdefault(id(branch.hides), (branch.hides, []))[1].append(row)
    return list(groups.values())
