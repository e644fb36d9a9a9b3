"""A file that was open before costs few rows to open; the measurement says how many, and is exact about it."""

from __future__ import annotations

import dataclasses
from typing import Any

from kvlsp.config import Settings
from kvlsp.laboratory.evaluation.warm import measure, switched
from tests.support.models import tiny_model

TEXT = "".join(f"value_{number} = compute({number}, limit)\n" for number in range(60))


class Timed:
    """A decoder whose rows take a millisecond each."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.now = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: Any, rows: Any) -> Any:
        self.now += 0.001 * len(rows.ids)
        return self._decoder.forward(document, rows)


def test_hunks_are_lines_spread_over_the_text():
    changed = switched(TEXT, 5, TEXT.index("value_30"))
    assert sum(line.startswith("branch_") for line in changed.splitlines()) == 5
    assert len(changed.splitlines()) == 65
    assert "value_30 =" in switched(TEXT, 60, TEXT.index("value_30"))


def test_rows_come_from_disk_and_logits_are_those_of_a_prefill():
    timed = Timed(tiny_model(2, "prefix_first").decoder)
    model = dataclasses.replace(tiny_model(2, "prefix_first"), decoder=timed, identity="the tiny one")
    found = measure(model, TEXT, 1200, Settings(max_tokens=8), hunks=5, clock=lambda: timed.now)
    assert found["exact"]
    assert found["file_bytes"] > 0
    assert found["warm_first_rows"] < found["cold_first_rows"] / 5
    assert found["switch_first_rows"] < found["cold_first_rows"] / 2
    assert found["switch_apart"] < 1e-9
    assert found["warm_apart"] < 1e-9
