"""Weights in eight and four bits: what is lost, and that a row's product does not depend on the rows beside it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import linear

from kvlsp.model import int4
from kvlsp.model.int4 import GROUP, Int4Weight, int4_linear
from kvlsp.model.int8 import Int8Weight, int8_linear, integer_linear
from kvlsp.model.rounding import rounding

needs_four = pytest.mark.skipif(not int4.available(), reason="this PyTorch has no products with four-bit weights")


def matrix(outputs, inputs, seed=0):
    return torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(seed)).mul(0.1).bfloat16()


def apart(found, expected):
    return float((found.float() - expected).abs().max() / expected.abs().max().clamp_min(1e-9))


@needs_four
@given(blocks=st.integers(1, 20), groups=st.integers(1, 4), rows=st.integers(1, 40), seed=st.integers(0, 9))
def test_four_bits_give_the_product_with_rounded_weights(blocks, groups, rows, seed):
    weight, x = matrix(64 * blocks, GROUP * groups, seed), matrix(rows, GROUP * groups, seed + 1)
    held = Int4Weight.of(weight)
    unit = int4_linear(torch.eye(GROUP * groups).bfloat16(), held).t().float()  # the matrix as it is held
    step = weight.float().unflatten(1, (-1, GROUP)).aminmax(dim=2)
    largest = ((step.max - step.min) / int4.LEVELS).max()
    assert float((unit - weight.float()).abs().max()) <= 0.6 * float(largest) + 0.01 * float(weight.abs().max())
    assert apart(int4_linear(x, held), linear(x.float(), unit)) < 0.02
    assert held.nbytes == 64 * blocks * GROUP * groups * 9 // 16


@pytest.mark.parametrize("product", [integer_linear, int8_linear])
@pytest.mark.parametrize("rows", [1, 2, 8, 9, 40])
@pytest.mark.parametrize("shape", [(1, 1), (17, 33), (700, 256)])
def test_eight_bits_stay_near(product, rows, shape):
    weight, x, bias = matrix(*shape), matrix(rows, shape[1], 1), matrix(1, shape[0], 2)[0]
    found, expected = product(x, Int8Weight.of(weight), bias), linear(x.float(), weight.float(), bias.float())
    assert found.dtype == torch.bfloat16
    assert apart(found, expected) < 0.05


@given(rows=st.integers(2, 30), seed=st.integers(0, 99))
def test_what_a_row_gives_does_not_depend_on_others(rows, seed):
    x, weight = matrix(rows, 96, seed), Int8Weight.of(matrix(80, 96))
    x[1:] *= 1000
    assert torch.equal(integer_linear(x, weight)[:1], integer_linear(x[:1], weight))


def test_an_embedding_is_read_by_ids():
    weight = matrix(50, 32)
    ids = torch.tensor([3, 3, 49])
    assert apart(Int8Weight.of(weight)[ids], weight[ids].float()) < 0.01


def test_rows_of_zeros_give_zeros():
    weight = Int8Weight.of(torch.zeros(64, 64))
    assert not integer_linear(torch.zeros(3, 64).bfloat16(), weight).any()


@needs_four
def test_matrices_that_cannot_be_packed_keep_eight_bits():
    way = rounding("int4", 64)
    assert isinstance(way.matrix(matrix(64, 128)), Int4Weight)
    assert isinstance(way.matrix(matrix(48, 128)), Int8Weight)
    assert isinstance(way.matrix(matrix(64, 96)), Int8Weight)
    for shape in ((64, 128), (48, 128)):
        x = matrix(5, 128, 1)
        assert apart(way.product(x, way.matrix(matrix(*shape))), linear(x.float(), matrix(*shape).float())) < 0.2
