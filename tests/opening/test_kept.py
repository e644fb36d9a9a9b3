"""The second start of a rounded model takes its weights from the disk; whatever has changed makes them anew."""

from __future__ import annotations

import dataclasses
import errno
import gc
import logging
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from kvlsp.config import Settings
from kvlsp.errors import OutOfMemory
from kvlsp.model.agreement import logits_of, rows_to_try
from kvlsp.opening import kept
from kvlsp.opening import model as opening
from kvlsp.opening.keeping import LOOK, QUIET, Rest, open_and_keep
from kvlsp.opening.model import open_model
from tests.support.byte_tokenizer import byte_tokenizer_json
from tests.support.clock import ManualClock
from tests.support.decoders import tiny_llama


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for room in ("kept", "precision", "measured"):
        monkeypatch.setattr(f"kvlsp.opening.{room}.user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr("kvlsp.opening.precision.quicker_in_integers", lambda width: True)  # not measured
    monkeypatch.setattr(kept, "LEAST", 0)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def settings(tmp_path, cache):
    folder = tmp_path / "model"
    small = tiny_llama(2, dtype=torch.bfloat16, hidden_size=128, intermediate_size=128, initializer_range=0.1)
    small.save_pretrained(folder)
    (folder / "tokenizer.json").write_text(byte_tokenizer_json(), encoding="utf-8")
    return Settings(model=str(folder), dtype="int8", threads=1)


def keep(settings) -> bool:
    """Open a model, and keep its weights."""
    model = open_model(settings)
    return model.unkept is not None and kept.keep(model.unkept, settings.disk_mib, lambda: True)


def is_kept(settings) -> bool:
    return open_model(settings).unkept is None


def words_of(model) -> torch.Tensor:
    return logits_of(model.decoder, rows_to_try(model.decoder.vocabulary_size, model.decoder.device))


@pytest.mark.parametrize("dtype", ["int8", "int4"])
def test_the_second_start_says_the_same_without_the_checkpoint(dtype, settings, monkeypatch):
    settings = Settings.read({"dtype": dtype}, settings)
    first = open_model(settings)
    assert kept.keep(first.unkept, settings.disk_mib, lambda: True)
    monkeypatch.setattr("kvlsp.opening.model._load", lambda *_: pytest.fail("it was loaded from its checkpoint"))
    second = open_model(settings)
    assert torch.equal(words_of(first), words_of(second))
    assert (first.description, first.identity, first.name) == (second.description, second.identity, second.name)
    assert second.unkept is None
    assert second.mapped > 0 == first.mapped


def test_what_is_rounded_by_nobody_is_not_kept(settings):
    for changes in ({"dtype": "bfloat16"}, {"dtype": "float32"}, {"diskMib": 0}):
        assert not keep(Settings.read(changes, settings))


def test_a_bound_of_nothing_reads_nothing(settings):
    assert keep(settings)
    assert is_kept(settings)
    assert open_model(Settings.read({"diskMib": 0}, settings)).mapped == 0


def test_other_bits_other_files(settings):
    assert keep(settings)
    assert not is_kept(Settings.read({"dtype": "int4"}, settings))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_checkpoint_that_was_written_again_is_rounded_again(name, settings, tmp_path):
    assert keep(settings)
    later = (tmp_path / "model" / name).stat().st_mtime + 1
    os.utime(tmp_path / "model" / name, (later, later))
    assert not is_kept(settings)


def test_a_checkpoint_that_is_written_again_while_it_is_loaded_is_not_kept(settings, tmp_path, monkeypatch):
    load = opening._load

    def overtaken(*given):
        loaded = load(*given)
        file = tmp_path / "model" / "model.safetensors"
        os.utime(file, (file.stat().st_mtime + 1,) * 2)
        return loaded

    with monkeypatch.context() as patch:
        patch.setattr(opening, "_load", overtaken)
        assert open_model(settings).unkept is None
    assert keep(settings), "the next start finds files that stay"


def test_another_processor_or_pytorch_rounds_again(settings, monkeypatch):
    assert keep(settings)
    with monkeypatch.context() as patch:
        patch.setattr(kept, "processor", lambda: "another")
        assert not is_kept(settings)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert not is_kept(settings)


def test_another_choice_of_products_rounds_again(settings, monkeypatch):
    assert keep(settings)
    chosen = kept.in_integers(128)
    for name in ("kvlsp.opening.kept", "kvlsp.opening.model"):
        monkeypatch.setattr(f"{name}.in_integers", lambda width: not chosen)
    assert not is_kept(settings)
    assert keep(settings)
    assert is_kept(settings), "of two choices the one made last has the file"


def test_a_damaged_file_is_made_again(settings, cache):
    assert keep(settings)
    (file,) = cache.iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    assert not is_kept(settings)
    assert not list(cache.iterdir())
    assert keep(settings)
    assert is_kept(settings)


def test_half_of_the_bound_is_for_weights_and_the_longest_unused_go(settings, cache, caplog):
    assert keep(settings)
    size = next(cache.iterdir()).stat().st_size
    few = Settings.read({"diskMib": 1}, settings)
    assert size < 1 << 19, "half of it"
    for age in range(1, 4):
        other = cache / f"{age}.weights"
        other.write_bytes(bytes(1 << 18))
        os.utime(other, (other.stat().st_mtime - age,) * 2)
    assert is_kept(few)
    assert sum(path.stat().st_size for path in cache.iterdir()) <= 1 << 19
    assert not (cache / "3.weights").exists()


def test_weights_that_would_take_more_are_not_kept_and_that_is_said(settings, cache, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="kvlsp")
    monkeypatch.setattr(logging.getLogger("kvlsp"), "propagate", True)  # other tests have daemons set up their log
    monkeypatch.setattr("kvlsp.bounded_folder.shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    assert not keep(settings)
    assert "are not kept on disk" in caplog.text
    assert not list(cache.iterdir())


def test_a_file_for_which_there_is_no_room_any_more_serves_this_start(settings, cache, monkeypatch):
    assert keep(settings)
    monkeypatch.setattr("kvlsp.bounded_folder.shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    model = open_model(settings)
    assert model.mapped
    assert not list(cache.iterdir())
    assert words_of(model).isfinite().all()


def test_what_is_no_more_used_goes_though_no_model_is_rounded_now(settings, cache):
    assert keep(settings)
    (path,) = cache.glob("*.weights")
    plain = dataclasses.replace(settings, dtype="float32")
    open_model(plain)
    assert path.is_file()
    os.utime(path, (0, 0))
    open_model(dataclasses.replace(plain, disk_mib=0))
    assert path.is_file()  # another editor's settings may keep it
    open_model(plain)
    assert not path.exists()


def test_a_full_disk_is_said(settings, cache, monkeypatch, caplog):
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kvlsp.model.kept_weights.write", full)
    assert not keep(settings)
    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING] == [
        f"Rounded weights could not be kept on disk ({os.strerror(errno.ENOSPC)}): the next start rounds them again."
    ]
    assert not list(cache.iterdir())


def test_a_model_that_has_gone_is_not_written(settings, cache):
    unkept = open_model(settings).unkept
    gc.collect()
    assert not kept.keep(unkept, settings.disk_mib, lambda: True)
    assert not cache.exists()


def test_memory_is_asked_for_all_the_same(settings, monkeypatch):
    assert keep(settings)
    monkeypatch.setattr("kvlsp.model.memory.free_memory", lambda device: 1 << 20)
    with pytest.raises(OutOfMemory, match="more than is free"):
        open_model(settings)


def test_where_memory_runs_out_over_a_file_it_stays(settings, cache, monkeypatch):
    assert keep(settings)

    def no_more(*given: object) -> None:
        raise RuntimeError("unable to mmap 1560000000 bytes from file: Cannot allocate memory (12)")

    with monkeypatch.context() as patch:
        patch.setattr("kvlsp.model.kept_weights.logits_of", no_more)
        with pytest.raises(OutOfMemory):
            open_model(settings)
    assert is_kept(settings)


def test_a_process_that_goes_on_keeps_them_when_the_model_rests(settings, cache, monkeypatch):
    monkeypatch.setattr("kvlsp.opening.keeping.QUIET", 0.0)
    monkeypatch.setattr("kvlsp.opening.keeping.LOOK", 0.0)
    model = open_and_keep(settings)
    assert model.unkept is None
    for thread in writing():
        thread.join(60)
    assert is_kept(settings)
    assert open_and_keep(settings).mapped
    assert not writing()


def writing() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "kvlsp-weights"]


class Model:
    """Counts forwards; ``busy`` are the times at which it begins one."""

    def __init__(self, clock: ManualClock, busy: list[float]) -> None:
        self.clock, self.busy, self.gone_at = clock, busy, float("inf")

    def forwards(self) -> int | None:
        if self.clock() >= self.gone_at:
            return None
        return sum(time <= self.clock() for time in self.busy)


def test_a_model_rests_when_it_has_begun_nothing_for_a_while():
    clock = ManualClock()
    model = Model(clock, [clock() + after for after in (0.5, 1.2, 1.9)])
    began = clock()
    rest = Rest(model.forwards, clock, clock.pass_)
    assert rest.wait()
    assert 1.9 + QUIET <= clock() - began <= 1.9 + QUIET + 2 * LOOK
    at_rest = clock()
    assert rest.wait(), "it still does"
    assert clock() == at_rest
    model.busy.append(clock())
    assert rest.wait()
    assert clock() - at_rest >= QUIET
    model.gone_at = clock()
    assert not rest.wait()


def test_an_engine_begins_without_the_library_that_rounding_needs():
    """Its import takes a second and a half, which a start from what was kept has no use for."""
    asked = "import sys, kvlsp.engine.engine, kvlsp.opening.keeping; sys.exit('transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
