"""The repair budget of a model: measured by a clock that is passed in, remembered on disk."""

from __future__ import annotations

import pytest
import torch

from kvlsp.cache.worth import Budget
from kvlsp.config import Settings
from kvlsp.opening.measured import by_threads, recall, remember
from kvlsp.opening.ready import STRICT_BUDGET, budgeted, ruled
from kvlsp.opening.repair_budget import measure
from tests.support.models import tiny_model


class Timed:
    """A decoder whose forward takes as many seconds as ``cost`` says for so many rows."""

    def __init__(self, cost, by_length=False):
        self.decoder, self.cost, self.by_length, self.now = tiny_model(1).decoder, cost, by_length, 0.0

    def __getattr__(self, name):
        return getattr(self.decoder, name)

    def forward(self, document, rows):
        self.now += self.cost(len(rows)) * (document.used / 2048 if self.by_length else 1)

    def clock(self):
        return self.now


def budget(cost) -> int:
    decoder = Timed(cost)
    found = measure(decoder, decoder.clock)
    assert found.at(100) == found.at(2048) == found.at(4096)
    return found.at(2048)


def test_the_budget_of_a_device_that_is_bound_by_memory():
    assert budget(lambda rows: 0.30 if rows <= 128 else 0.30 * rows / 128) == 124


def test_a_slow_device_takes_what_a_quarter_more_time_allows():
    assert budget(lambda rows: 0.1 + 0.002 * rows) == 12  # 16 rows: 0.132 of 0.135 s allowed
    assert budget(lambda rows: 1.0 + 0.004 * rows) == 60  # 64 rows: 1.256 of 1.27 s


def test_a_fast_device_takes_what_nobody_feels():
    assert budget(lambda rows: 0.0002 * rows) == 44  # 48 rows: 8.8 ms more than 4 rows


def test_rows_that_read_more_are_fewer():
    decoder = Timed(lambda rows: 0.0002 * rows, by_length=True)
    budget = measure(decoder, decoder.clock)
    assert budget.points == ((2048, 44), (3840, 20))  # 0.375 ms a row there: 24 rows are 7.5 ms more than 4
    assert (budget.at(1000), budget.at(2944), budget.at(7000)) == (44, 32, 20)


def test_a_budget_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr("kvlsp.opening.measured.user_cache_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr("kvlsp.opening.ready.measure", lambda decoder: Budget(((2048, 9), (6144, 4))))
    budget = budgeted(Settings(), tiny_model(1)).repair_budget
    monkeypatch.setattr("kvlsp.opening.ready.measure", None)
    assert budgeted(Settings(), tiny_model(1)).repair_budget == budget == Budget(((2048, 9), (6144, 4)))


@pytest.mark.parametrize("nonsense", [5, "many", [[1]], {"a": 1}, []])
def test_a_budget_that_makes_no_sense_is_measured_again(tmp_path, monkeypatch, nonsense):
    monkeypatch.setattr("kvlsp.opening.measured.user_cache_path", lambda *_, **__: tmp_path)
    remember(Settings(), tiny_model(1), {by_threads("repair_budget"): nonsense})
    monkeypatch.setattr("kvlsp.opening.ready.measure", lambda decoder: Budget.of(3))
    assert budgeted(Settings(), tiny_model(1)).repair_budget == Budget.of(3)


def test_a_very_slow_device_is_not_measured_to_the_end():
    decoder = Timed(lambda rows: 0.01 * rows * rows)
    assert not measure(decoder, decoder.clock)
    assert decoder.now < 10


def test_a_large_model_is_there_soon():
    """Whoever has chosen it waits for it."""
    decoder = Timed(lambda rows: 0.1 + 0.005 * rows)
    assert measure(decoder, decoder.clock).at(2048) == 4
    assert decoder.now < 5


def test_a_folder_is_the_same_model_however_it_is_spelled(tmp_path, monkeypatch):
    folder = tmp_path / "home" / "m"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"old")
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    model, spelled, whole = tiny_model(1), Settings(model="~/m"), Settings(model=str(folder))
    remember(spelled, model, {"gate": {"policy": "more"}}, tmp_path)
    assert recall(whole, model, tmp_path) == {"gate": {"policy": "more"}}
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert recall(spelled, model, tmp_path) == recall(whole, model, tmp_path) == {}


def test_times_hold_for_a_number_of_threads_a_verdict_for_any(tmp_path, monkeypatch):
    model = tiny_model(1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    remember(Settings(), model, {by_threads("repair_budget"): 5, "gate": {"policy": "more"}}, tmp_path)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    known = recall(Settings(), model, tmp_path)
    assert known["gate"] == {"policy": "more"}
    assert by_threads("repair_budget") not in known


def test_facts_are_remembered_by_model(tmp_path):
    model, settings = tiny_model(1), Settings()
    assert recall(settings, model, tmp_path) == {}
    remember(settings, model, {"repair_budget": 5}, tmp_path)
    remember(settings, model, {"gate": {"policy": "more"}}, tmp_path)
    assert recall(settings, model, tmp_path) == {"repair_budget": 5, "gate": {"policy": "more"}}
    assert recall(Settings(model="another"), model, tmp_path) == {}


def test_a_broken_file_counts_as_none(tmp_path):
    remember(Settings(), tiny_model(1), {"repair_budget": 5}, tmp_path)
    next(tmp_path.glob("*.json")).write_text("{")
    assert recall(Settings(), tiny_model(1), tmp_path) == {}


def test_the_gate_rules():
    model = tiny_model(1)
    assert ruled(model, "repair") is model
    assert ruled(model, "more").repair_budget.at(4000) == STRICT_BUDGET
    assert "gate" in ruled(model, "more").description
    assert ruled(model, "prefill").full_prefill


def test_a_folder_beside_us_says_nothing_about_a_model_of_the_hub(tmp_path, monkeypatch):
    monkeypatch.setattr("kvlsp.opening.measured.user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    model, hub = tiny_model(1), Settings(model="owner/model")
    remember(hub, model, {"seen": 1})
    (tmp_path / "owner" / "model").mkdir(parents=True)
    (tmp_path / "owner" / "model" / "model.safetensors").write_bytes(b"x")
    assert recall(hub, model) == {"seen": 1}
    assert recall(Settings(model="./owner/model"), model) == {}
