"""The decoder for a GPU, on a CPU: buckets, padding, static inputs and moves against the lean decoder.

Only the capture itself needs a GPU; a recorder stands in for it here.
"""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from kvlsp.cache.resident import ResidentCache
from kvlsp.model import graphed, graphs, moving
from kvlsp.model.attention import attend
from kvlsp.model.graphed import GraphedForward, on_a_device, plain_layers, reach
from kvlsp.model.graphs import Graphs
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_layers import take_over
from kvlsp.model.rows import EVERY, NONE, Branch, RowBatch
from kvlsp.model.split_attention import PART, attend_split
from kvlsp.model.static_rows import HIDDEN
from kvlsp.model.transformers_decoder import TransformersDecoder
from tests.support.architectures import SUPPORTED, build
from tests.support.decoders import tiny_decoder
from tests.support.reference import ids_of, permuted

LEAN = ["llama", "deepseek-coder (linear scaling)", "qwen2.5-coder", "qwen3", "granite", "mistral (sliding window)"]


def lean_of(family: str, dtype: torch.dtype = torch.float64) -> LeanDecoder:
    return take_over(TransformersDecoder(build(SUPPORTED[family](2), dtype), family, 4096))


def state(document) -> list[torch.Tensor]:
    return [document.position, document.owner, *document.keys, *document.truth, *document.values]


def filled(decoder, count: int, slots: torch.Tensor):
    """A document of ``count`` rows in 96 slots."""
    document, ids = decoder.allocate(len(slots)), ids_of(count)
    decoder.forward(document, RowBatch(ids, torch.arange(count), slots[:count], NONE))
    return document


@pytest.mark.parametrize("family", LEAN)
@pytest.mark.parametrize("rows", [1, 2, 4, 5, 13, 32, 40])
def test_a_step_gives_what_the_lean_forward_gives_and_writes_nothing_else(family, rows):
    lean = lean_of(family)
    device, slots, ids = GraphedForward(lean), permuted(120), ids_of(rows, seed=7)
    theirs, ours = filled(lean, 60, slots), filled(device, 60, slots)
    for piece in (slots[60 : 60 + rows], slots[60 : 60 + rows]):  # a second step over the same static inputs
        places = torch.arange(60, 60 + rows)
        expected = lean.forward(theirs, RowBatch(ids, places, piece, EVERY))
        found = device.forward(ours, RowBatch(ids, places, piece, EVERY))
        torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)
        for mine, other in zip(state(ours), state(theirs), strict=True):
            torch.testing.assert_close(mine, other, atol=1e-10, rtol=1e-10)
        assert ours.used == theirs.used


@pytest.mark.parametrize("rows", [3, 8])
def test_branches_that_hide_different_slots_in_one_step(rows):
    lean = lean_of("llama")
    device, slots, ids = GraphedForward(lean), permuted(90), ids_of(rows, seed=3)
    theirs, ours = filled(lean, 60, slots), filled(device, 60, slots)
    branches = [Branch(1 + row, None if row == 1 else slots[60 - row : 60]) for row in range(rows)]
    places = torch.tensor([60 - row if row != 1 else 60 for row in range(rows)])
    batch = RowBatch(ids, places, slots[60 : 60 + rows], EVERY, branches)
    expected = lean.forward(theirs, batch)
    torch.testing.assert_close(device.forward(ours, batch), expected, atol=1e-10, rtol=1e-10)
    alone = device.forward(filled(device, 60, slots), RowBatch(ids, places, slots[60 : 60 + rows], EVERY, Branch(1)))
    assert float((alone - expected).abs().max()) > 1e-3, "hiding must have made a difference"


def test_a_branch_that_hides_many_slots_goes_the_plain_way():
    lean = lean_of("llama")
    device, slots = GraphedForward(lean), permuted(90)
    theirs, ours = filled(lean, 60, slots), filled(device, 60, slots)
    batch = RowBatch(ids_of(2), torch.tensor([60, 61]), slots[60:62], EVERY, Branch(1, slots[: HIDDEN + 1]))
    torch.testing.assert_close(
        device.forward(ours, batch), lean.forward(theirs, batch), atol=1e-10, rtol=1e-10
    )


def test_what_was_hidden_in_one_step_is_seen_in_the_next():
    lean = lean_of("llama")
    device, slots = GraphedForward(lean), permuted(90)
    ours = filled(device, 60, slots)
    row = (ids_of(1), torch.tensor([60]), slots[60:61])
    before = device.forward(ours, RowBatch(*row, EVERY, Branch(1)))
    hidden = device.forward(ours, RowBatch(*row, EVERY, Branch(1, slots[40:60])))
    assert float((hidden - before).abs().max()) > 1e-3
    torch.testing.assert_close(device.forward(ours, RowBatch(*row, EVERY, Branch(1))), before, atol=0, rtol=0)


@pytest.mark.parametrize("wanted", [torch.tensor([2]), torch.tensor([-1]), torch.tensor([3, 0]), slice(1, 3),
                                    torch.tensor([], dtype=torch.int64)])
