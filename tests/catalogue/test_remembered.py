"""A machine is measured once, and again when somebody wants it; what is not what was kept is measured, too."""

from __future__ import annotations

import pytest
import torch

from kvlsp.catalogue import remembered
from kvlsp.catalogue.fitting import Cost, Machine
from kvlsp.catalogue.remembered import machine

MEASURED = Machine("cpu", 5, 1, Cost(1.0, 2.0), Cost(3.0, 4.0))


@pytest.fixture
def probes(monkeypatch):
    probes: list[str] = []
    monkeypatch.setattr(remembered, "probe", lambda device: probes.append(device) or MEASURED)
    monkeypatch.setattr(remembered, "free_memory", lambda device: 7)
    return probes


def test_once_for_a_device_and_threads(tmp_path, probes):
    assert machine("cpu", folder=tmp_path) == MEASURED
    found = machine("cpu", folder=tmp_path)
    assert (found.token, found.key, found.free) == (MEASURED.token, MEASURED.key, 7)
    assert probes == ["cpu"]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        machine("cpu", folder=tmp_path)
    finally:
        torch.set_num_threads(before)
    machine("cpu", fresh=True, folder=tmp_path)
    assert len(probes) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', None])
def test_whatever_was_kept(tmp_path, probes, text):
    machine("cpu", folder=tmp_path)
    file = tmp_path / "pace.json"
    file.write_text(file.read_text().replace("1.0", '"a"') if text is None else text)
    machine("cpu", folder=tmp_path)
    machine("cpu", folder=tmp_path)
    assert len(probes) == 2, "measured, and kept again"


def test_where_nothing_can_be_kept(tmp_path, probes):
    (tmp_path / "measured").touch()
    assert machine("cpu", folder=tmp_path / "measured") == MEASURED
