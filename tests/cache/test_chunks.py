"""Chunks encoded apart and placed by copy, against forgetting everything and prefilling the layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from kvlsp.cache.chunks import Chunk, ChunkEncoding, ChunkStore, Lent, giving
from kvlsp.cache.refresh import refresh
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.store import to_drop
from kvlsp.cache.worth import worthiest
from kvlsp.prompt.layout import CONTEXT, Layout
from tests.cache.test_repair import LIMIT, ONE, THREE, logits_of, prefilled

HEADER = np.array([4, 9, 7], np.int32)
CHUNKS = tuple(np.random.default_rng(number).integers(3, 250, 12 + 5 * number).astype(np.int32) for number in range(4))


def cells_of(number: int) -> np.ndarray:
    """The cells of chunk ``number``: a thousand each, descending."""
    return CONTEXT - 1000 * (number + 1) - np.arange(len(CHUNKS[number]), dtype=np.int64)


def layout_of(order: list[int], document: list[int]) -> Layout:
    """Header, chunks, document; a document token's id follows from its cell."""
    array = np.array(document, np.int64)
    parts = [HEADER, *(CHUNKS[number] for number in order), (array * 7 % 250 + 3).astype(np.int32)]
    cells = [CONTEXT - np.arange(len(HEADER), dtype=np.int64), *(cells_of(number) for number in order), array]
    ids = np.concatenate(parts)
    start = len(ids) - len(document)
    return Layout(ids, np.concatenate(cells), (start, len(ids)), (start, start), True, (0, start))


def encoded(decoder, number: int, rows: int = 5) -> Chunk:
    encoding = ChunkEncoding(decoder, b"", HEADER, CHUNKS[number])
    while encoding.advance(rows):
        pass
    return encoding.chunk()


def lending(decoder, order: list[int]):
    lent, unseen = [], 0
    for number in order:
        lent.append(Lent(int(cells_of(number)[0]), encoded(decoder, number), unseen))
        unseen += len(CHUNKS[number])
    return giving(lambda: lent)


def test_placing_encodes_the_header_and_nothing_else():
    cache = ResidentCache(THREE, LIMIT)
    repair(cache, Layout(*(np.arange(30) for _ in range(2)), (0, 30), (0, 0), True))
    result = repair(cache, layout_of([0, 1], list(range(30))), given=lending(THREE, [0, 1]))
    assert (result.copied, result.encoded, result.repaired) == (len(CHUNKS[0]) + len(CHUNKS[1]), len(HEADER), 0)
    assert result.kept == result.moved == 30
    cache.check_integrity()


def test_a_chunk_right_behind_the_header_is_what_a_prefill_gives():
    cache = ResidentCache(THREE, LIMIT)
    layout = layout_of([2], [])
    repair(cache, layout, given=lending(THREE, [2]))
    torch.testing.assert_close(logits_of(cache, layout), logits_of(prefilled(THREE, layout), layout), rtol=0, atol=1e-9)
    assert not cache.staleness.changes.any()


def test_the_first_chunk_is_exact_where_it_was_encoded_for_its_place():
    cache = ResidentCache(THREE, LIMIT)
    document = list(range(20))
    repair(cache, layout_of([], document))
    repair(cache, layout_of([2, 1], document), given=lending(THREE, [2, 1]))
    first = len(HEADER) + len(CHUNKS[2])
    assert cache.frontier == first
    assert refresh(cache, LIMIT) == len(CHUNKS[1]) + len(document)
    repair(cache, layout_of([3, 1], document), given=lending(THREE, [3, 1]))  # nothing is encoded
    assert cache.frontier == len(HEADER) + len(CHUNKS[3])
    layout = layout_of([3], [])
    cache.forget()
    repair(cache, layout, given=lending(THREE, [3]))
    assert cache.stale == 0


def test_a_chunk_behind_another_header_than_its_own_is_not_exact():
    cache = ResidentCache(THREE, LIMIT)
    layout = layout_of([2], [])
    other = layout.ids.copy()
    other[1] += 1
    repair(cache, Layout(other, layout.cells, layout.prefix, layout.suffix, True, layout.context),
           given=lending(THREE, [2]))
    assert cache.frontier == len(HEADER)


def test_a_chunk_behind_another_has_not_seen_it_and_says_so():
    cache = ResidentCache(THREE, LIMIT)
    layout = layout_of([2, 1], [5, 6])
    repair(cache, layout, given=lending(THREE, [2, 1]))
    second = slice(len(HEADER) + len(CHUNKS[2]), len(layout) - 2)
    assert set(cache.staleness.changes[second]) == {len(CHUNKS[2])}
    assert list(cache.staleness.nearest[second]) == list(range(1, len(CHUNKS[1]) + 1))
    difference = logits_of(cache, layout) - logits_of(prefilled(THREE, layout), layout)
    assert difference.abs().max() > 1e-6


