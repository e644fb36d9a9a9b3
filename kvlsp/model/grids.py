"""Matrices that were rounded before they came here: codes, and what restores numbers from them.

All published layouts come down to two: a code times a scale plus an offset, both for some numbers of a row, or a code's
place in a short book of numbers times a scale. How files lay them out is known to :mod:`kvlsp.model.packings`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

AT_ONCE = 512
"""Rows restored in one go: in float32 a whole table of tokens would take twice its place."""


@dataclass(frozen=True, slots=True)
class Grid:
    """``codes`` (out, in), integers or eight-bit floats, times ``scales`` plus ``offsets``, both (1 or out, groups).

    Number ``i`` of a row is in group ``i // width``, or where ``groups`` (in) are named in that one.
    """

    codes: torch.Tensor
    scales: torch.Tensor
    offsets: torch.Tensor | None
    width: int
    groups: torch.Tensor | None = None

    def __post_init__(self) -> None:
        rows, columns = self.codes.shape
        for one in (self.scales, self.offsets):
            if one is None:
                continue
            if one.dim() != 2 or one.shape[0] not in (1, rows):
                raise ValueError(f"scales of {tuple(one.shape)} do not fit {rows} x {columns} codes")
            if self.groups is None and (self.width < 1 or one.shape[1] != -(-columns // self.width)):
                raise ValueError(f"{one.shape[1]} groups of {self.width} are not {columns} codes")
            if self.groups is not None and not bool(((self.groups >= 0) & (self.groups < one.shape[1])).all()):
                raise ValueError("codes are in groups that are not there")
        if self.groups is not None and self.groups.shape != (columns,):
            raise ValueError(f"{self.groups.numel()} codes are in groups, of {columns}")

    def restored(self, dtype: torch.dtype) -> torch.Tensor:
        """The matrix (out, in)."""
        found = torch.empty(self.codes.shape, dtype=dtype)
        for first in range(0, found.shape[0], AT_ONCE):
            some = slice(first, first + AT_ONCE)
            rows = self.codes[some].float().mul_(self._spread(self.scales, some))
            if self.offsets is not None:
                rows.add_(self._spread(self.offsets, some))
            found[some] = rows
        return found

    def _spread(self, by_group: torch.Tensor, some: slice) -> torch.Tensor:
        """What is said of groups, for each number of some rows: (rows or 1, in or 1), float32."""
        rows = (by_group[some] if by_group.shape[0] > 1 else by_group).float()
        if rows.shape[1] == 1:
            return rows
        if self.groups is not None:
            return rows[:, self.groups]
        return rows.repeat_interleave(self.width, 1)[:, : self.codes.shape[1]]


@dataclass(frozen=True, slots=True)
class Book:
    """``codes`` (numbers) of a matrix of ``shape``, row behind row: places in a ``book``, times ``scales`` (one for
    each ``width`` numbers)."""

    codes: torch.Tensor
    book: torch.Tensor
    scales: torch.Tensor
    width: int
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        rows, columns = self.shape
        if self.codes.numel() < rows * columns or self.scales.numel() * self.width < rows * columns:
            raise ValueError(f"there are {self.codes.numel()} codes for {rows} x {columns} numbers")

    def restored(self, dtype: torch.dtype) -> torch.Tensor:
        """The matrix (out, in)."""
        count = self.shape[0] * self.shape[1]
        found = torch.empty(count, dtype=dtype)
        step = self.width * 4096
        for first in range(0, count, step):
            last = min(count, first + step)
            scales = self.scales[first // self.width : -(-last // self.width)].float()
            found[first:last] = (
                self.book[self.codes[first:last].int()] * scales.repeat_interleave(self.width)[: last - first]
            )
        return found.view(self.shape)


Rounded = Grid | Book
Restore = Callable[["dict[str, torch.Tensor]"], Rounded]


def unpack(packed: torch.Tensor, bits: int) -> torch.Tensor:
    """Codes (rows, columns * 32 / bits) uint8 in words (rows, columns) of 32 bits, the lowest bits first."""
    octets = packed.contiguous().view(torch.uint8)
    if bits == 8:
        return octets
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8)
    return (octets[..., None] >> shifts & (1 << bits) - 1).flatten(-2)
