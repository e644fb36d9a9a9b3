"""Slots: live, free, grown, counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from kvlsp.model.keyvalues import FREE, NOBODY, KeyValues, LayerShape, bytes_per_slot

SHAPES = [
    LayerShape(2, 8, 8),
    LayerShape(2, 8, 8, rotated=False),
    LayerShape(1, 12, 4),
    LayerShape(1, 12, 4, False),
]


def claim(document: KeyValues, slots: list[int], positions: list[int], owner: int) -> None:
    """As a forward does it."""
    places = torch.tensor(slots)
    document.extend(places)
    document.position[places] = torch.tensor(positions)
    document.owner[places] = owner


def make(slots: int = 16) -> KeyValues:
    return KeyValues(SHAPES, slots, torch.float32, torch.device("cpu"))


def test_bytes_count_every_array_once():
    document = make()
    storages = {
        array.untyped_storage().data_ptr(): array.untyped_storage().nbytes()
        for arrays in (document.keys, document.truth, document.values)
        for array in arrays
    }
    books = sum(one.numel() * one.element_size() for one in (document.position, document.owner))
    assert sum(storages.values()) + books == document.nbytes == 16 * bytes_per_slot(SHAPES, torch.float32)


def test_a_layer_without_positions_keeps_its_keys_once():
    document = make()
    for layer in (1, 3):
        document.truth[layer][0, 3, 2] = 7.0
        assert document.keys[layer][0, 3, 2] == 7.0
    document.truth[0][0, 3, 2] = 7.0
    assert document.keys[0][0, 3, 2] == 0.0


def test_used_follows_the_highest_live_slot():
    document = make()
    claim(document, [9, 2, 5], [0, 1, 2], 0)
    assert document.used == 10
    document.release(torch.tensor([5]))
    assert document.used == 10
    document.release(torch.tensor([9]))
    assert document.used == 3
    document.release(torch.tensor([2]))
    assert document.used == 0
    document.release(torch.tensor([], dtype=torch.int64))
    assert set(document.position.tolist()) == {FREE}


def test_growing_keeps_what_is_resident():
    document = make()
    claim(document, [3], [7], 2)
    for layer in range(len(SHAPES)):
        document.keys[layer][:, 3] = 1.0 + layer
        document.values[layer][:, 3] = 10.0 + layer
    document.grow(8)
    assert document.capacity == 16
    document.grow(40)
    assert (document.capacity, document.used) == (40, 4)
    assert (int(document.position[3]), int(document.owner[3])) == (7, 2)
    assert (int(document.position[39]), int(document.owner[39])) == (FREE, NOBODY)
    for layer in range(len(SHAPES)):
        assert bool((document.keys[layer][:, 3] == 1.0 + layer).all())
        assert bool((document.values[layer][:, 3] == 10.0 + layer).all())
        assert bool((document.keys[layer][:, 4:] == 0).all())


def test_arrays_may_be_written_outside_of_inference_mode():
    with torch.inference_mode():
        document = make()
        document.grow(20)
    document.owner[torch.tensor([1])] = 0
    document.release(torch.tensor([1]))
    document.clear()


def test_slots_beyond_the_capacity_are_an_error():
    with pytest.raises(IndexError):
        claim(make(), [16], [0], 0)


MEMORY = Path("/proc/self/statm")


@pytest.mark.skipif(not MEMORY.exists(), reason="a system tells a process's memory otherwise")
def test_rows_that_a_reader_is_measured_with_lie_in_memory_and_others_do_not():
    def taken() -> int:
        return int(MEMORY.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    slots, before = 1 << 16, taken()
    document = KeyValues([LayerShape(4, 64, 64)], slots, torch.float32, torch.device("cpu"))
    assert taken() - before < document.nbytes / 2
    document.occupy(slots)
    assert taken() - before > 0.9 * document.nbytes