def test_the_repair_budget_takes_the_first_rows_of_a_chunk_along():
    cache = ResidentCache(THREE, LIMIT)
    layout = layout_of([2, 1], [])
    repair(cache, layout, given=lending(THREE, [2, 1]), choose=worthiest(0))
    document = layout_of([2, 1], [5])
    repair(cache, document, choose=worthiest(8))
    repaired = np.flatnonzero(cache.staleness.changes[len(HEADER) + len(CHUNKS[2]) :] == 0)
    assert list(repaired[:4]) == [0, 1, 2, 3]


def exact_as_far_as_it_says(cache: ResidentCache, decoder: Any, layout: Layout) -> None:
    """Rows before the frontier are what a prefill of the layout gives."""
    oracle = prefilled(decoder, layout)
    for name in ("keys", "values"):
        for ours, theirs in zip(getattr(cache.arrays(), name), getattr(oracle.arrays(), name), strict=True):
            torch.testing.assert_close(ours[:, cache.rows.slots[: cache.frontier]],
                                       theirs[:, oracle.rows.slots[: cache.frontier]], rtol=0, atol=1e-9)


histories = st.lists(
    st.tuples(
        st.lists(st.integers(0, 3), unique=True, max_size=4),
        st.lists(st.integers(0, 40), unique=True, min_size=1, max_size=30),
        st.booleans(), st.integers(0, 2),
    ),
    min_size=1, max_size=5,
)


@pytest.mark.parametrize("decoder", [ONE, THREE], ids=["one layer", "three layers"])
@settings(deadline=None, max_examples=30)
@for_all(history=histories)
def test_placed_replaced_removed_between_edits_a_refresh_equals_a_prefill(decoder, history):
    cache = ResidentCache(decoder, LIMIT)
    for order, document, interrupt, refreshed in history:
        layout = layout_of(order, document)
        given = lending(decoder, order)
        repair(cache, layout, given=given, choose=worthiest(6), chunk=3, interrupted=lambda stop=interrupt: stop)
        cache.check_integrity()
        result = repair(cache, layout, given=given)
        cache.check_integrity()
        assert list(cache.rows.ids) == list(layout.ids)
        assert result.complete
        exact_as_far_as_it_says(cache, decoder, layout)
        for _ in range(refreshed):
            refresh(cache, 7)
        if decoder is ONE:
            oracle = prefilled(ONE, layout)
            torch.testing.assert_close(logits_of(cache, layout), logits_of(oracle, layout), rtol=0, atol=1e-9)
    while refresh(cache, 11):
        cache.check_integrity()
    oracle = prefilled(decoder, layout)
    torch.testing.assert_close(logits_of(cache, layout), logits_of(oracle, layout), rtol=0, atol=1e-9)


def test_a_store_counts_its_bytes_and_gives_up_the_least_used_first():
    store = ChunkStore()
    store.put(b"old", encoded(THREE, 1), now=0.0)
    store.put(b"new", encoded(THREE, 1), now=0.0)
    store.touch([b"new", b"unknown"], now=50.0)
    chunk = store.get(b"new")
    # 3 layers, 2 heads of width 8 in float64, keys and values
    assert chunk is not None
    assert chunk.nbytes == len(CHUNKS[1]) * 3 * 2 * 8 * 8 * 2
    assert store.nbytes == 2 * chunk.nbytes
    assert to_drop(store.holdings(), chunk.nbytes, now=60.0) == [b"old"]
    store.drop(b"old")
    assert b"old" not in store
    assert len(store) == 1


class Sized:
    """In place of rows: ``nbytes``, and how often somebody wanted to know."""

    def __init__(self, nbytes: int) -> None:
        self._nbytes, self.asked = nbytes, 0

    def __len__(self) -> int:
        return 1

    @property
    def nbytes(self) -> int:
        self.asked += 1
        return self._nbytes


steps = st.tuples(st.sampled_from("pdc"), st.sampled_from([b"a", b"b", b"c"]), st.integers(1, 99))


@for_all(st.lists(steps, max_size=30))
def test_what_a_store_takes_is_known_without_looking_at_every_chunk(steps):
    """It is asked after every step of the engine."""
    store, held, made = ChunkStore(), dict[bytes, int](), list[Sized]()
    for step, key, nbytes in steps:
        if step == "p":
            made.append(Sized(nbytes))
            store.put(key, Chunk(made[-1], HEADER), 0.0)
            held[key] = nbytes
        elif step == "d":
            store.drop(key)
            held.pop(key, None)
        elif nbytes < 10:
            store.clear()
            held.clear()
        assert store.nbytes == sum(held.values())
    assert all(one.asked <= 2 for one in made)