def test_wanted_rows_of_a_padded_step(wanted):
    lean = lean_of("qwen2.5-coder")
    device, slots, ids = GraphedForward(lean), permuted(80), ids_of(6)
    rows = ids, torch.arange(6), slots[:6]
    every = lean.forward(lean.allocate(80), RowBatch(*rows, EVERY))
    found = device.forward(device.allocate(80), RowBatch(*rows, wanted))
    torch.testing.assert_close(found, every[wanted])


def test_moves_of_all_layers_at_once_and_in_pieces(monkeypatch):
    lean = lean_of("qwen3")
    device, slots = GraphedForward(lean), permuted(90)
    theirs, ours = filled(lean, 60, slots), filled(device, 60, slots)
    for temporary in (1 << 20, 1):
        monkeypatch.setattr(moving, "TEMPORARY", temporary)
        places = torch.arange(30) + 100 + temporary % 7
        lean.move(theirs, slots[30:60], places)
        device.move(ours, slots[30:60], places)
        device.move(ours, slots[:0], places[:0])
        for mine, other in zip(state(ours), state(theirs), strict=True):
            torch.testing.assert_close(mine, other, atol=1e-12, rtol=1e-12)


def test_slots_are_counted_without_asking_the_device():
    device = GraphedForward(lean_of("llama"))
    document = device.allocate(16)
    device.forward(document, RowBatch(ids_of(3), torch.arange(3), torch.tensor([2, 9, 5]), NONE))
    assert document.used == 10
    document.release(torch.tensor([9]))
    assert document.used == 6
    document.grow(400)
    document.release(torch.tensor([5]))
    assert (document.used, document.capacity) == (3, 400)
    device.forward(document, RowBatch(ids_of(1), torch.tensor([7]), torch.tensor([300]), NONE))
    document.clear()
    document.extend(torch.tensor([4]))
    document.release(torch.tensor([0]))
    assert document.used == 5
    with pytest.raises(IndexError):
        document.extend(torch.tensor([400]))


def test_lengths_read_are_few_and_never_much_too_long():
    reads = [reach(used, 1 << 20) for used in range(1, 40_000)]
    assert len(set(reads)) < 60
    assert all(used <= read <= max(used + 256, used * 1.125 + 1) for used, read in enumerate(reads, 1))
    assert reach(500, 510) == 510


class Recorder:
    """A graph that remembers the step it was captured from and runs it when replayed."""

    def __init__(self) -> None:
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        self.step()


@pytest.fixture
def recorded(monkeypatch) -> list[Recorder]:
    made: list[Recorder] = []

    def capture(self: Graphs, step):
        graph = Recorder()
        graph.step = step
        made.append(graph)
        self.captured += 1
        return graph

    monkeypatch.setattr(Graphs, "_capture", capture)
    return made


def test_a_step_is_captured_the_second_time_and_again_when_the_arrays_have_grown(recorded):
    lean = lean_of("llama")
    device, slots = GraphedForward(lean, capture=True), torch.arange(120)
    theirs, ours = filled(lean, 60, slots), filled(device, 60, slots)

    def both(position: int, rows: int) -> None:
        some = slice(position, position + rows)
        batch = RowBatch(ids_of(rows, seed=position), torch.arange(position, position + rows), slots[some], EVERY)
        expected = lean.forward(theirs, batch)
        torch.testing.assert_close(device.forward(ours, batch), expected, atol=1e-10, rtol=1e-10)

    both(60, 1)
    assert not recorded
    both(61, 1)
    both(62, 1)
    assert [graph.replays for graph in recorded] == [2]
    both(63, 3)  # another bucket
    both(66, 4)
    both(70, 2)
    assert [graph.replays for graph in recorded] == [2, 2]
    ours.grow(900)
    both(72, 1)
    assert [graph.replays for graph in recorded] == [2, 2], "graphs of outgrown arrays must not run"
    both(73, 1)
    assert device.graphs.captured == 3


def test_graphs_kept_are_bounded_and_go_with_their_document(recorded, monkeypatch):
    monkeypatch.setattr(graphs, "MOST", 2)
    device = GraphedForward(lean_of("llama"), capture=True)
    document = filled(device, 60, torch.arange(120))
    for rows in (1, 4, 8, 1, 4, 8):
        places = torch.arange(60, 60 + rows)
        device.forward(document, RowBatch(ids_of(rows), places, places, EVERY))
    assert len(device.graphs._documents[document].graphs) == 2
    del document
    assert not device.graphs._documents


def test_the_pool_of_all_graphs_outlives_every_document(monkeypatch):
    """torch gives a pool up with the last graph that uses it, and refuses to capture into it from then on."""
    monkeypatch.setattr(Graphs, "_capture", lambda self, step: Recorder())
    monkeypatch.setattr(Recorder, "step", lambda self: None, raising=False)
    device = GraphedForward(lean_of("llama"), capture=True)
    document = filled(device, 60, torch.arange(120))
    for place in (60, 61):
        at = torch.tensor([place])
        device.forward(document, RowBatch(ids_of(1), at, at, EVERY))
    (graph,) = (weakref.ref(one) for one in device.graphs._documents[document].graphs.values() if one is not None)
    del document
    gc.collect()
    assert graph() is not None


