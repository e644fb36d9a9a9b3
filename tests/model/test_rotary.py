"""Rotations: relative, norm-keeping, in both layouts and on a part of the head."""

from __future__ import annotations

import pytest
import torch

from kvlsp.model.rotary import FIRST_TABLE, AngleTable, Rotation, rotate, rotate_into

CPU = torch.device("cpu")
FREQUENCIES = tuple((10_000.0 ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)).tolist())


def turned(x: torch.Tensor, positions: list[int], rotation: Rotation) -> torch.Tensor:
    table = AngleTable(rotation, x.dtype, CPU, 100_000)
    table.reach(max(positions) + 1)
    return rotate(x, *table.at(torch.tensor(positions)), rotation)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize(("width", "first"), [(8, 0), (12, 0), (12, 4), (12, 2)])
def test_products_depend_on_the_distance_only(interleaved, width, first):
    rotation = Rotation(FREQUENCIES, 1.0, interleaved, first)
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 1, 1, width, dtype=torch.float64, generator=generator)

    def product(at: int, to: int) -> float:
        return float((turned(query, [at], rotation) * turned(key, [to], rotation)).sum())

    assert product(20, 5) == pytest.approx(product(9020, 9005), abs=1e-9)
    assert product(20, 5) != pytest.approx(product(20, 6), abs=1e-3)
    assert float(turned(key, [77], rotation).norm()) == pytest.approx(float(key.norm()), abs=1e-12)


@pytest.mark.parametrize("interleaved", [False, True])
def test_pairs_are_turned_like_complex_numbers(interleaved):
    rotation = Rotation(FREQUENCIES, 1.0, interleaved, 0)
    x = torch.randn(1, 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = turned(x, [3], rotation)[0, 0]
    for pair, frequency in enumerate(FREQUENCIES):
        at, to = (2 * pair, 2 * pair + 1) if interleaved else (pair, pair + 4)
        expected = complex(x[0, 0, at], x[0, 0, to]) * complex(
            torch.cos(torch.tensor(3 * frequency)), torch.sin(torch.tensor(3 * frequency))
        )
        assert complex(found[at], found[to]) == pytest.approx(expected, abs=1e-6)


def test_scale_and_untouched_dimensions():
    rotation = Rotation(FREQUENCIES, 1.25, False, 2)
    x = torch.randn(1, 1, 12, dtype=torch.float64)
    found = turned(x, [11], rotation)
    assert torch.equal(found[..., :2], x[..., :2])
    assert torch.equal(found[..., 10:], x[..., 10:])
    assert float(found[..., 2:10].norm()) == pytest.approx(1.25 * float(x[..., 2:10].norm()))


def test_tables_grow_by_doubling_and_stay_the_same():
    table = AngleTable(Rotation(FREQUENCIES, 1.0, False, 0), torch.bfloat16, CPU, 20_000)
    assert (table.length, table.dtype) == (FIRST_TABLE, torch.float32)
    before = table.cosine.clone()
    table.reach(FIRST_TABLE + 1)
    assert table.length == 2 * FIRST_TABLE
    assert torch.equal(table.cosine[:FIRST_TABLE], before)


def test_a_fresh_rotation_in_bfloat16_keeps_its_precision_at_far_positions():
    rotation = Rotation(FREQUENCIES, 1.0, False, 0)
    x = torch.randn(1, 64, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    places = list(range(60_000, 60_064))
    exact = turned(x.bfloat16().double(), places, rotation)
    assert float((turned(x.bfloat16(), places, rotation) - exact).norm() / exact.norm()) < 2.5e-3


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize(("width", "first"), [(8, 0), (12, 0), (12, 4), (12, 2)])
def test_rotating_in_place_of_storage_gives_the_same_bits(dtype, interleaved, width, first):
    rotation = Rotation(FREQUENCIES, 1.25, interleaved, first)
    table = AngleTable(rotation, dtype, CPU, 4096)
    storage = torch.randn(6, 200, width, generator=torch.Generator().manual_seed(2)).to(dtype)
    angles = table.at(torch.arange(130) * 7 + 3)
    truth, keys = storage[2:4, 20:150], storage[:2, 20:150]
    expected, around = rotate(truth, *angles, rotation), storage.clone()
    rotate_into(keys, truth, *angles, rotation)
    assert torch.equal(keys, expected)
    around[:2, 20:150] = expected
    assert torch.equal(storage, around), "rows beside it or the truth were touched"
