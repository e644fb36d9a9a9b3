"""Attention against the formula, head by head."""

from __future__ import annotations

import pytest
import torch

from kvlsp.model import attention
from kvlsp.model.attention import attend


def formula(queries, keys, values, mask, scale, softcap=None, sinks=None):
    group = queries.shape[0] // keys.shape[0]
    mixed = []
    for head, query in enumerate(queries):
        scores = query @ keys[head // group].T * scale
        if softcap:
            scores = softcap * torch.tanh(scores / softcap)
        scores = scores + mask
        if sinks is not None:
            scores = torch.cat((scores, sinks[head].expand(len(scores), 1)), -1)
        mixed.append(scores.softmax(-1)[:, : keys.shape[1]] @ values[head // group])
    return torch.stack(mixed)


@pytest.mark.parametrize("rows", [1, 5, 70])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("extra", [{}, {"softcap": 3.0}, {"sinks": torch.randn(4, dtype=torch.float64)}])
def test_like_the_formula(rows, kv_heads, extra):
    generator = torch.Generator().manual_seed(rows)
    queries = torch.randn(4, rows, 8, dtype=torch.float64, generator=generator)
    keys = torch.randn(kv_heads, 90, 8, dtype=torch.float64, generator=generator)
    values = torch.randn(kv_heads, 90, 6, dtype=torch.float64, generator=generator)
    mask = torch.zeros(rows, 90, dtype=torch.float64)
    mask[torch.rand(rows, 90, generator=generator) < 0.5] = torch.finfo(torch.float64).min / 2
    mask[:, 3] = 0
    found = attend(queries, keys, values, mask, 0.3, **extra)
    torch.testing.assert_close(
        found, formula(queries, keys, values, mask, 0.3, **extra), atol=1e-12, rtol=1e-9
    )


@pytest.mark.parametrize("block", [1, 1 << 19])
def test_bfloat16_by_head_and_block(monkeypatch, block):
    monkeypatch.setattr(attention, "SCORES", block)
    generator = torch.Generator().manual_seed(0)
    queries, keys, values = (
        torch.randn(heads, 40, 16, generator=generator).bfloat16() for heads in (6, 2, 2)
    )
    mask = torch.zeros(40, 40, dtype=torch.bfloat16).masked_fill(
        torch.ones(40, 40).triu(1).bool(), torch.finfo(torch.bfloat16).min / 2
    )
    found = attend(queries, keys, values, mask, 0.25)
    expected = formula(queries.float(), keys.float(), values.float(), mask.float(), 0.25)
    assert found.dtype == torch.bfloat16
    assert float((found.float() - expected).norm() / expected.norm()) < 1e-2
    assert torch.isfinite(attend(queries, keys, values, None, 0.25)).all()
