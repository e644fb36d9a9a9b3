"""Weights as eight-bit integers with one scale per output: half the memory of bfloat16, and of what a token reads.

There are two products over the same integers. One rounds each row to eight bits as well, by its own largest number,
and multiplies integers, exactly (as LLM.int8 does without its outliers, arXiv 2208.07339): what a row gives does not
depend on the rows beside it. The other leaves rows in bfloat16 and restores the weights for the moment where there are
many of them. Which is quicker depends on the processor: :mod:`kvlsp.model.rounding` measures. Eight bits are chosen by
the user, never by themselves: the logits are no longer those of the checkpoint, only near them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import linear

AT_ONCE = 1 << 18  # numbers rounded in one go: what it takes of them in float32 stays in the processor's cache
FEW_ROWS = 8  # measured: beyond, restoring the weights and one bfloat16 product is quicker
LARGEST = 127


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
        at_once = max(1, AT_ONCE // max(1, weight.shape[1]))
        for first in range(0, weight.shape[0], at_once):
            some = slice(first, first + at_once)
            rows = weight[some].float()
            scale = (rows.abs().amax(1).clamp_min_(1e-12) / LARGEST).to(torch.bfloat16)
            scales[some] = scale
            codes[some] = rows.div_(scale.float()[:, None]).round_().clamp_(-LARGEST, LARGEST)
        return cls(codes, scales)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self.codes.nbytes + self.scales.nbytes

    def restored(self) -> torch.Tensor:
        """The rounded matrix in bfloat16."""
        return self.codes.to(torch.bfloat16).mul_(self.scales[:, None])

    def __getitem__(self, ids: torch.Tensor) -> torch.Tensor:
        """Some of its rows in bfloat16, as an embedding is read."""
        return self.codes[ids].to(torch.bfloat16).mul_(self.scales[ids][:, None])


def integer_linear(rows: torch.Tensor, weight: Int8Weight, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Like :func:`torch.nn.functional.linear`, for bfloat16 rows (rows, in), which are rounded to eight bits too."""
    exact = rows.float()
    scale = exact.abs().amax(1, keepdim=True).clamp_min_(1e-12).div_(LARGEST)
    product = torch._int_mm(exact.div_(scale).round_().to(torch.int8), weight.codes.t())
    found = product.float().mul_(weight.scales).mul_(scale).to(rows.dtype)
    return found if bias is None else found.add_(bias)


def int8_linear(rows: torch.Tensor, weight: Int8Weight, bias: torch.Tensor | None = None) -> torch.Tensor:
    """Like :func:`torch.nn.functional.linear`, for bfloat16 rows (rows, in), which stay as they are."""
    outputs, inputs = weight.codes.shape
    if rows.shape[0] > FEW_ROWS or outputs % 16 or inputs % 32:  # its kernel reads whole steps, beyond the end as well
        return linear(rows, weight.restored(), bias)
    product = torch._weight_int8pack_mm(rows.contiguous(), weight.codes, weight.scales)
    return product if bias is None else product.add_(bias)
