"""Weights as four-bit integers, a scale and a lowest value for each 64 of a row: a quarter of bfloat16's memory.

PyTorch multiplies bfloat16 rows with them as they are packed (its ``_weight_int4pack_mm_for_cpu``, which torchao uses
too): a token reads a quarter of what it reads in bfloat16, while hundreds of rows cost about three times as much. The
output layer and the embedding keep eight bits, since they cost the most when they are rounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn.functional import linear

GROUP = 64
"""Numbers of a row that share a scale: 4.5 bits a weight."""
LEVELS = 15
STEP = 64  # outputs that some processors pack together
AT_ONCE = 512  # outputs rounded in one go, whole steps


@dataclass(frozen=True, slots=True)
class Int4Weight:
    """``packed`` uint8 (out, in / 2) as PyTorch packs it; ``scales`` bfloat16 (in / 64, out, 2): step, and the value
    of code 8."""

    packed: torch.Tensor
    scales: torch.Tensor

    @classmethod
    def of(cls, weight: torch.Tensor) -> Int4Weight:
        """Round a matrix (out, in) that :func:`fits`."""
        outputs, inputs = weight.shape
        packed = torch.empty(outputs, inputs // 2, dtype=torch.uint8)
        scales = torch.empty(inputs // GROUP, outputs, 2, dtype=torch.bfloat16)
        for first in range(0, outputs, AT_ONCE):
            some = slice(first, first + AT_ONCE)
            groups = weight[some].float().unflatten(1, (-1, GROUP))
            low, high = groups.aminmax(dim=2)
            step = ((high - low) / LEVELS).clamp_min_(1e-12).to(torch.bfloat16)
            middle = (low + step.float() * 8).to(torch.bfloat16)
            scales[:, some, 0], scales[:, some, 1] = step.t(), middle.t()
            rounded = (groups - middle.float()[..., None]).div_(step.float()[..., None]).round_().add_(8)
            codes = rounded.clamp_(0, LEVELS).to(torch.int32).flatten(1)
            packed[some] = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, 1)
        return cls(packed, scales)

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
