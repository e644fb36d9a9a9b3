from __future__ import annotations

import pytest
import torch

from kvlsp.memory.mixture import Mixture, kind
from kvlsp.memory.ngrams import NgramTable

TABLE = NgramTable.of(8, [(0, [1, 2, 3]), (1, [1, 2, 3]), (2, [1, 2, 4])])


def row(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(8, generator=torch.Generator().manual_seed(0)).to(dtype) * 3 + 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_mixture_is_that_much_of_each(dtype):
    memory = Mixture(TABLE, {kind(TABLE.find([1, 2])): 0.5})
    alone = row(dtype).float().softmax(-1)
    mixed = memory.mixed([1, 2], row(dtype)).softmax(-1)
    shares = torch.tensor([0, 0, 0, 2 / 3, 1 / 3, 0, 0, 0])
    torch.testing.assert_close(mixed.float(), alone / 2 + shares / 2, rtol=0, atol=1e-5)


def test_what_the_model_holds_for_nearly_impossible_keeps_its_order():
    logits = torch.tensor([0.0, -300.0, -200.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    mixed = Mixture(TABLE, {kind(TABLE.find([1, 2])): 0.9}).mixed([1, 2], logits)
    assert mixed[2] > mixed[1] > -torch.inf


def test_without_a_match_or_a_weight_the_row_is_the_models_own():
    logits = row()
    assert Mixture(TABLE, {kind(TABLE.find([1, 2])): 0.5}).mixed([7], logits) is logits
    assert Mixture(TABLE, {}).mixed([1, 2], logits) is logits


def test_the_models_row_stays_as_it_was():
    logits = row()
    Mixture(TABLE, {kind(TABLE.find([1, 2])): 0.5}).mixed([1, 2], logits)
    assert torch.equal(logits, row())
