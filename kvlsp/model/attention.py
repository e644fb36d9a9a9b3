"""Attention of a few rows over many slots, with a given additive mask (grouped queries: arXiv 2305.13245).

The rows of all query heads that share a key head are folded into one longer query, so that keys are read
once.
"""

from __future__ import annotations

import torch
from torch.nn.functional import linear, scaled_dot_product_attention

# Beyond so many rows a mask copied for every query head of a group costs more than reading the keys once per
# head.
FOLDED_ROWS = 64
# Scores computed at a time by the bfloat16 path: they should stay in the processor's cache.
SCORES = 1 << 19


def attend(
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float,
    softcap: float | None = None,
    sinks: torch.Tensor | None = None,
) -> torch.Tensor:
    """Queries (heads, rows, width) over keys (kv_heads, slots, width) and values: (heads, rows, value_width).

    ``mask`` is additive (rows, slots), None where every row sees every slot. ``softcap`` bounds the scores by
    ``softcap * tanh(score / softcap)`` (Gemma 2), ``sinks`` (heads) adds a score that has no value (GPT-OSS).
    """
    heads, rows, width = queries.shape
    kv_heads, slots, _ = keys.shape
    group = heads // kv_heads
    grouped = queries.reshape(kv_heads, group, rows, width)
    if softcap is not None or sinks is not None:
        mixed = _explicit(grouped, keys, values, mask, scale, softcap, sinks)
    elif keys.dtype == torch.bfloat16 and keys.device.type == "cpu":
        mixed = _by_head(grouped, keys, values, mask, scale)
    elif rows == 1 or group == 1 or rows <= FOLDED_ROWS:
        folded = queries.reshape(1, kv_heads, group * rows, width)
        if mask is not None and group > 1 and rows > 1:
            mask = mask.repeat(group, 1)
        mixed = scaled_dot_product_attention(folded, keys[None], values[None], attn_mask=mask, scale=scale)
    else:
        shape = (kv_heads, group, slots, -1)
        mixed = scaled_dot_product_attention(
            grouped, keys[:, None].expand(shape), values[:, None].expand(shape), attn_mask=mask, scale=scale
        )
    return mixed.reshape(heads, rows, -1)


def _by_head(
    grouped: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, scale: float
) -> torch.Tensor:
    """One matrix product per key head and block of rows: on a CPU in bfloat16 half the time of the fused
    kernel."""
    kv_heads, group, rows, width = grouped.shape
    slots = keys.shape[1]
    mixed = torch.empty((kv_heads, group, rows, values.shape[-1]), dtype=values.dtype, device=values.device)
    block = max(8, SCORES // (group * slots))
    for first in range(0, rows, block):
        last = min(rows, first + block)
        some = mask[first:last] if mask is not None else None
        for head in range(kv_heads):
            scores = linear(grouped[head, :, first:last].reshape(-1, width), keys[head])
            scores = scores.view(group, last - first, slots)
            scores = torch.add(some, scores, alpha=scale) if some is not None else scores * scale
            shares = scores.softmax(-1).view(-1, slots)
            mixed[head, :, first:last] = (shares @ values[head]).view(group, last - first, -1)
    return mixed


def _explicit(
    grouped: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    scores = (grouped @ keys[:, None].transpose(-1, -2)) * scale
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    if mask is not None:
        scores = scores + mask
    if sinks is not None:
        sink = sinks.to(scores.dtype).reshape(grouped.shape[0], -1, 1, 1).expand(*scores.shape[:-1], 1)
        shares = torch.cat((scores, sink), -1).softmax(-1)[..., :-1]
    else:
        shares = scores.softmax(-1)
    return shares.to(values.dtype) @ values[:, None]
