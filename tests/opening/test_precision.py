"""The quickest precision is measured once per shape, and remembered."""

from __future__ import annotations

import torch

from kvlsp.config import Settings
from kvlsp.opening import precision
from kvlsp.opening.model import open_model
from tests.support.byte_tokenizer import byte_tokenizer_json
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
    assert precision.measured(config, tmp_path) == {}
    assert not list(tmp_path.iterdir())


def test_where_a_model_cannot_be_measured_two_starts_do_the_same(tmp_path, monkeypatch):
    said = iter((torch.float32, torch.bfloat16))
    monkeypatch.setattr(precision, "costs", lambda config: {})
    monkeypatch.setattr(precision, "precision_for", lambda device: next(said))
    assert [precision.quickest(tiny_llama(1).config, tmp_path) for _ in range(2)] == [torch.float32] * 2


def test_eight_bits_multiply_by_the_product_that_they_had_before(tmp_path, monkeypatch):
    said = iter((True, False, False))
    monkeypatch.setattr(precision, "quicker_in_integers", lambda width: next(said))
    assert [precision.in_integers(width, tmp_path) for width in (64, 64, 128, 64)] == [True, True, False, True]


def test_rows_of_eight_bits_are_those_of_the_start_before(tmp_path, monkeypatch):
    tiny_llama(2, dtype=torch.bfloat16, hidden_size=128, intermediate_size=128).save_pretrained(tmp_path / "model")
    (tmp_path / "model" / "tokenizer.json").write_text(byte_tokenizer_json(), encoding="utf-8")
    said = iter((True, False))
    monkeypatch.setattr(precision, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    for name in ("kvlsp.opening.precision", "kvlsp.model.rounding"):
        monkeypatch.setattr(f"{name}.quicker_in_integers", lambda width: next(said), raising=False)
    settings = Settings(model=str(tmp_path / "model"), device="cpu", dtype="int8")
    first, second = (open_model(settings).description for _ in range(2))
    assert first == second
