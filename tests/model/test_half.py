"""Weights as sixteen-bit numbers: the products they give, when they are taken, what is kept beside them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import linear

from kvlsp.model import half
from kvlsp.model.half import LOST, HalfWeight, available, fits, half_linear
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_taken import quickest
from kvlsp.model.rows import EVERY, RowBatch
from tests.support.models import tiny_decoder
from tests.support.reference import ids_of

needs_products = pytest.mark.skipif(not available(), reason="this PyTorch has no products with float16 weights")


def stored(shape: tuple[int, int]) -> torch.Tensor:
    """Float32 numbers as a bfloat16 checkpoint gives them."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(3)).mul(0.1).bfloat16().float()


@needs_products
@pytest.mark.parametrize("rows", [0, 1, 2, 7, 64, 300])
@pytest.mark.parametrize("shape", [(1, 1), (17, 33), (700, 256)])
def test_products_are_those_of_float32(rows, shape):
    weight, x, bias = stored(shape), torch.randn(rows, shape[1]), torch.randn(shape[0])
    found = half_linear(x, HalfWeight.of(weight), bias)
    exact = linear(x.double(), weight.double(), bias.double())
    assert found.shape == exact.shape
    torch.testing.assert_close(found.double(), exact, atol=1e-5, rtol=1e-5)


def test_what_float16_cannot_hold_does_not_fit():
    assert fits(stored((64, 64)))
    assert not fits(torch.full((2, 2), 70000.0))  # more than its largest number
    assert not fits(torch.tensor([[1.0, 1 + 2**-12]]))  # finer than its steps
    assert fits(torch.tensor([[LOST]]))  # between the smallest: as good as nothing


def over_slots(decoder, rows: int = 20) -> torch.Tensor:
    ids, places = ids_of(rows), torch.arange(rows)
    return decoder.forward(decoder.allocate(rows), RowBatch(ids, places, places, EVERY))


def as_stored(layers: int = 2):
    """A tiny float32 decoder whose weights came from bfloat16."""
    decoder = tiny_decoder(layers, dtype=torch.float32)
    for weight in decoder.model.parameters():
        weight.data = weight.data.bfloat16().float()
    return decoder


@needs_products
def test_a_checkpoint_of_sixteen_bits_is_packed_and_held_once():
    decoder = as_stored()
    expected = over_slots(decoder)
    packed = quickest(decoder)
    assert isinstance(packed, LeanDecoder)
    assert packed.packed
    torch.testing.assert_close(over_slots(packed), expected, atol=1e-4, rtol=1e-4)
    assert decoder.model is None


def test_a_checkpoint_of_float32_is_not():
    decoder = tiny_decoder(2, dtype=torch.float32)
    lean = quickest(decoder)
    assert isinstance(lean, LeanDecoder)
    assert not lean.packed
    assert decoder.model is not None


@needs_products
def test_packed_weights_that_give_other_logits_are_not_used(monkeypatch, caplog):
    wrong = lambda rows, weight, bias=None: half.half_linear(rows, weight, bias).neg()  # noqa: E731
    monkeypatch.setattr("kvlsp.model.lean_taken.half_linear", wrong)
    decoder = as_stored()
    expected = over_slots(decoder)
    lean = quickest(decoder)
    assert not lean.packed
    assert "keeps its weights in float32" in caplog.text
    torch.testing.assert_close(over_slots(lean), expected, atol=1e-4, rtol=1e-4)


def test_a_processor_without_the_products_goes_without(monkeypatch):
    def missing(*_):
        raise RuntimeError("Didn't find engine for operation quantized::linear_prepack_fp16")

    monkeypatch.setattr(torch.ops.quantized, "linear_prepack_fp16", missing)
    half.available.cache_clear()
    try:
        assert not available()
        assert not quickest(as_stored()).packed
    finally:
        monkeypatch.undo()
        half.available.cache_clear()
