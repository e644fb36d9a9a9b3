"""Rows that went to host memory and back: bit for bit what they were, and as much use."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kvlsp.cache.refresh import refresh
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.stored import StoredRows
from kvlsp.config import Settings
from kvlsp.errors import IntegrityError
from kvlsp.model.decoder import Decoder
from kvlsp.model.keyvalues import untouched
from kvlsp.opening.model import open_model
from kvlsp.prompt.layout import Layout
from tests.support.decoders import tiny_decoder


def layout_of(cells: list[int]) -> Layout:
    array = np.asarray(cells, np.int64)
    return Layout(ids=(array * 7 % 200).astype(np.int32), cells=array, prefix=(0, len(cells)),
                  suffix=(len(cells), len(cells)), text_last=True)


def edited(decoder: Decoder) -> tuple[ResidentCache, list[int]]:
    """A cache with a history: a line came in the middle, one went, so slots are in no order and rows are stale."""
    cache = ResidentCache(decoder, 1024)
    cells = list(range(300))
    repair(cache, layout_of(cells))
    cells[100:100] = range(1000, 1040)
    repair(cache, layout_of(cells))
    del cells[20:33]
    repair(cache, layout_of(cells))
    assert cache.stale > 0
    assert np.any(np.diff(cache.rows.slots) != 1)
    return cache, cells


def stored(cache: ResidentCache) -> list[torch.Tensor]:
    arrays, slots = cache.arrays(), torch.from_numpy(cache.rows.slots)
    return [layer[:, slots].clone() for layers in (arrays.keys, arrays.truth, arrays.values) for layer in layers]


@pytest.mark.parametrize("kind", ["float64", "float32", "bfloat16", "default model"])
def test_rows_come_back_bit_for_bit(kind):
    decoder = (open_model(Settings(dtype="float32")).decoder if kind == "default model"
               else tiny_decoder(2, dtype=getattr(torch, kind)))
    cache, _ = edited(decoder)
    before, rows, frontier = stored(cache), cache.rows, cache.frontier
    staleness = cache.staleness.changes.copy()
    cache.offload()
    cache.check_integrity()
    assert cache.nbytes == 0
    scalars = sum(layer.shape[0] * layer.shape[2] for layer in before[len(before) // 3 :])
    assert cache.host_nbytes == scalars * len(rows) * decoder.dtype.itemsize
    cache.restore()
    cache.check_integrity()
    assert cache.host_nbytes == 0
    assert cache.nbytes > 0
    for here, there in zip(stored(cache), before, strict=True):
        assert torch.equal(here, there)
    assert np.array_equal(cache.rows.cells, rows.cells)
    assert np.array_equal(cache.rows.positions, rows.positions)
    assert (cache.frontier, cache.staleness.changes.tolist()) == (frontier, staleness.tolist())


def test_the_next_layout_brings_them_back_and_encodes_what_is_new():
    stayed, cells = edited(tiny_decoder(2))
    went, _ = edited(tiny_decoder(2))
    went.offload()
    cells[50:50] = [5000, 5001]
    wanted = [len(cells) - 1]
    expected, found = (repair(cache, layout_of(cells), wanted=wanted) for cache in (stayed, went))
    assert found.encoded == expected.encoded == 2
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-9)
    went.check_integrity()


def test_a_refresh_brings_them_back_too():
    cache, cells = edited(tiny_decoder(2))
    cache.offload()
    while refresh(cache, 64):
        pass
    cache.check_integrity()
    wanted = [len(cells) - 1]
    oracle = repair(ResidentCache(cache.decoder, 1024), layout_of(cells), wanted=wanted)
    torch.testing.assert_close(repair(cache, layout_of(cells), wanted=wanted).logits, oracle.logits, rtol=0, atol=1e-9)


def test_scratch_rows_do_not_travel():
    cache, cells = edited(tiny_decoder(2))
    cache.take(5, scratch=True)
    cache.offload()
    cache.restore()
    assert len(cache.table.of_scratch()) == 0
    cache.check_integrity()
    assert repair(cache, layout_of(cells)).encoded == 0


def test_a_copy_that_fails_drops_the_cache_and_nothing_else(monkeypatch):
    def fails(*_, **__):
        raise MemoryError

    cache, cells = edited(tiny_decoder(2))
    cache.offload()
    monkeypatch.setattr(StoredRows, "restore", fails)
    with pytest.raises(MemoryError):
        repair(cache, layout_of(cells))
    assert (len(cache.rows), cache.nbytes, cache.host_nbytes) == (0, 0, 0)
    cache.check_integrity()
    assert repair(cache, layout_of(cells)).encoded == len(cells)
    monkeypatch.setattr(StoredRows, "store", classmethod(fails))
    with pytest.raises(MemoryError):
        cache.offload()
    assert (len(cache.rows), cache.nbytes, cache.host_nbytes) == (0, 0, 0)


@pytest.mark.parametrize("way", ["reserve", "take"])
def test_arrays_that_cannot_grow_drop_the_cache_and_nothing_else(monkeypatch, way):
    """Some layers have new arrays by then, and the others none."""
    cache, cells = edited(tiny_decoder(2))
    made: list[int] = []

    def runs_out(*which):
        made.append(1)
        if len(made) > 1:
            raise MemoryError
        return untouched(*which)

    with monkeypatch.context() as short:
        short.setattr("kvlsp.model.keyvalues.untouched", runs_out)
        with pytest.raises(MemoryError):
            cache.reserve(1024) if way == "reserve" else cache.take(500)
    assert (len(cache.rows), cache.nbytes) == (0, 0)
    cache.check_integrity()
    assert repair(cache, layout_of(cells)).encoded == len(cells)
    cache.check_integrity()


def test_forgetting_and_parking_nothing():
    cache = ResidentCache(tiny_decoder(2), 1024)
    cache.offload()
    cache.restore()
    assert (cache.nbytes, cache.host_nbytes) == (0, 0)
    cache, _ = edited(tiny_decoder(2))
    cache.offload()
    cache.forget()
    assert (len(cache.rows), cache.host_nbytes) == (0, 0)
    cache.check_integrity()


def test_the_integrity_check_sees_parked_rows_that_are_not_the_documents():
    cache, _ = edited(tiny_decoder(2))
    cache.offload()
    assert cache.host is not None
    cache.host = StoredRows(tuple(layer[:, 1:] for layer in cache.host.truth), cache.host.values)
    with pytest.raises(IntegrityError, match="offloaded"):
        cache.check_integrity()
