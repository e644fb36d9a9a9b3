"""Eight-bit weights in the order in which oneDNN multiplies them, packed once, not at every call.

The product of integers that PyTorch has for everybody (:func:`kvlsp.model.int8.integer_linear`) lays its matrix out
anew whenever there is more than one row. The one that it has for quantised models takes a matrix that was laid out
before: an edit of six rows costs half. What comes out is the same to the bit, which is tried when it is first wanted,
since older processors add up eight-bit products in sixteen bits. The codes themselves are gone then, so tables whose
rows are read by id stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from kvlsp.model.int8 import LARGEST, Int8Weight, integer_linear
from kvlsp.model.one_row import NUMBERS, best_of

MIDDLE = 128
"""What is added to rows' integers: they are multiplied as numbers without a sign."""
TOKENS, EDIT = 4, 24
"""An edit of so many rows is weighed against so many tokens: a key waits for the one, often for one of the others."""


@dataclass(frozen=True, slots=True)
class PackedInt8:
    """``packed`` is opaque; ``scales`` float32 (out), ``zeros`` int32 (out). ``memory`` is where it lies, if that is
    somebody else's."""

    packed: Any
    scales: torch.Tensor
    zeros: torch.Tensor
    memory: torch.Tensor | None = None

    @classmethod
    def of(cls, weight: Int8Weight) -> PackedInt8:
        packed = torch.ops.onednn.qlinear_prepack(weight.codes, None)
        return cls(packed, weight.scales.float(), torch.zeros(weight.scales.shape[0], dtype=torch.int32))


def packed_linear(
    rows: torch.Tensor, weight: PackedInt8 | Int8Weight, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """As :func:`~kvlsp.model.int8.integer_linear`, over matrices that are packed and such that are not."""
    if isinstance(weight, Int8Weight):
        return integer_linear(rows, weight, bias)
    exact = rows.float()
    scale = exact.abs().amax(1, keepdim=True).clamp_min_(1e-12).div_(LARGEST)
    codes = exact.div_(scale).round_().add_(MIDDLE).to(torch.uint8)
    product = torch.ops.onednn.qlinear_pointwise(
        codes, 1.0, MIDDLE, weight.packed, weight.scales, weight.zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )
    found: torch.Tensor = product.mul_(scale).to(rows.dtype)
    return found if bias is None else found.add_(bias)


@lru_cache(maxsize=8)
def worthwhile(width: int) -> bool:
    """Whether packing pays for rows of ``width`` numbers, and changes nothing. Takes a tenth of a second or two."""
    return _same() and _quicker(width)


def _same() -> bool:
    """Whether products are the same to the bit, also of the largest numbers."""
    try:
        with torch.inference_mode():
            generator = torch.Generator().manual_seed(0)
            codes = torch.randint(-LARGEST, LARGEST + 1, (96, 256), generator=generator).to(torch.int8)
            codes[0], codes[1] = LARGEST, -LARGEST
            weight = Int8Weight(codes, torch.rand(96, generator=generator).bfloat16())
            rows = torch.randn(7, 256, generator=generator).bfloat16()
            rows[0], rows[1] = 1, -1
            return torch.equal(packed_linear(rows, PackedInt8.of(weight)), integer_linear(rows, weight))
    except (RuntimeError, AttributeError, TypeError):  # another PyTorch, another processor
        return False


def _quicker(width: int) -> bool:
    outputs = max(1, NUMBERS // width)
    weight = Int8Weight(torch.ones(outputs, width, dtype=torch.int8), torch.ones(outputs, dtype=torch.bfloat16))
    with torch.inference_mode():
        packed = PackedInt8.of(weight)
        one, many = (torch.ones(count, width, dtype=torch.bfloat16) for count in (1, EDIT))
        token, plain_token, edit, plain_edit = best_of(
            lambda: packed_linear(one, packed), lambda: integer_linear(one, weight),
            lambda: packed_linear(many, packed), lambda: integer_linear(many, weight),
        )  # fmt: skip
    return TOKENS * token + edit < TOKENS * plain_token + plain_edit
