"""Repair against its oracle: forget everything and prefill the layout (invariant 3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.cache.choosing import CROSSED, SEAM, SEAMS
from kvlsp.cache.refresh import refresh, refresh_oldest
from kvlsp.cache.repair import Repair, repair
from kvlsp.cache.resident import ResidentCache, Scratch
from kvlsp.errors import CacheFull, IntegrityError
from kvlsp.model.rows import EVERY, Branch, RowBatch
from kvlsp.prompt.layout import Layout
from tests.support.decoders import tiny_decoder

ONE, THREE = tiny_decoder(layers=1), tiny_decoder(layers=3)
LIMIT = 512


def layout_of(cells: list[int], caret: int = 0) -> Layout:
    """Rows named by cells; a cell's token id follows from its name, so equal cells are equal tokens."""
    array = np.array(cells, np.int64)
    ids = (array * 7 % 250 + 3).astype(np.int32)
    return Layout(ids=ids, cells=array, prefix=(caret, len(cells)), suffix=(0, caret), text_last=True)


def logits_of(cache: ResidentCache, layout: Layout) -> torch.Tensor:
    """Logits of a token behind the layout, seen from a branch that leaves no trace."""
    slots = cache.take(1, scratch=True)
    behind = RowBatch(torch.tensor([5]), torch.tensor([len(layout)]), torch.from_numpy(slots), EVERY, Branch(1))
    logits = cache.decoder.forward(cache.arrays(), behind)
    cache.give_back(slots)
    return logits[0]


def prefilled(decoder, layout: Layout) -> ResidentCache:
    cache = ResidentCache(decoder, LIMIT)
    repair(cache, layout)
    return cache