def test_a_capture_that_fails_turns_graphs_off_and_the_step_still_runs(monkeypatch, caplog):
    lean = lean_of("llama")
    device = GraphedForward(lean, capture=True)
    monkeypatch.setattr(graphs.torch.cuda, "graph_pool_handle", lambda: (0, 0))
    monkeypatch.setattr(graphs.torch.cuda, "synchronize", lambda device: None)

    def refuse() -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nlong trace")

    monkeypatch.setattr(graphs.torch.cuda, "CUDAGraph", refuse)
    document = filled(device, 20, torch.arange(40))
    row = RowBatch(ids_of(1), torch.tensor([20]), torch.tensor([20]), EVERY)
    logits = [device.forward(document, row) for _ in range(3)]
    assert torch.equal(logits[0], logits[2])
    assert not device.graphs.capturing
    assert "not permitted" in caplog.text
    assert "long trace" not in caplog.text


def test_the_answer_of_one_step_survives_the_next():
    device = GraphedForward(lean_of("llama"))
    document = filled(device, 20, torch.arange(40))
    first = device.forward(document, RowBatch(ids_of(1), torch.tensor([20]), torch.tensor([20]), EVERY))
    kept = first.clone()
    device.forward(document, RowBatch(ids_of(1, seed=5), torch.tensor([21]), torch.tensor([21]), EVERY))
    assert torch.equal(first, kept)


def test_only_a_lean_decoder_on_a_gpu_gets_graphs():
    exact = tiny_decoder(1)
    lean = take_over(exact)
    assert on_a_device(exact) is exact
    assert on_a_device(lean) is lean
    assert [name for name, _ in graphed.ways(lean)] == ["torch"]


def test_steps_that_differ_are_not_used(caplog):
    lean = take_over(tiny_decoder(1))
    assert graphed._agrees(GraphedForward(lean), lean, "torch")
    assert not caplog.records
    wrong = GraphedForward(lean, run_layers=lambda lean, document, rows, visibility, read: rows.ids.double()[:, None])
    assert not graphed._agrees(wrong, lean, "steps that compute nothing")
    still = GraphedForward(lean, move_keys=lambda document, slots, positions, table: None)
    assert not graphed._agrees(still, lean, "moves that move nothing")
    assert len(caplog.records) == 2


def test_a_cache_over_it_keeps_its_books():
    """The production bookkeeping on top: slots are taken, grown, given back."""
    cache = ResidentCache(GraphedForward(tiny_lean()), 4096)
    slots = torch.from_numpy(cache.take(700))
    cache.decoder.forward(cache.arrays(), RowBatch(ids_of(700), torch.arange(700), slots, NONE))
    cache.take(5000 - 4096 + 10, scratch=False)
    assert cache.arrays().capacity == cache.table.capacity
    cache.give_back(slots[650:].numpy())
    assert cache.arrays().used == 650


def tiny_lean() -> LeanDecoder:
    return take_over(tiny_decoder(2))


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (6, 2), (16, 8)])
@pytest.mark.parametrize("slots", [100, 2 * PART, 2 * PART + 77])
@pytest.mark.parametrize("rows", [1, 7])
def test_split_attention_is_attention(heads, kv_heads, slots, rows):
    generator = torch.Generator().manual_seed(slots)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    storage = random(kv_heads, slots + 50, 8)
    queries, keys, values = random(heads, rows, 8), storage[:, :slots], random(kv_heads, slots + 50, 8)[:, :slots]
    mask = torch.zeros(rows, slots, dtype=torch.float64)
    mask[torch.rand(rows, slots, generator=generator) < 0.5] = torch.finfo(torch.float64).min / 2
    mask[:, 3] = 0
    torch.testing.assert_close(
        attend_split(queries, keys, values, mask, 0.3), attend(queries, keys, values, mask, 0.3), atol=1e-12, rtol=1e-9
    )
    torch.testing.assert_close(
        attend_split(queries, keys, values, None, 0.3), attend(queries, keys, values, None, 0.3), atol=1e-12, rtol=1e-9
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lower_precision_through_split_attention(dtype):
    exact = lean_of("qwen2.5-coder", torch.float32)
    lean = lean_of("qwen2.5-coder", dtype)
    device = GraphedForward(lean, run_layers=plain_layers(attend_split))
    slots, ids = permuted(80), ids_of(3, seed=2)
    batch = RowBatch(ids, torch.arange(60, 63), slots[60:63], EVERY)
    expected = exact.forward(filled(exact, 60, slots), batch)
    found = device.forward(filled(device, 60, slots), batch)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    assert float((found - expected).abs().max() / expected.abs().max()) < tolerance
