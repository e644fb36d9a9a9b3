"""Weights as four-bit integers, a scale and a lowest value for each 64 of a row: a quarter of bfloat16's memory.

PyTorch multiplies bfloat16 rows with them as they are packed (its ``_weight_int4pack_mm_for_cpu``, which torchao uses
too): a token reads a quarter of what it reads in bfloat16, while hundreds of rows cost about three times as much. The
output layer and the embedding keep eight bits, since they cost the most when they are rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn.functional import linear

from kvlsp.model.grids import Grid, Rounded

GROUP = 64
"""Numbers of a row that share a scale: 4.5 bits a weight."""
LEVELS = 15
STEP = 64  # outputs that some processors pack together
AT_ONCE = 1 << 18  # numbers rounded in one go, of whole steps of outputs: they stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Int4Weight:
    """``packed`` uint8 (out, in / 2) as PyTorch packs it; ``scales`` bfloat16 (in / 64, out, 2): step, and the value
    of code 8."""

    packed: torch.Tensor
    scales: torch.Tensor

    @classmethod
    def of(cls, weight: torch.Tensor) -> Int4Weight:
        """Round a matrix (out, in) that :func:`fits`."""
        made = cls._empty(*weight.shape)
        at_once = _at_once(weight.shape[1])
        for first in range(0, weight.shape[0], at_once):
            some = slice(first, first + at_once)
            groups = weight[some].float().unflatten(1, (-1, GROUP))
            low, high = groups.amin(2), groups.amax(2)  # aminmax was measured to be slower
            step = ((high - low) / LEVELS).clamp_min_(1e-12).to(torch.bfloat16)
            middle = (low + step.float() * 8).to(torch.bfloat16)
            rounded = (groups - middle.float()[..., None]).div_(step.float()[..., None]).round_().add_(8)
            made._put(some, rounded.clamp_(0, LEVELS).flatten(1), step, middle)
        return made

    @classmethod
    def of_grids(cls, grids: Sequence[Rounded | None]) -> Int4Weight | None:
        """Matrices below one another that were rounded to four bits before, with their own codes: nothing is rounded
        but scales, to bfloat16. None where they are of another kind."""
        if not all(isinstance(one, Grid) and _is_ours(one) for one in grids):
            return None
        found = [one for one in grids if isinstance(one, Grid)]
        outputs, inputs = sum(one.codes.shape[0] for one in found), found[0].codes.shape[1]
        if not found or not fits((outputs, inputs)):
            return None
        codes = torch.cat([one.codes for one in found])
        step, middle = (torch.cat([one[number] for one in map(_by_groups, found)]) for number in (0, 1))
        made = cls._empty(outputs, inputs)
        at_once = _at_once(inputs)
        for first in range(0, outputs, at_once):
            some = slice(first, first + at_once)
            made._put(some, codes[some], step[some], middle[some])
        return made

    @classmethod
    def _empty(cls, outputs: int, inputs: int) -> Int4Weight:
        packed = torch.empty(outputs, inputs // 2, dtype=torch.uint8)
        return cls(packed, torch.empty(inputs // GROUP, outputs, 2, dtype=torch.bfloat16))

    def _put(self, some: slice, codes: torch.Tensor, step: torch.Tensor, middle: torch.Tensor) -> None:
        """Fill in some outputs: codes (outputs, in), step and middle (outputs, in / 64)."""
        self.scales[:, some, 0], self.scales[:, some, 1] = step.t(), middle.t()
        self.packed[some] = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.to(torch.int32), 1)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self.packed.nbytes + self.scales.nbytes


def int4_linear(rows: torch.Tensor, weight: Int4Weight, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Like :func:`torch.nn.functional.linear`, for bfloat16 rows (rows, in)."""
    product: torch.Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(
        rows.contiguous(), weight.packed, GROUP, weight.scales
    )
    return product if bias is None else product.add_(bias)


def _at_once(inputs: int) -> int:
    """Outputs that are rounded together."""
    return max(1, AT_ONCE // inputs // STEP) * STEP


def _is_ours(grid: Grid) -> bool:
    """Whether its codes have four bits, in groups that ours divide."""
    whole = grid.groups is None and (grid.width % GROUP == 0 or grid.scales.shape[1] == 1)
    return whole and grid.offsets is not None and grid.codes.dtype == torch.uint8 and int(grid.codes.max()) <= LEVELS


def _by_groups(grid: Grid) -> tuple[torch.Tensor, torch.Tensor]:
    """Its step, and the value of code 8, for each of our groups: (out, in / 64)."""
    assert grid.offsets is not None
    outputs, inputs = grid.codes.shape
    step = grid.scales.float()
    middle = grid.offsets.float() + step * 8
    wide = inputs // GROUP
    each = wide if step.shape[1] == 1 else grid.width // GROUP
    return tuple(one.expand(outputs, -1).repeat_interleave(each, 1)[:, :wide] for one in (step, middle))  # type: ignore[return-value]


def fits(shape: tuple[int, ...]) -> bool:
    """Whether a matrix (out, in) can be held so."""
    return shape[0] % STEP == 0 and shape[1] % GROUP == 0


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether this build of PyTorch has the product for processors."""
    try:
        row = torch.ones(1, GROUP, dtype=torch.bfloat16)
        weight = Int4Weight.of(torch.arange(STEP * GROUP).remainder(16).sub(8).float().view(STEP, GROUP))
        exact = linear(row.float(), torch.arange(STEP * GROUP).remainder(16).sub(8).float().view(STEP, GROUP))
        return bool((int4_linear(row, weight).float() - exact).abs().max() < 1)
    except (RuntimeError, AttributeError):
        return False
