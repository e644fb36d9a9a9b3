"""Weights as eight-bit integers with one scale per output: half the memory traffic of bfloat16 on a CPU.

Activations, keys and values stay bfloat16. A few rows are multiplied with the integers as they are; many
rows with the weights restored for the moment, which then costs little beside the products. It is chosen by
the user, never by itself: the logits are no longer those of the checkpoint, only near them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import linear

AT_ONCE = 2048  # outputs rounded in one go: in float32 a whole output layer would take four times its place
FEW_ROWS = 8  # measured: beyond, restoring the weights and one bfloat16 product is quicker


@dataclass(frozen=True, slots=True)
class Int8Weight:
    """``codes`` int8 (out, in) times ``scales`` bfloat16 (out)."""

    codes: torch.Tensor
    scales: torch.Tensor

    @classmethod
    def of(cls, weight: torch.Tensor) -> Int8Weight:
        """Round a matrix (out, in) to 255 steps per output."""
        codes = torch.empty(weight.shape, dtype=torch.int8)
        scales = torch.empty(weight.shape[0], dtype=torch.bfloat16)
        for first in range(0, weight.shape[0], AT_ONCE):
            rows = weight[first : first + AT_ONCE].float()
            scale = (rows.abs().amax(1).clamp_min_(1e-12) / 127).to(torch.bfloat16)
            scales[first : first + AT_ONCE] = scale
            codes[first : first + AT_ONCE] = rows.div_(scale.float()[:, None]).round_().clamp_(-127, 127)
        return cls(codes, scales)

    def restored(self) -> torch.Tensor:
        """The rounded matrix in bfloat16."""
        return self.codes.to(torch.bfloat16).mul_(self.scales[:, None])


def int8_linear(rows: torch.Tensor, weight: Int8Weight, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Like :func:`torch.nn.functional.linear`, for bfloat16 rows (rows, in)."""
    if rows.shape[0] > FEW_ROWS:
        return linear(rows, weight.restored(), bias)
    product = torch._weight_int8pack_mm(rows.contiguous(), weight.codes, weight.scales)
    return product if bias is None else product.add_(bias)
