"""The comparison with stock transformers, on a tiny checkpoint."""

from __future__ import annotations

import pytest
import torch

from kvlsp.laboratory.evaluation.forward import measure
from tests.support.decoders import tiny_llama


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_same_logits_and_a_ratio(tmp_path, dtype):
    tiny_llama(2, dtype=torch.float32).save_pretrained(tmp_path)
    figures = measure(tmp_path, context=48, rows=(1, 4), device="cpu", dtype=dtype, repeats=3)
    assert figures["dtype"] == dtype
    assert figures["model"].endswith("lean")
    assert set(figures["rows"]) == {"1", "4"}
    for run in figures["rows"].values():
        # all three are rounded, the times to microseconds
        assert run["ratio"] == pytest.approx(run["stock_ms"] / run["kvlsp_ms"], rel=0.02, abs=0.01)
        assert run["largest_difference"] < (1e-4 if dtype == "float32" else 0.1)
