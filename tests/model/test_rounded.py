"""Rounded models keep the seam's promises: slots in any order, rows one by one, kept rows moved."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from kvlsp.model.loading import load
from kvlsp.model.rounded import rounded
from kvlsp.model.rows import EVERY, NONE, RowBatch
from tests.support.decoders import tiny_llama
from tests.support.models import tiny_decoder
from tests.support.reference import ids_of

ROWS = 40


@pytest.fixture(params=["int8", "int4"])
def decoder(request, tmp_path):
    small = tiny_llama(2, dtype=torch.bfloat16, hidden_size=128, intermediate_size=128, initializer_range=0.1)
    small.save_pretrained(tmp_path)
    return load(tmp_path, "cpu", request.param).decoder


def prefill(decoder, ids):
    places = torch.arange(len(ids))
    return decoder.forward(decoder.allocate(len(ids)), RowBatch(ids, places, places, EVERY))


def near(found, expected):
    return float((found - expected).abs().max() / expected.abs().max()) < 0.05


def test_rows_in_any_slots_and_steps_give_what_a_prefill_gives(decoder):
    ids, places = ids_of(ROWS), torch.arange(ROWS)
    slots = torch.randperm(2 * ROWS, generator=torch.Generator().manual_seed(1))[:ROWS]
    document = decoder.allocate(2 * ROWS)
    cuts = [0, 1, 2, 8, 17, 18, ROWS]
    found = [
        decoder.forward(document, RowBatch(ids[a:b], places[a:b], slots[a:b], EVERY))
        for a, b in pairwise(cuts)
    ]
    assert near(torch.cat(found), prefill(decoder, ids))


def test_rows_behind_an_insertion_are_moved_and_encoded_again(decoder):
    ids, places, at, more = ids_of(ROWS), torch.arange(ROWS), 10, 3
    document = decoder.allocate(2 * ROWS)
    decoder.forward(document, RowBatch(ids, places, places, NONE))
    decoder.move(document, places[at:], places[at:] + more)
    new = ids_of(more, seed=9)
    decoder.forward(document, RowBatch(new, torch.arange(at, at + more), ROWS + torch.arange(more), NONE))
    found = decoder.forward(document, RowBatch(ids[at:], places[at:] + more, places[at:], EVERY))  # a refresh
    assert near(found, prefill(decoder, torch.cat((ids[:at], new, ids[at:])))[at + more :])


def test_both_products_of_eight_bits_are_near_one_another():
    made = [rounded(tiny_decoder(2, dtype=torch.bfloat16), "int8", integers=one) for one in (True, False)]
    assert [said for _, said, _ in made] == ["int8 weights and activations", "int8 weights"]
    one, other = (prefill(decoder, ids_of(ROWS)) for decoder, _, _ in made)
    assert float((one - other).abs().max() / other.abs().max()) < 0.1
