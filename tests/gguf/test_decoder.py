"""llama.cpp behind the seam against transformers' own full forward, rows in float32: what can be exact is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings

pytest.importorskip("llama_cpp", reason="GGUF models take llama-cpp-python")

from kvlsp.config import Settings
from kvlsp.engine.room import room_for
from kvlsp.errors import IntegrityError
from kvlsp.gguf.api import LlamaModel
from kvlsp.gguf.cells import least_buffers
from kvlsp.gguf.decoder import LlamaDecoder
from kvlsp.gguf.facts import facts
from kvlsp.gguf.metadata import read
from kvlsp.gguf.rows import LlamaRows
from kvlsp.model.keyvalues import FREE
from kvlsp.model.rows import DOCUMENT, EVERY, NONE, Branch, RowBatch
from tests.support.decoders import tiny_llama
from tests.support.histories import HISTORIES, after
from tests.support.llama import F16, F32, tiny_file, tiny_llama_cpp
from tests.support.reference import exact_angles, full_logits, ids_of, permuted

NEAR = 2e-4
"""Largest difference, relative to the largest logit, of two ways to the same sums in float32."""


def oracle(layers: int, ids: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
    return full_logits(exact_angles(tiny_llama(layers)), ids, positions)


def encode(decoder: LlamaDecoder, document: LlamaRows, ids: torch.Tensor, positions: torch.Tensor,
           slots: torch.Tensor, piece: int = 1000, branch: Branch = DOCUMENT) -> torch.Tensor:
    return torch.cat([
        decoder.forward(document, RowBatch(ids[a : a + piece], positions[a : a + piece], slots[a : a + piece], EVERY,
                                           branch))
        for a in range(0, len(ids), piece)
    ])  # fmt: skip


def apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def same(found: torch.Tensor, expected: torch.Tensor, tolerance: float = NEAR) -> None:
    assert apart(found, expected) <= tolerance, f"logits differ by {apart(found, expected):.2e}"


@pytest.mark.parametrize("piece", [1000, 33, 7, 1])
@pytest.mark.parametrize("layers", [1, 3])
def test_prefill_equals_the_full_forward_in_pieces_of_any_size(layers, piece):
    ids, rows, decoder = ids_of(100), torch.arange(100), tiny_llama_cpp(layers)
    same(encode(decoder, decoder.allocate(160), ids, rows, permuted(160)[:100], piece), oracle(layers, ids))


def test_more_rows_than_llama_cpp_takes_at_once():
    ids, rows, decoder = ids_of(1100), torch.arange(1100), tiny_llama_cpp(2)
    same(encode(decoder, decoder.allocate(1100), ids, rows, rows, 1100), oracle(2, ids), 1e-3)


def test_rows_of_one_forward_see_one_another_by_position_not_by_order():
    ids, rows, order, decoder = ids_of(60), torch.arange(60), permuted(60, 5), tiny_llama_cpp(2)
    found = decoder.forward(decoder.allocate(60), RowBatch(ids[order], rows[order], permuted(60), EVERY))
    same(found, oracle(2, ids)[order])


def test_wanted_rows_only_in_the_order_asked_for():
    ids, rows, decoder, expected = ids_of(30), torch.arange(30), tiny_llama_cpp(2), oracle(2, ids_of(30))
    some = [torch.tensor(rows, dtype=torch.int64) for rows in ([29, 3], [7, 7], [])]
    for wanted in (*some, slice(-1, None), slice(0, 0)):
        found = decoder.forward(decoder.allocate(30), RowBatch(ids, rows, rows, wanted))
        assert found.shape == expected[wanted].shape
        assert found.dtype == torch.float32
        if found.numel():
            same(found, expected[wanted])


def test_one_layer_moves_are_exact():
    ids, new, decoder = ids_of(80), ids_of(6, seed=9), tiny_llama_cpp(1)
    document, slots = decoder.allocate(100), permuted(100)
    encode(decoder, document, ids, torch.arange(80), slots[:80])
    decoder.move(document, slots[30:80], torch.arange(36, 86))
    encode(decoder, document, new, torch.arange(30, 36), slots[80:86])
    after = torch.cat((ids[:30], new, ids[30:]))
    last = decoder.forward(document, RowBatch(ids[79:80], torch.tensor([85]), slots[79:80], EVERY))
    same(last, oracle(1, after)[-1:])


def test_deeper_models_are_exact_once_encoded_again_and_rows_know_how_often_they_were_moved():
    ids, new, decoder = ids_of(80), ids_of(6, seed=9), tiny_llama_cpp(3)
    document, slots = decoder.allocate(100), permuted(100)
    encode(decoder, document, ids, torch.arange(80), slots[:80])
    decoder.move(document, slots[30:80], torch.arange(36, 86))
    encode(decoder, document, new, torch.arange(30, 36), slots[80:86])
    assert set(document.moves[slots[30:80].numpy()]) == {1}
    after = torch.cat((ids[:30], new, ids[30:]))
    again = encode(decoder, document, after[36:], torch.arange(36, 86), slots[30:80], 13)
    same(again, oracle(3, after)[36:])
    assert not document.moves.any()


def test_rows_in_many_places_of_one_forward():
    """A run of rows takes a call of its own; what comes later sees what came before."""
    ids, decoder = ids_of(60), tiny_llama_cpp(1)
    document = decoder.allocate(64)
    encode(decoder, document, ids, torch.arange(60), torch.arange(60))
    places = torch.tensor([50, 51, 10, 59, 11, 30])
    other = ids.clone()
    other[places] = ids_of(6, seed=3)
    found = decoder.forward(document, RowBatch(other[places], places, places, EVERY))
    same(found, oracle(1, other)[places])


def test_branches_see_the_document_and_themselves_only():
    ids, decoder = ids_of(40), tiny_llama_cpp(2)
    document = decoder.allocate(60)
    encode(decoder, document, ids, torch.arange(40), torch.arange(40))
    for number, tail, at in ((1, ids_of(5, seed=1), 40), (2, ids_of(5, seed=2), 45)):
        found = encode(decoder, document, tail, torch.arange(40, 45), torch.arange(at, at + 5), 2, Branch(number))
        same(found, oracle(2, torch.cat((ids, tail)))[40:])
    again = decoder.forward(document, RowBatch(ids[39:], torch.tensor([39]), torch.tensor([39]), EVERY))
    same(again, oracle(2, ids)[39:])


def test_branches_of_one_batch_do_not_see_one_another():
    ids, tails, decoder = ids_of(40), [ids_of(5, seed=seed) for seed in (1, 2, 3)], tiny_llama_cpp(2)
    document = decoder.allocate(60)
    encode(decoder, document, ids, torch.arange(40), torch.arange(40))
    branches = [Branch(1), Branch(2), Branch(3, torch.tensor([38, 39]))]
    for step in range(5):
        row_ids = torch.stack([tail[step] for tail in tails])
        places = torch.tensor([40 + step, 40 + step, 38 + step])
        slots = torch.tensor([40 + step, 45 + step, 50 + step])
        found = decoder.forward(document, RowBatch(row_ids, places, slots, EVERY, branches))
        for row, tail in enumerate(tails):
            seen = ids[:38] if row == 2 else ids
            same(found[row], oracle(2, torch.cat((seen, tail[: step + 1])))[-1])


def test_hidden_slots_are_not_seen_also_when_the_document_changes_meanwhile():
    ids, tail, slots, decoder = ids_of(40), ids_of(4, seed=1), permuted(50), tiny_llama_cpp(2)
    document = decoder.allocate(50)
    encode(decoder, document, ids, torch.arange(40), slots[:40])
    healing = Branch(7, hides=slots[37:40])
    found = encode(decoder, document, tail[:2], torch.arange(37, 39), slots[40:42], 4, healing)
    other = ids_of(1, seed=8)
    encode(decoder, document, other, torch.arange(36, 37), slots[36:37])
    after = torch.cat((ids[:36], other, tail))
    same(found, oracle(2, torch.cat((ids[:37], tail)))[37:39])
    one = tiny_llama_cpp(1)  # rows of one layer do not remember what stood before them
    document = one.allocate(50)
    encode(one, document, ids, torch.arange(40), slots[:40])
    encode(one, document, tail[:2], torch.arange(37, 39), slots[40:42], 4, healing)
    encode(one, document, other, torch.arange(36, 37), slots[36:37])
    found = encode(one, document, tail[2:], torch.arange(39, 41), slots[42:44], 1, healing)
    same(found, oracle(1, after)[39:])


def test_a_branch_must_hide_what_it_stands_in_the_place_of():
    ids, decoder = ids_of(40), tiny_llama_cpp(1)
    document = decoder.allocate(50)
    encode(decoder, document, ids, torch.arange(40), torch.arange(40))
    row = torch.tensor([38])
    with pytest.raises(IntegrityError, match="must hide"):
        decoder.forward(document, RowBatch(ids[:1], row, row + 5, EVERY, Branch(1)))


def test_branches_end_and_their_sequences_serve_again():
    ids, decoder = ids_of(20), tiny_llama_cpp(1)
    document = decoder.allocate(40)
    encode(decoder, document, ids, torch.arange(20), torch.arange(20))
    for number in range(1, 200):
        slot = torch.tensor([20 + number % 7])
        decoder.forward(document, RowBatch(ids[:1], torch.tensor([20]), slot, EVERY, Branch(number)))
        document.release(slot)
    assert document.position[20:].unique().tolist() == [FREE]


def test_accepted_rows_become_the_documents():
    ids, tail, decoder = ids_of(40), ids_of(5, seed=1), tiny_llama_cpp(2)
    document = decoder.allocate(60)
    encode(decoder, document, ids, torch.arange(40), torch.arange(40))
    encode(decoder, document, tail, torch.arange(40, 45), torch.arange(40, 45), 5, Branch(1))
    document.adopt(torch.arange(40, 43))
    document.release(torch.arange(43, 45))
    row = torch.tensor([43])
    found = decoder.forward(document, RowBatch(ids[:1], row, row, EVERY))
    same(found, oracle(2, torch.cat((ids, tail[:3], ids[:1])))[-1:])


def test_released_slots_are_not_seen_and_may_be_used_again():
    ids, other, decoder = ids_of(40), ids_of(10, seed=4), tiny_llama_cpp(2)
    document = decoder.allocate(40)
    encode(decoder, document, ids, torch.arange(40), torch.arange(40))
    document.release(torch.arange(25, 40))
    found = encode(decoder, document, other, torch.arange(25, 35), torch.arange(39, 29, -1), 3)
    same(found, oracle(2, torch.cat((ids[:25], other)))[25:])


def test_a_grown_document_goes_on_with_its_moves_and_branches():
    ids, tail, decoder = ids_of(300), ids_of(3, seed=1), tiny_llama_cpp(1)
    document = decoder.allocate(60)
    encode(decoder, document, ids[:40], torch.arange(40), torch.arange(40))
    encode(decoder, document, tail[:1], torch.tensor([45]), torch.tensor([50]), 1, Branch(1))
    document.release(torch.tensor([50]))
    decoder.move(document, torch.arange(20, 40), torch.arange(21, 41))  # not carried out yet
    document.grow(400)
    encode(decoder, document, tail[:1], torch.tensor([20]), torch.tensor([60]))
    encode(decoder, document, ids[40:], torch.arange(41, 301), torch.arange(100, 360), 77)
    after = torch.cat((ids[:20], tail[:1], ids[20:]))
    last = decoder.forward(document, RowBatch(ids[-1:], torch.tensor([300]), torch.tensor([359]), EVERY))
    same(last, oracle(1, after)[-1:])
    assert document.nbytes == 400 * decoder.bytes_per_slot + document.cells.buffers


def test_a_copy_goes_its_own_way():
    ids, decoder = ids_of(40), tiny_llama_cpp(2)
    document = decoder.allocate(60)
    encode(decoder, document, ids[:30], torch.arange(30), torch.arange(30))
    encode(decoder, document, ids[:2], torch.arange(30, 32), torch.arange(30, 32), 2, Branch(1))
    twin = document.copy()
    document.release(torch.arange(10, 30))
    found = encode(decoder, twin, ids[30:], torch.arange(30, 40), torch.arange(30, 40), 4)
    same(found, oracle(2, ids)[30:])


@pytest.mark.parametrize("at", [0, 13, 200])
def test_rows_taken_out_stand_wherever_they_are_put(at):
    """Of one layer, whose rows do not remember what stood before them; all of them, and some."""
    ids, piece, decoder = ids_of(40), ids_of(30, seed=5), tiny_llama_cpp(1)
    apart_from_any, document = decoder.allocate(40), decoder.allocate(300)
    encode(decoder, apart_from_any, piece, torch.arange(5, 35), permuted(40)[:30])
    stored = apart_from_any.stored(permuted(40)[:30])
    assert len(stored) == 30
    assert stored.nbytes > 30 * 2 * 32
    encode(decoder, document, ids, torch.arange(300, 340), torch.arange(40))
    slots = torch.arange(100, 130)
    stored.restore(decoder, document, slots, torch.arange(at, at + 30))
    some = torch.tensor([3, 4, 20])
    places = torch.tensor([at + 31, at + 32, at + 40])
    stored.restore(decoder, document, torch.tensor([140, 141, 142]), places, some)
    positions = torch.cat([torch.arange(at, at + 30), places, torch.arange(300, 340)])
    everything = torch.cat([piece, piece[some], ids])
    row = RowBatch(ids[-1:], torch.tensor([339]), torch.tensor([39]), EVERY)
    same(decoder.forward(document, row), oracle(1, everything, positions)[-1:])
    assert set(document.moves[100:130]) == {1}


def test_an_occupied_document_reads_so_many_rows():
    decoder = tiny_llama_cpp(1)
    document = decoder.occupied(500)
    assert int((document.owner == 0).sum()) == 500
    assert document.position[document.owner == 0].sort().values.tolist() == list(range(500))
    rows = torch.arange(490, 500)
    found = decoder.forward(document, RowBatch(torch.ones_like(rows), rows, rows, EVERY))
    ids = torch.cat([(torch.arange(64) % decoder.vocabulary_size).repeat(8)[:490], torch.ones(10, dtype=torch.int64)])
    same(found, oracle(1, ids)[490:])


@settings(max_examples=25, deadline=None)
@given(HISTORIES)
def test_any_history_of_one_layer_equals_a_full_prefill(history):
    ids, found = after(history, tiny_llama_cpp(1))
    same(found, oracle(1, ids)[-1:])


@pytest.mark.parametrize(("cache_type", "bound"), [(F32, 1e-5), (F16, 0.05)])
def test_what_a_hundred_moves_add_is_bounded(cache_type, bound):
    """Keys are rotated in place: every move rounds. 100 moves against one that goes as far."""
    ids, decoder = ids_of(60), tiny_llama_cpp(2, cache_type)
    often, once = decoder.allocate(80), decoder.allocate(80)
    for document, steps in ((often, 100), (once, 1)):
        encode(decoder, document, ids, torch.arange(60), torch.arange(60))
        for step in range(1, steps + 1):
            decoder.move(document, torch.arange(30, 60), torch.arange(30, 60) + 100 * step // steps)
            decoder.forward(document, RowBatch(ids[:1], torch.tensor([0]), torch.tensor([0]), NONE))  # carries it out
    assert set(often.moves[30:60]) == {100}
    row, slot = torch.tensor([160]), torch.tensor([70])
    asked = RowBatch(ids[:1], row, slot, EVERY)
    assert apart(decoder.forward(often, asked), decoder.forward(once, asked)) < bound


def test_what_a_context_computes_in_counts_as_its_document() -> None:
    """Logits of a call's rows, of every entry of the vocabulary; a bound in bytes leaves the rest to rows."""
    path = tiny_file(1, vocab_size=32_000)
    found = facts(read(path), path)
    assert found.entries == 32_000
    decoder = LlamaDecoder(LlamaModel(path), found.name, found.context_length, found.numbers, lambda: 1)
    document = decoder.allocate(512)
    assert document.nbytes == 512 * decoder.bytes_per_slot, "nothing is computed yet"
    encode(decoder, document, ids_of(40), torch.arange(40), torch.arange(40))
    beside = document.cells.buffers
    assert least_buffers(found.entries) <= beside <= 1.5 * least_buffers(found.entries)
    assert document.nbytes == 512 * decoder.bytes_per_slot + beside
    assert decoder.bytes_per_document == beside
    bound = beside + 1000 * decoder.bytes_per_slot
    assert room_for(decoder, Settings(), bound).tokens == 1000
    assert room_for(decoder, Settings(), beside // 2).tokens == 0
