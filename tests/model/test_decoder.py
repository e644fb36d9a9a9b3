"""Every decoder behind the seam against transformers' own full forward, in float64."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings

from kvlsp.model.decoder import Decoder
from kvlsp.model.graphed import GraphedForward
from kvlsp.model.keyvalues import FREE, KeyValues
from kvlsp.model.lean_layers import take_over
from kvlsp.model.rows import DOCUMENT, EVERY, Branch, RowBatch
from tests.support.decoders import tiny_decoder, tiny_llama
from tests.support.histories import HISTORIES, after
from tests.support.reference import exact_angles, full_logits, ids_of, permuted

MAKERS: dict[str, Callable[[int], Decoder]] = {
    "transformers": lambda layers: tiny_decoder(layers),
    "lean": lambda layers: take_over(tiny_decoder(layers)),
    "graphed": lambda layers: GraphedForward(take_over(tiny_decoder(layers))),
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Callable[[int], Decoder]:
    return MAKERS[request.param]


def oracle(layers: int, ids: torch.Tensor, positions: torch.Tensor | None = None) -> torch.Tensor:
    return full_logits(exact_angles(tiny_llama(layers)), ids, positions)


def encode(
    decoder: Decoder,
    document: KeyValues,
    ids: torch.Tensor,
    positions: torch.Tensor,
    slots: torch.Tensor,
    piece: int = 1000,
    branch: Branch = DOCUMENT,
) -> torch.Tensor:
    pieces = range(0, len(ids), piece)
    return torch.cat(
        [
            decoder.forward(
                document, RowBatch(ids[a : a + piece], positions[a : a + piece], slots[a : a + piece], EVERY, branch)
            )
            for a in pieces
        ]
    )


def same(found: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-9) -> None:
    difference = float((found - expected).abs().max())
    assert difference <= tolerance, f"logits differ by {difference:.2e}"


@pytest.mark.parametrize("piece", [1000, 33, 7, 1])
@pytest.mark.parametrize("layers", [1, 3])
def test_prefill_equals_the_full_forward_in_pieces_of_any_size(make, layers, piece):
    ids, rows = ids_of(100), torch.arange(100)
    decoder = make(layers)
    same(encode(decoder, decoder.allocate(100), ids, rows, rows, piece), oracle(layers, ids))


@pytest.mark.parametrize("piece", [1000, 9])
def test_slots_are_in_no_order(make, piece):
    ids, rows, slots = ids_of(100), torch.arange(100), permuted(160)[:100]
    decoder = make(2)
    same(encode(decoder, decoder.allocate(160), ids, rows, slots, piece), oracle(2, ids))


def test_rows_of_one_forward_see_one_another_by_position_not_by_order(make):
    ids, rows, order = ids_of(60), torch.arange(60), permuted(60, 5)
    decoder = make(2)
    found = decoder.forward(decoder.allocate(60), RowBatch(ids[order], rows[order], permuted(60), EVERY))
    same(found, oracle(2, ids)[order])


def test_positions_may_have_gaps_and_start_anywhere(make):
    ids = ids_of(50)
    rows = torch.cat((torch.arange(700, 720), torch.arange(2000, 2030)))
    decoder = make(2)
    same(encode(decoder, decoder.allocate(50), ids, rows, torch.arange(50), 11), oracle(2, ids, rows))


def test_positions_beyond_the_first_angle_table(make):
    ids, rows = ids_of(20), torch.arange(4076, 4096)
    decoder = make(2)
    same(encode(decoder, decoder.allocate(20), ids, rows, torch.arange(20)), oracle(2, ids, rows))


def test_wanted_rows_only(make):
    ids, rows = ids_of(30), torch.arange(30)
    decoder, expected = make(2), oracle(2, ids)
    for wanted in (torch.tensor([29, 3]), slice(-1, None), slice(0, 0), torch.tensor([], dtype=torch.int64)):
        found = decoder.forward(decoder.allocate(30), RowBatch(ids, rows, rows, wanted))
        assert found.shape == expected[wanted].shape
        if found.numel():
            same(found, expected[wanted])


def test_one_layer_moves_are_exact(make):
    """Keys and values of one layer depend on tokens alone: after an insertion all equals a full prefill."""
    ids, new = ids_of(80), ids_of(6, seed=9)
    decoder = make(1)
    document, slots = decoder.allocate(100), permuted(100)
    encode(decoder, document, ids, torch.arange(80), slots[:80])
    decoder.move(document, slots[30:80], torch.arange(36, 86))
    encode(decoder, document, new, torch.arange(30, 36), slots[80:86])
    after = torch.cat((ids[:30], new, ids[30:]))
    last = decoder.forward(document, RowBatch(ids[79:80], torch.tensor([85]), slots[79:80], EVERY))
    same(last, oracle(1, after)[-1:])


def test_deeper_models_are_exact_at_layer_zero_and_everywhere_once_encoded_again(make):
    ids, new = ids_of(80), ids_of(6, seed=9)
    after = torch.cat((ids[:30], new, ids[30:]))
    decoder = make(3)
    fresh, document, slots = decoder.allocate(86), decoder.allocate(100), permuted(100)
    expected = encode(decoder, fresh, after, torch.arange(86), torch.arange(86))
    encode(decoder, document, ids, torch.arange(80), slots[:80])
    decoder.move(document, slots[30:80], torch.arange(36, 86))
    encode(decoder, document, new, torch.arange(30, 36), slots[80:86])
    order = torch.cat((slots[:30], slots[80:86], slots[30:80]))
    same(document.keys[0][:, order], fresh.keys[0])
    same(document.values[0][:, order], fresh.values[0])
    again = encode(decoder, document, after[36:], torch.arange(36, 86), slots[30:80], 13)
    same(again, expected[36:])


def test_branches_see_the_document_and_themselves_only(make):
    ids, one, two = ids_of(40), ids_of(5, seed=1), ids_of(5, seed=2)
    decoder = make(2)
    document = decoder.allocate(60)
    encode(decoder, document, ids, torch.arange(40), torch.arange(40))
    for number, tail, at in ((1, one, 40), (2, two, 45)):
        found = encode(
            decoder, document, tail, torch.arange(40, 45), torch.arange(at, at + 5), 2, Branch(number)
        )
        same(found, oracle(2, torch.cat((ids, tail)))[40:])
    again = decoder.forward(document, RowBatch(ids[39:], torch.tensor([39]), torch.tensor([39]), EVERY))
    same(again, oracle(2, ids)[39:])


def test_branches_of_one_batch_do_not_see_one_another(make):
    ids, tails = ids_of(40), [ids_of(5, seed=seed) for seed in (1, 2, 3)]
    decoder = make(2)
    document = decoder.allocate(60)
    encode(decoder, document, ids, torch.arange(40), torch.arange(40))
    hidden = torch.tensor([38, 39])
    branches = [Branch(1), Branch(2), Branch(3, hidden)]
    for step in range(5):
        row_ids = torch.stack([tail[step] for tail in tails])
        places = torch.tensor([40 + step, 40 + step, 38 + step])
        slots = torch.tensor([40 + step, 45 + step, 50 + step])
        found = decoder.forward(document, RowBatch(row_ids, places, slots, EVERY, branches))
        for row, tail in enumerate(tails):
            seen = ids[:38] if row == 2 else ids
            same(found[row], oracle(2, torch.cat((seen, tail[: step + 1])))[-1])


def test_hidden_slots_are_not_seen(make):
    ids, tail, slots = ids_of(40), ids_of(4, seed=1), permuted(50)
    decoder = make(2)
    document = decoder.allocate(50)
    encode(decoder, document, ids, torch.arange(40), slots[:40])
    healing = Branch(7, hides=slots[37:40])
    found = encode(decoder, document, tail, torch.arange(37, 41), slots[40:44], 4, healing)
    same(found, oracle(2, torch.cat((ids[:37], tail)))[37:])


def test_released_slots_are_not_seen_and_may_be_used_again(make):
    ids, other = ids_of(40), ids_of(10, seed=4)
    decoder = make(2)
    document = decoder.allocate(40)
    encode(decoder, document, ids, torch.arange(40), torch.arange(40))
    document.release(torch.arange(25, 40))
    assert document.used == 25
    found = encode(decoder, document, other, torch.arange(25, 35), torch.arange(39, 29, -1), 3)
    same(found, oracle(2, torch.cat((ids[:25], other)))[25:])


def test_a_grown_document_goes_on(make):
    ids, rows = ids_of(90), torch.arange(90)
    decoder = make(2)
    document = decoder.allocate(40)
    encode(decoder, document, ids[:40], rows[:40], rows[:40])
    document.grow(128)
    same(encode(decoder, document, ids[40:], rows[40:], rows[40:] + 30, 17), oracle(2, ids)[40:])
    assert document.nbytes == 128 * decoder.bytes_per_slot


def test_bytes_are_exact(make):
    decoder = make(2)
    document = decoder.allocate(64)
    arrays = [document.position, document.owner]
    for layer in range(decoder.layers):
        arrays += [document.keys[layer], document.truth[layer], document.values[layer]]
    assert (
        sum(one.numel() * one.element_size() for one in arrays)
        == document.nbytes
        == 64 * decoder.bytes_per_slot
    )


def test_a_thousand_moves_leave_the_error_of_one_rotation(make):
    ids = ids_of(20)
    decoder = make(2)
    document, fresh, slots = decoder.allocate(20), decoder.allocate(20), torch.arange(20)
    encode(decoder, document, ids, torch.arange(20), slots)
    shifts = torch.randint(0, 4000, (1000,), generator=torch.Generator().manual_seed(0))
    for shift in shifts.tolist():
        decoder.move(document, slots, torch.arange(20) + shift)
    decoder.move(document, slots, torch.arange(20))
    encode(decoder, fresh, ids, torch.arange(20), slots)
    same(document.keys[1], fresh.keys[1], 0.0)


def test_free_slots_have_no_position(make):
    document = make(1).allocate(8)
    assert set(document.position.tolist()) == {FREE}
    assert set(document.owner.tolist()) == {-1}
    assert document.used == 0


@settings(max_examples=25, deadline=None)
@given(HISTORIES)
def test_any_history_of_one_layer_equals_a_full_prefill(history):
    ids, found = after(history, tiny_decoder(1))
    same(found, oracle(1, ids)[-1:])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.15)])
def test_lower_precision_stays_near_the_exact_logits(dtype, tolerance):
    ids, rows = ids_of(60), torch.arange(60)
    decoder = tiny_decoder(2, dtype=dtype)
    found = encode(decoder, decoder.allocate(60), ids, rows, permuted(60), 16)
    expected = oracle(2, ids)
    assert found.dtype == torch.float32
    assert float((found - expected).abs().max() / expected.abs().max()) < tolerance


@pytest.mark.parametrize("lean", [False, True])
@pytest.mark.parametrize("rows", [1, 3, 5, 11, 18, 70])
def test_padded_rows_leave_no_trace(lean, rows):
    """In bfloat16 on a CPU rows are padded; the same rows one by one give the same keys, nothing else is live."""
    exact = tiny_decoder(2, dtype=torch.bfloat16)
    decoder = take_over(exact) if lean else exact
    ids, places, slots = ids_of(rows), torch.arange(rows), permuted(rows + 40)[:rows]
    branches = [Branch(0)] * (rows - 1) + [Branch(4, hides=slots[:1])] if rows > 3 else DOCUMENT
    wanted = torch.tensor([rows - 1, 0])
    document, single = decoder.allocate(rows + 40), decoder.allocate(rows + 40)
    found = decoder.forward(document, RowBatch(ids, places, slots, wanted, branches))
    assert found.shape == (2, decoder.vocabulary_size)
    for row in range(rows):
        branch = branches[row] if isinstance(branches, list) else DOCUMENT
        one = slice(row, row + 1)
        last = decoder.forward(single, RowBatch(ids[one], places[one], slots[one], EVERY, branch))
    assert torch.equal(document.position, single.position)
    assert torch.equal(document.owner, single.owner)
    for layer in range(2):
        scale = float(single.values[layer].abs().max())
        assert float((document.values[layer] - single.values[layer]).abs().max()) / scale < 0.05
    assert float((found[0] - last[0]).abs().max() / last.abs().max()) < 0.1
