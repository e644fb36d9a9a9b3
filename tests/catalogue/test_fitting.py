"""What a model takes is told from what a machine was measured to do; the largest that is quick enough is named."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp import default_model
from kvlsp.catalogue.entry import Entry, checkpoint
from kvlsp.catalogue.fitting import TOKENS, Cost, Machine, best, fit
from kvlsp.catalogue.pace import probe
from kvlsp.catalogue.recommended import RECOMMENDED

MACHINE = Machine("cpu", 16 << 30, 1, token=Cost(0.8e-10, 1e-4), key=Cost(2e-10, 1e-4))
SMALL = Entry("small", "folder", parameters=500_000_000, layers=24, row=1000, sixteen_bit=True)


@pytest.fixture(autouse=True)
def memory(monkeypatch):
    monkeypatch.setattr("kvlsp.model.memory.free_memory", lambda device: MACHINE.free)


def test_memory_by_arithmetic_and_time_by_measured_costs():
    found = fit(SMALL, MACHINE)
    assert found.weights in (1_000_000_000, 2_000_000_000)
    assert found.cache in (2 * 1000 * TOKENS, 4 * 1000 * TOKENS)
    assert found.key == pytest.approx(1e3 * (0.1 + 0.04 + 2 * 0.0024))
    assert found.line == pytest.approx(found.key + 9 * 1e3 * (0.04 + 0.0024))


def test_what_does_not_fit_says_so():
    large = dataclasses.replace(SMALL, parameters=20_000_000_000)
    assert "more than is free" in fit(large, MACHINE).problem
    wide = dataclasses.replace(SMALL, row=1_100_000)
    assert "A cache of 8,192 tokens does not fit" in fit(wide, MACHINE).problem
    file = Entry("file", "Ollama", disk=20 << 30, rounded=True)
    assert "It does not fit" in fit(file, MACHINE).problem
    file = Entry("file", "Ollama", row=1000, disk=15 << 30, rounded=True)
    assert (fit(file, MACHINE).cache, fit(file, MACHINE).problem) == (2 * 1000 * TOKENS, "")
    assert "It does not fit" in fit(dataclasses.replace(file, beside=2 << 30), MACHINE).problem
    assert fit(dataclasses.replace(SMALL, problem="broken"), MACHINE).problem == "broken"


def test_the_largest_that_is_quick_enough_is_recommended():
    found = [(one, fit(one, MACHINE)) for one in (SMALL, *RECOMMENDED)]
    assert best(found).parameters == 500_000_000
    slow = dataclasses.replace(MACHINE, token=Cost(1e-8, 0), key=Cost(1e-8, 0))
    assert best([(one, fit(one, slow)) for one in RECOMMENDED]) is None
    here, there = (dataclasses.replace(SMALL, name=str(one), here=one) for one in (True, False))
    assert best([(one, fit(one, MACHINE)) for one in (there, here)]) == here


@given(st.floats(0, 1e-6), st.floats(0, 1e-2))
def test_costs_are_found_again(parameter, layer):
    truth = Cost(parameter, layer)
    found = Cost.of(*((count, layers, truth.seconds(count, layers)) for count, layers in ((10**7, 6), (10**8, 3))))
    assert found.seconds(10**9, 24) == pytest.approx(truth.seconds(10**9, 24), rel=1e-6)


@given(st.floats(1e-6, 10), st.floats(1e-6, 10))
def test_no_part_of_a_cost_is_less_than_nothing_on_a_busy_machine(quick, slow):
    found = Cost.of((10**7, 6, quick), (10**8, 3, slow))
    assert found.parameter >= 0
    assert found.layer >= 0


def test_a_machine_is_measured_with_models_that_are_loaded_like_any_other():
    ticks = iter(range(10**6))
    small = {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "vocab_size": 64,
    }
    machine = probe("cpu", small, clock=lambda: float(next(ticks)))
    assert machine.device == "cpu"
    known = checkpoint(default_model.folder(), "", "")
    assert machine.token.seconds(known.parameters, known.layers) == pytest.approx(1.0), "every forward took a tick"


def test_recommended_models_are_in_order_of_size_with_licences():
    sizes = [one.parameters for one in RECOMMENDED]
    assert sizes == sorted(sizes)
    assert all(one.licence and one.layers and one.row and not one.here for one in RECOMMENDED)
