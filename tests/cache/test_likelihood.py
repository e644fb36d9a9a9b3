"""How likely the text is as it stands, against the oracle: full prefills of the text before and after."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.cache.refresh import read_likelihoods, refresh
from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.model.rows import EVERY, Branch, RowBatch
from tests.cache.test_repair import LIMIT, ONE, THREE, layout_of


def read(cache, layout, chunk=256):
    """Bring the cache to the layout, make it exact, and have it say all that it can."""
    repair(cache, layout, chunk=chunk)
    while refresh(cache, chunk) or read_likelihoods(cache, chunk):
        pass


def judging(decoder):
    cache = ResidentCache(decoder, LIMIT)
    cache.judge(True)
    return cache


def oracle(decoder, layout):
    """Log-probability of each row's token but the first, from one forward over all."""
    import torch

    cache, rows = ResidentCache(decoder, LIMIT), len(layout)
    ids, slots = torch.from_numpy(layout.ids.astype(np.int64)), torch.from_numpy(cache.take(rows, scratch=True))
    logits = cache.decoder.forward(cache.arrays(), RowBatch(ids, torch.arange(rows), slots, EVERY, Branch(1)))
    said = logits.log_softmax(-1)[:-1].gather(-1, ids[1:, None])[:, 0]
    return said.numpy()


texts = st.lists(st.integers(0, 60), unique=True, min_size=2, max_size=40)


@settings(deadline=None, max_examples=40)
@given(st.lists(texts, min_size=1, max_size=4), st.integers(1, 60))
def test_after_any_history_likelihoods_are_those_of_a_full_prefill(history, chunk):
    cache = judging(THREE)
    for cells in history:
        layout = layout_of(cells)
        read(cache, layout, chunk)
        np.testing.assert_allclose(cache.likelihoods.now[1:], oracle(THREE, layout), atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(texts, texts, st.integers(1, 60))
def test_a_token_that_reads_the_same_in_both_prefills_shows_no_drop(before, after, chunk):
    """No ghost of staleness: what is compared are the two texts, not what is known of them meanwhile."""
    cache = judging(THREE)
    read(cache, layout_of(before), chunk)
    cache.likelihoods = cache.likelihoods.settled()
    read(cache, layout_of(after), chunk)
    was = dict(zip(before[1:], oracle(THREE, layout_of(before)), strict=True))
    now = dict(zip(after[1:], oracle(THREE, layout_of(after)), strict=True))
    for cell, drop in zip(after, cache.likelihoods.drop, strict=True):
        if cell in was and cell in now and abs(drop) > 1e-5:
            assert abs(drop - (was[cell] - now[cell])) < 1e-5
        if cell not in was:
            assert drop == 0


def test_a_cache_that_nobody_asks_says_nothing_and_computes_no_logits():
    wanted = []

    class Watched:
        def __getattr__(self, name):
            return getattr(ONE, name)

        def forward(self, document, rows):
            wanted.append(len(rows.wanted) if rows.wanted is not EVERY else len(rows))
            return ONE.forward(document, rows)

    cache = ResidentCache(Watched(), LIMIT)
    repair(cache, layout_of([1, 2, 3, 4]))
    repair(cache, layout_of([1, 9, 2, 3, 4]))
    while refresh(cache, 2):
        pass
    assert cache.likelihoods is None
    assert read_likelihoods(cache, 8) == 0
    assert sum(wanted) == 0


@settings(deadline=None, max_examples=30)
@given(texts, texts)
def test_a_refresh_that_says_likelihoods_encodes_at_most_two_rows_more_than_any_other(before, after):
    """The row right before a change says anew what follows it, and the first row has none before it."""
    rows = []
    for wanted in (False, True):
        cache = ResidentCache(THREE, LIMIT)
        cache.judge(wanted)
        read(cache, layout_of(before))
        repair(cache, layout_of(after))
        rows.append(0)
        while done := refresh(cache, 7) or read_likelihoods(cache, 7):
            rows[-1] += done
    assert rows[1] <= rows[0] + 2


def test_rows_that_were_exact_before_anybody_asked_are_read_again():
    cache, layout = ResidentCache(THREE, LIMIT), layout_of(list(range(12)))
    repair(cache, layout)
    cache.judge(True)
    assert read_likelihoods(cache, 256) == 11
    np.testing.assert_allclose(cache.likelihoods.now[1:], oracle(THREE, layout), atol=1e-5)


class Counting:
    """A decoder that counts the rows whose logits are asked for."""

    def __init__(self, decoder):
        self._decoder, self.asked = decoder, 0

    def __getattr__(self, name):
        return getattr(self._decoder, name)

    def forward(self, *arguments):
        logits = self._decoder.forward(*arguments)
        self.asked += len(logits)
        return logits


def test_at_rest_only_costs_a_forward_that_somebody_waits_for_nothing():
    decoder = Counting(THREE)
    cache = ResidentCache(decoder, LIMIT)
    cache.judge(True, at_rest=True)
    repair(cache, layout_of(list(range(20))))
    repair(cache, layout_of([*range(5), 33, *range(5, 20)]))
    assert decoder.asked == 0
    layout = layout_of([*range(5), 33, *range(5, 20)])
    read(cache, layout)
    np.testing.assert_allclose(cache.likelihoods.now[1:], oracle(THREE, layout), atol=1e-5)
    cache.forget()
    repair(cache, layout)
    assert np.isnan(cache.likelihoods.now).all()
    cache.check_integrity()


def test_a_window_that_grows_leaves_nothing_to_compare_with():
    from kvlsp.cache.repair import Repair

    cache = judging(THREE)
    read(cache, layout_of([5, 6, 7, 8]))
    grown = Repair(cache, layout_of([1, 2, 5, 6, 7, 8]), seam=0, counts=False)
    while grown.step(256):
        pass
    grown.close()
    read(cache, layout_of([1, 2, 5, 6, 7, 8]))
    assert not cache.likelihoods.drop.any()


def test_what_was_before_the_first_of_several_edits_is_remembered():
    cache = judging(THREE)
    read(cache, layout_of([1, 2, 3, 4, 5]))
    first = cache.likelihoods.now[-1]
    read(cache, layout_of([1, 9, 2, 3, 4, 5]))
    read(cache, layout_of([1, 9, 10, 2, 3, 4, 5]))
    assert cache.likelihoods.before[-1] == first
    cache.likelihoods = cache.likelihoods.settled()
    assert not cache.likelihoods.drop.any()


def test_integrity_counts_likelihoods():
    cache = judging(ONE)
    read(cache, layout_of([1, 2, 3]))
    cache.check_integrity()