histories = st.lists(
    st.tuples(
        st.lists(st.integers(0, 80), unique=True, min_size=1, max_size=40),
        st.integers(0, 40), st.integers(1, 60), st.booleans(), st.integers(0, 3),
    ),
    min_size=1, max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(histories)
def test_with_one_layer_any_history_equals_a_prefill(history):
    cache = ResidentCache(ONE, LIMIT)
    for cells, caret, chunk, interrupt, refreshed in history:
        layout = layout_of(cells, min(caret, len(cells)))
        repair(cache, layout, chunk=chunk, interrupted=lambda stop=interrupt: stop)
        cache.check_integrity()
        result = repair(cache, layout, wanted=[len(layout) - 1])
        assert result.complete
        for _ in range(refreshed):
            refresh(cache, chunk)
        cache.check_integrity()
        assert list(cache.rows.ids) == list(layout.ids)
        oracle = prefilled(ONE, layout)
        torch.testing.assert_close(logits_of(cache, layout), logits_of(oracle, layout), rtol=0, atol=1e-9)
        cache.check_integrity()


@settings(deadline=None, max_examples=40)
@given(histories)
def test_deeper_models_agree_in_layer_0_and_everywhere_up_to_the_frontier(history):
    cache = ResidentCache(THREE, LIMIT)
    for cells, caret, chunk, _, refreshed in history:
        layout = layout_of(cells, min(caret, len(cells)))
        repair(cache, layout, chunk=chunk)
        for _ in range(refreshed):
            refresh(cache, 5)
        oracle = prefilled(THREE, layout)
        for layer in range(3):
            rows = len(layout) if layer == 0 else cache.frontier
            for name in ("keys", "truth", "values"):
                ours = getattr(cache.arrays(), name)[layer][:, cache.rows.slots[:rows]]
                theirs = getattr(oracle.arrays(), name)[layer][:, oracle.rows.slots[:rows]]
                torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(histories, st.integers(1, 30))
def test_a_refresh_to_the_end_equals_a_prefill(history, rows):
    cache = ResidentCache(THREE, LIMIT)
    for cells, caret, chunk, _, _ in history:
        layout = layout_of(cells, min(caret, len(cells)))
        repair(cache, layout, chunk=chunk)
    while refresh(cache, rows):
        cache.check_integrity()
    assert cache.stale == 0
    oracle = prefilled(THREE, layout)
    torch.testing.assert_close(logits_of(cache, layout), logits_of(oracle, layout), rtol=0, atol=1e-9)


def test_an_edit_in_the_middle_leaves_a_stale_tail_that_the_test_can_see():
    cache = ResidentCache(THREE, LIMIT)
    repair(cache, layout_of(list(range(30))))
    edited = layout_of([*range(10), 50, 51, *range(12, 30)])
    result = repair(cache, edited, seam=0)
    assert (result.encoded, result.repaired, result.kept, result.freed) == (2, 0, 28, 2)
    assert cache.frontier == 12
    assert cache.stale == 18
    assert cache.staleness.changes[12:].min() == 4  # two encoded before, two freed
    assert list(cache.staleness.nearest[12:15]) == [1, 2, 3]
    oracle = prefilled(THREE, edited)
    assert (logits_of(cache, edited) - logits_of(oracle, edited)).abs().max() > 1e-6


@pytest.mark.parametrize(("after", "seam"), [
    ([*range(10), 50, 51, *range(12, 30)], range(12, 16)),  # replaced
    ([*range(10), 50, *range(10, 30)], range(11, 15)),  # inserted
    ([*range(10), *range(13, 30)], range(10, 14)),  # deleted: there is no new row, but a forward
    ([50, *range(30)], range(1, 5)),
    ([*range(3, 30)], range(4)),
    ([*range(28), 50, *range(28, 30)], range(29, 31)),
    ([*range(30), 50], range(0)),
    ([*range(5), 50, 5, 6, 51, *range(7, 30)], [6, 7, *range(9, 13)]),
])
def test_the_rows_right_behind_a_change_are_encoded_with_it(after, seam):
    cache = prefilled(THREE, layout_of(list(range(30))))
    result = repair(cache, layout_of(after))
    cache.check_integrity()
    new = [cell >= 30 for cell in after]
    assert (result.encoded, result.repaired) == (sum(new), len(seam))
    fresh = np.flatnonzero(cache.staleness.changes == 0)
    first = next((row for row, cell in enumerate(after) if row != cell), len(after))
    assert set(fresh[fresh >= first]) == {*seam, *np.flatnonzero(new)}


@pytest.mark.parametrize(("places", "rows"), [(8, 4 * 8), (40, 3 * 40), (150, SEAMS), (300, SEAMS)])
def test_many_changes_at_once_have_narrower_seams(places, rows):
    cells = list(range(places * 10))
    cache = ResidentCache(ONE, len(cells))
    repair(cache, layout_of(cells))
    after = [cell + len(cells) if cell % 10 == 3 else cell for cell in cells]
    result = repair(cache, layout_of(after))
    assert (result.encoded, result.repaired) == (places, rows)


def test_the_caret_and_other_files_make_no_seam():
    cells = list(range(60))
    cache = prefilled(THREE, layout_of(cells, 20))
    assert repair(cache, layout_of([*range(5, 60), *range(5)], 15)).repaired == 0
    cache = prefilled(THREE, layout_of(cells))
    before = layout_of([70, 71, *cells])
    before = replace(before, cells=np.where(before.cells >= 70, -before.cells, before.cells))
    assert repair(cache, before).repaired == 0


def with_markers(caret: int, rows: int = 200) -> Layout:
    """Text of so many cells in suffix-first order, asked at ``caret``."""
    head, between, text = -1, -17, list(range(rows))
    layout = layout_of([head, *text[caret:], between, *text[:caret]])
    end = 1 + rows - caret
    return replace(layout, suffix=(1, end), prefix=(end + 1, rows + 2), ids=np.where(layout.cells < 0, 2, layout.ids))


@pytest.mark.parametrize(("first", "then"), [(20, 30), (20, 150), (150, 20), (150, 149)])
def test_a_marker_that_has_missed_something_is_encoded_with_the_change(first, then):
    cache = prefilled(THREE, with_markers(first))
    layout = with_markers(then)
    repair(cache, layout, wanted=[len(layout) - 1])
    between = layout.suffix[1]
    assert cache.staleness.changes[between] == 0
    unmended = prefilled(THREE, with_markers(first))
    repair(unmended, layout, wanted=[len(layout) - 1], seam=0)
    assert unmended.staleness.changes[between] > 0


@pytest.mark.parametrize("behind", [1, 40])
def test_a_marker_that_has_missed_nothing_costs_nothing(behind):
    cache = prefilled(THREE, with_markers(50))
    layout = with_markers(50)
    cells = np.concatenate([layout.cells[:-behind], [300], layout.cells[-behind:]])
    typed = replace(layout_of(cells.tolist()), suffix=layout.suffix, prefix=(layout.prefix[0], len(cells)))
    result = repair(cache, typed)
    assert (result.encoded, result.repaired) == (1, min(behind, SEAM))


def test_an_interrupted_repair_is_finished_by_the_next():
    cache = ResidentCache(THREE, LIMIT)
    layout = layout_of(list(range(40)))
    first = repair(cache, layout, chunk=8, interrupted=lambda: True)
    assert not first.complete
    assert first.encoded == 8
    cache.check_integrity()
    second = repair(cache, layout, chunk=8, wanted=[39])
    assert second.complete
    assert second.encoded == 32
    assert cache.stale == 0


def test_a_repair_that_another_has_taken_over_does_it_no_harm():
    cache = ResidentCache(THREE, LIMIT)
    given_up = Repair(cache, layout_of(list(range(30))))
    given_up.step(8)
    second = Repair(cache, layout_of([*range(20), *range(50, 70)]))
    second.step(4)
    with pytest.raises(IntegrityError):
        given_up.step(8)
    assert not given_up.close().complete
    while second.step(8):
        cache.check_integrity()
    assert second.close().complete
    assert (len(cache.rows), cache.stale) == (40, 0)


def test_wanted_logits_are_those_of_the_rows_asked_for():
    layout = layout_of(list(range(20)))
    cache = prefilled(THREE, layout)
    wanted = repair(cache, layout, wanted=[3, 19]).logits
    again = repair(prefilled(THREE, layout), layout, wanted=[19]).logits
    torch.testing.assert_close(wanted[1], again[0], rtol=0, atol=1e-9)
    assert not torch.allclose(wanted[0], wanted[1])


def test_accepted_rows_are_adopted_and_are_what_a_prefill_gives():
    cache = ResidentCache(THREE, LIMIT)
    before = layout_of(list(range(10)))
    repair(cache, before)
    after = layout_of([*range(10), 60, 61, 62])
    generated = [*after.ids[10:12].tolist(), 9]  # the third token was another one
    slots = cache.take(3, scratch=True)
    accepted = RowBatch(torch.tensor(generated), torch.arange(10, 13), torch.from_numpy(slots), EVERY, Branch(1))
    cache.decoder.forward(cache.arrays(), accepted)
    cache.scratch = Scratch(10, cache.frontier == 10, generated, slots.tolist())
    result = repair(cache, after)
    cache.check_integrity()
    assert (result.adopted, result.encoded) == (2, 1)
    assert cache.stale == 0
    oracle = prefilled(THREE, after)
    torch.testing.assert_close(logits_of(cache, after), logits_of(oracle, after), rtol=0, atol=1e-9)


@pytest.mark.parametrize("refreshed", [False, True])
def test_rows_generated_behind_stale_ones_are_adopted_as_stale(refreshed):
    """Also where what they stand behind was made exact since: they saw it as it was."""
    cache = ResidentCache(THREE, LIMIT)
    repair(cache, layout_of(list(range(10))))
    repair(cache, layout_of([50, *range(1, 10)]))
    slots = cache.take(1, scratch=True)
    after = layout_of([50, *range(1, 10), 60])
    ids = torch.from_numpy(after.ids[10:].astype(np.int64))
    accepted = RowBatch(ids, torch.tensor([10]), torch.from_numpy(slots), EVERY, Branch(1))
    cache.decoder.forward(cache.arrays(), accepted)
    cache.scratch = Scratch(10, cache.frontier == 10, after.ids[10:].tolist(), slots.tolist())
    if refreshed:
        assert refresh(cache, 100) == 9 - SEAM
        assert cache.stale == 0
    assert repair(cache, after).adopted == 1
    assert cache.frontier == (10 if refreshed else 1 + SEAM)
    refresh(cache, 100)
    oracle = prefilled(THREE, after)
    torch.testing.assert_close(logits_of(cache, after), logits_of(oracle, after), rtol=0, atol=1e-9)


def test_a_layout_beyond_the_bound_is_refused_and_nothing_is_lost():
    cache = ResidentCache(ONE, 16)
    repair(cache, layout_of(list(range(10))))
    with pytest.raises(CacheFull, match="bounded to 16"):
        repair(cache, layout_of(list(range(17))))
    assert len(cache.rows) == 10
    cache.check_integrity()


def test_a_failing_forward_drops_the_cache_and_the_next_settle_rebuilds_it(monkeypatch):
    cache = ResidentCache(THREE, LIMIT)
    layout = layout_of(list(range(30)))
    repair(cache, layout)

    def fail(*_):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(THREE, "forward", fail)
        with pytest.raises(RuntimeError):
            repair(cache, layout_of([*range(5), 70]))
    assert len(cache.rows) == 0
    assert cache.nbytes == 0
    assert repair(cache, layout).encoded == 30
    cache.check_integrity()


def jumped_down(crossed: int, suffix: int = 100) -> tuple[ResidentCache, Layout]:
    """All rows stood behind the caret; now the first ``crossed`` stand before it. One forward takes what it takes."""
    cells = list(range(crossed + suffix))
    cache = ResidentCache(THREE, LIMIT)
    repair(cache, layout_of(cells, len(cells)))
    return cache, layout_of([*cells[crossed:], *cells[:crossed]], suffix)


def encoded_by(cache: ResidentCache, layout: Layout, **how) -> list[int]:
    """Rows of ``layout`` that settling it encodes: those that are not stale afterwards."""
    stale = np.ones(len(layout), np.bool_)
    repair(cache, layout, **how)
    stale[:] = cache.staleness.changes > 0
    return np.flatnonzero(~stale).tolist()


def test_far_jumps_encode_both_ends_of_what_crossed_and_the_text_ahead():
    cache, jumped = jumped_down(350)
    half, quarter = CROSSED // 2, CROSSED // 4
    end = len(jumped)
    assert encoded_by(cache, jumped) == [*range(quarter), *range(100, 100 + half), *range(end - quarter, end)]
    assert list(cache.crossed_caret) == list(range(100 + half, end - quarter))
    while refresh(cache, 64):
        pass
    oracle = prefilled(THREE, jumped)
    torch.testing.assert_close(logits_of(cache, jumped), logits_of(oracle, jumped), rtol=0, atol=1e-9)
    assert not len(cache.crossed_caret)


def test_what_a_jump_left_blind_is_freshened_first():
    cache, jumped = jumped_down(350)
    assert not len(cache.crossed_caret)
    repair(cache, jumped)
    blind = cache.crossed_caret
    assert refresh_oldest(cache, 64) == 64
    assert list(cache.crossed_caret) == list(blind[64:])
    assert refresh_oldest(cache, len(blind) - 64) == len(blind) - 64
    assert not len(cache.crossed_caret)
    assert cache.stale > 0
    cache.check_integrity()


def test_nothing_behind_a_gap_counts_as_exact():
    cache = prefilled(THREE, layout_of(list(range(40))))
    more = layout_of([*range(10), *range(50, 70), *range(10, 40)])
    assert not repair(cache, more, chunk=5, interrupted=lambda: True).complete
    refresh_oldest(cache, 64)
    assert cache.frontier == 15
    fewer = layout_of([*range(10), *range(50, 55), *range(10, 40)])
    repair(cache, fewer)
    while refresh(cache, 64):
        pass
    oracle = prefilled(THREE, fewer)
    torch.testing.assert_close(logits_of(cache, fewer), logits_of(oracle, fewer), rtol=0, atol=1e-9)


def test_a_step_encodes_what_it_crosses():
    cache, stepped = jumped_down(12)
    assert encoded_by(cache, stepped) == list(range(100, 112))


def test_near_the_end_of_the_document_more_of_what_crossed_is_encoded():
    cache, jumped = jumped_down(350, suffix=10)
    assert repair(cache, jumped).encoded == CROSSED
    assert cache.staleness.changes[:10].tolist() == [0] * 10


def test_a_jump_and_back_without_a_rest_encodes_nothing():
    cells = list(range(300))
    home, above = layout_of(cells, 100), layout_of([*cells[200:], *cells[:200]], 200)
    cache = prefilled(THREE, home)  # rows 200 .. 299 are the text before the caret
    truth = logits_of(cache, home)
    assert repair(cache, above).encoded == 0  # what was before the caret is behind it now
    assert repair(cache, home).encoded == 0
    assert not len(cache.crossed_caret)
    torch.testing.assert_close(logits_of(cache, home), truth, rtol=0, atol=1e-9)


def test_bytes_are_counted_exactly():
    cache = ResidentCache(THREE, LIMIT)
    repair(cache, layout_of(list(range(30))))
    arrays = cache.arrays()
    held = sum(t.numel() * t.element_size() for name in ("keys", "truth", "values")
               for t in getattr(arrays, name)) + arrays.position.numel() * 8 + arrays.owner.numel() * 4
    assert cache.nbytes == held
