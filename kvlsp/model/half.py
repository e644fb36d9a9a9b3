"""Weights packed as sixteen-bit floats behind float32 arithmetic: half the memory traffic, and nothing is rounded.

Most checkpoints are stored in bfloat16 or float16; in float32 every number takes twice the bytes it needs. FBGEMM,
which comes with PyTorch on x86, multiplies float32 rows with matrices that it keeps as float16, packed once, where
the plain product packs its matrix anew at every call of more than one row. It is taken where every weight is such a
number already.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

LOST = 2.0**-25
"""A weight may lose half a step of the smallest float16 numbers: bfloat16 weights below 2**-17 lie between them."""


@dataclass(frozen=True, slots=True)
class HalfWeight:
    """A matrix (out, in) as FBGEMM packs it; ``outputs`` is its number of rows."""

    packed: Any
    outputs: int

    @classmethod
    def of(cls, weight: torch.Tensor) -> HalfWeight:
        """Pack a float32 matrix (out, in) that :func:`fits`."""
        return cls(torch.ops.quantized.linear_prepack_fp16(weight.contiguous(), None), weight.shape[0])


def half_linear(rows: torch.Tensor, weight: HalfWeight, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Like :func:`torch.nn.functional.linear`, for float32 rows (rows, in)."""
    product: torch.Tensor = torch.ops.quantized.linear_dynamic_fp16(rows, weight.packed)
    return product if bias is None else product.add_(bias)


def fits(weight: torch.Tensor) -> bool:
    """Whether a float32 matrix loses at most :data:`LOST` of any number as float16."""
    return bool((weight.to(torch.float16).to(weight.dtype) - weight).abs().max() <= LOST)


@lru_cache(maxsize=1)
def available() -> bool:
    """Whether this build of PyTorch has the products; false on processors that are not x86."""
    ones = torch.ones(8, 8)
    try:
        return bool((half_linear(ones, HalfWeight.of(ones)) == 8).all())
    except (RuntimeError, AttributeError):
        return False
