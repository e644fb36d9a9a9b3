"""Runs of slots, and that a decoder moves keys alike whether its slots are runs or scattered."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.model import runs
from kvlsp.model.rows import NONE, RowBatch
from kvlsp.model.runs import WORTHWHILE, consecutive
from tests.support.decoders import tiny_decoder


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 200)), min_size=1, max_size=5), st.randoms())
def test_runs_cover_the_slots_in_order(pieces, random):
    slots, at = [], 0
    for gap, length in pieces:
        slots += range(at + gap, at + gap + length)
        at += gap + length
    random.shuffle(slots)
    found = consecutive(torch.tensor(slots))
    if found is None:
        assert len(slots) < WORTHWHILE * len(pieces)
        return
    order, found_runs = found
    assert len(found_runs) == len(pieces)
    covered = [slot + row for first, last, slot in found_runs for row in range(last - first)]
    assert covered == torch.tensor(slots)[order].tolist() == sorted(slots)


def test_scattered_slots_are_no_runs():
    assert consecutive(torch.arange(0, 400, 2)) is None
    assert consecutive(torch.tensor([7])) is None


def test_moves_by_runs_and_by_gathering_give_the_same_bits(monkeypatch):
    decoder = tiny_decoder(2, dtype=torch.float32)
    places, ids = torch.arange(300), torch.arange(300) % 250
    moved = torch.cat((torch.arange(150, 280), torch.arange(10, 140)))  # not in the order of their slots
    to = torch.cat((torch.arange(0, 130), torch.arange(500, 630)))
    documents = []
    for worthwhile in (WORTHWHILE, 1 << 30):
        monkeypatch.setattr(runs, "WORTHWHILE", worthwhile)
        assert (consecutive(moved) is None) == (worthwhile > WORTHWHILE)
        document = decoder.allocate(400)
        decoder.forward(document, RowBatch(ids, places, places, NONE))
        decoder.move(document, moved, to)
        documents.append(document)
    by_runs, gathered = documents
    assert torch.equal(by_runs.position, gathered.position)
    for layer in range(decoder.layers):
        assert torch.equal(by_runs.keys[layer], gathered.keys[layer])
        assert torch.equal(by_runs.truth[layer], gathered.truth[layer])
