"""The comparison runs, and a key that somebody looks on at does the same work."""

from __future__ import annotations

from kvlsp.laboratory.evaluation.watched import measure
from tests.support.engine_bench import SETTINGS, TEXT, watched_model


def test_keys_are_measured_with_and_without_an_onlooker():
    figures = measure(watched_model(), TEXT, SETTINGS, keys=6)
    assert figures["keys"] == 6
    assert 1 <= figures["views"] <= 7
    assert figures["view_bytes"] > 100
    for cost, interval in (("cost_ms", "cost_interval_ms"), ("turn_cost_ms", "turn_cost_interval_ms")):
        low, high = figures[interval]
        assert low <= figures[cost] <= high
    assert min(figures["alone_ms"], figures["watched_ms"]) > 0
