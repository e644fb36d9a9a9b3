"""Attention of a few rows on a GPU by matrix products that fill it, from torch's own operations.

The fused kernels that take a mask give each key head and block of queries to one multiprocessor: with two key heads
and one row, two of some hundred work. Products over all slots are cut by the library itself. Scores are kept in
float32. The Triton kernels (:mod:`kvlsp.model.kernels`) are quicker; this is what there is without them.
"""

from __future__ import annotations

import torch

ROWS = 64  # beyond so many rows the fused kernels (kvlsp.model.attention) fill a GPU by themselves
FEW_HEADS = 8  # with fewer key heads the slots of a head are summed in parts
PART = 512  # slots of such a part
_WIDE = hasattr(torch.ops.aten.bmm, "dtype")  # products of 16-bit numbers that stay float32 (torch 2.8)


def attend_split(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, scale: float
) -> torch.Tensor:
    """Queries (heads, rows, width) over keys and values (kv_heads, slots, width): (heads, rows, width).

    ``mask`` is additive (rows, slots).
    """
    heads, rows, width = queries.shape
    kv_heads, slots, _ = keys.shape
    group = heads // kv_heads
    scores = _product(queries.reshape(kv_heads, group * rows, width), keys.transpose(1, 2))
    scores = scores.view(kv_heads, group, rows, slots)
    scores = scores * scale if mask is None else torch.add(mask.to(scores.dtype), scores, alpha=scale)
    shares = scores.softmax(-1).to(values.dtype).view(kv_heads, group * rows, slots)
    parts = slots // PART
    if kv_heads >= FEW_HEADS or parts < 2:
        return (shares @ values).view(heads, rows, -1)
    mixed = torch.stack([_in_parts(shares[head], values[head], parts) for head in range(kv_heads)])
    return mixed.to(values.dtype).view(heads, rows, -1)


def _in_parts(shares: torch.Tensor, values: torch.Tensor, parts: int) -> torch.Tensor:
    """``shares`` (rows, slots) times ``values`` (slots, width) as ``parts`` products that run side by side."""
    rows, width = shares.shape[0], values.shape[1]
    whole = parts * PART
    sums = _product(shares[:, :whole].view(rows, parts, PART).transpose(0, 1), values[:whole].view(parts, PART, width))
    mixed = sums.sum(0)
    if whole < values.shape[0]:
        mixed = mixed + _product(shares[None, :, whole:], values[None, whole:])[0]
    return mixed


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Batched product in float32 or better."""
    if a.dtype.itemsize >= 4:
        return a @ b
    if a.is_cuda and _WIDE:
        return torch.bmm(a, b, out_dtype=torch.float32)
    return (a @ b).float()
