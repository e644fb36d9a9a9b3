"""Keystrokes beside a running refresh: every one is measured, and the text is what was typed."""

from __future__ import annotations

from kvlsp.laboratory.evaluation.waiting import measure
from tests.support.models import tiny_model


def test_a_keystroke_is_measured_at_rest_and_during_a_refresh():
    turns = []
    found = measure(tiny_model(2), "value = compute(limit)\n" * 30, keystrokes=4, advance=lambda: turns.append(1))
    assert len(turns) == 4
    assert found["document_tokens"] == 23 * 30 + 8
    for name in ("at_rest", "while_refreshing", "refresh_forward"):
        assert 0 < found[name]["p50"] <= found[name]["p99"]
