"""The quickest precision is measured once per shape, and remembered."""

from __future__ import annotations

import torch

from kvlsp.opening import precision
from tests.support.decoders import tiny_llama


def test_it_is_measured_once_per_shape(tmp_path, monkeypatch):
    asked = []

    def costs(config):
        asked.append(config.vocab_size)
        return {"float32": 1.0, "bfloat16": 2.0}

    monkeypatch.setattr(precision, "costs", costs)
    config = tiny_llama(1).config
    for _ in range(2):
        assert precision.quickest(config, tmp_path) == torch.float32
    assert len(asked) == 1
    config.vocab_size += 1
    precision.quickest(config, tmp_path)
    assert len(asked) == 2


def test_a_damaged_file_is_measured_again_and_nothing_is_kept_of_nothing(tmp_path, monkeypatch):
    found = {"float32": 1.0, "bfloat16": 2.0}
    monkeypatch.setattr(precision, "costs", lambda config: dict(found))
    config = tiny_llama(1).config
    precision.quickest(config, tmp_path)
    (file,) = tmp_path.iterdir()
    for damage in ("", "[1]", '{"float32": "quick"}'):
        file.write_text(damage)
        assert precision.measured(config, tmp_path) == found
    file.unlink()
    found.clear()
    assert precision.quickest(config, tmp_path) is None
    assert not list(tmp_path.iterdir())
