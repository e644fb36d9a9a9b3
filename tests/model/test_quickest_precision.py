"""Which precision is quicker is measured over a twin; a single row of bfloat16 has a product of its own."""

from __future__ import annotations

import pytest
import torch
from torch.backends import mkldnn
from torch.nn.functional import linear

from kvlsp.model import one_row
from kvlsp.model.lean_taken import quickest
from kvlsp.model.one_row import one_row_linear
from kvlsp.model.quickest_precision import choose, costs
from tests.support.decoders import tiny_llama
from tests.support.models import tiny_decoder


def test_the_quicker_one_is_chosen():
    assert choose({"float32": 1.0, "bfloat16": 2.0}) == torch.float32
    assert choose({"float32": 2.0, "bfloat16": 1.0}) == torch.bfloat16
    assert choose({"float32": 0.99, "bfloat16": 1.0}) == torch.bfloat16  # half the cache
    assert choose({}) is None


def test_both_are_measured_by_the_clock_that_is_given():
    now = iter(range(10**6))
    found = costs(tiny_llama(2).config, clock=lambda: float(next(now)))
    assert found == {"bfloat16": 13e3, "float32": 13e3}  # an edit and 12 tokens, a second each


def test_what_cannot_be_made_is_not_measured():
    config = tiny_llama(2).config
    config.hidden_act = "unheard of"
    assert costs(config) == {}


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_single_rows_give_the_same_without_onednn(rows):
    x, weight, bias = torch.randn(rows, 96).bfloat16(), torch.randn(80, 96).bfloat16(), torch.randn(80).bfloat16()
    exact = linear(x.double(), weight.double(), bias.double())
    torch.testing.assert_close(one_row_linear(x, weight, bias).double(), exact, atol=0.2, rtol=0.02)
    assert mkldnn.enabled


def test_onednn_is_back_behind_a_failure():
    with pytest.raises(RuntimeError):
        one_row_linear(torch.ones(1, 3).bfloat16(), torch.ones(4, 5).bfloat16())
    assert mkldnn.enabled


def test_a_product_that_differs_is_not_taken(monkeypatch, caplog):
    monkeypatch.setattr(one_row, "quicker", lambda width: True)
    expected = quickest(tiny_decoder(2, dtype=torch.bfloat16))
    assert not caplog.text
    monkeypatch.setattr(one_row, "one_row_linear", lambda rows, weight, bias=None: -linear(rows, weight, bias))
    kept = quickest(tiny_decoder(2, dtype=torch.bfloat16))
    assert "keeps oneDNN's product" in caplog.text
    assert type(kept) is type(expected)
