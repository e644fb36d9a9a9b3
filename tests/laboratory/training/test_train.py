from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from kvlsp.cli.program import app
from kvlsp.default_model.learned import languages_of
from kvlsp.errors import ConfigurationError, ModelBroken
from kvlsp.laboratory.training import checkpoint
from kvlsp.laboratory.training.corpus import Corpus, SourceFile, save_corpus
from kvlsp.laboratory.training.examples import Cursor
from kvlsp.laboratory.training.export import load_weights
from kvlsp.laboratory.training.network import Network, autocast
from kvlsp.laboratory.training.optimizer import optimizers
from kvlsp.laboratory.training.presets import PRESETS, Phase, Preset, Shape
from kvlsp.laboratory.training.train import Report, phase_at, train
from tests.laboratory.training.test_examples import FILES
from tests.laboratory.training.test_gather import script as script_of

TINY = Preset(
    "tiny",
    Shape(400, 32, 2, 4, 2, 8, 64, positions=512),
    (Phase("main", 64, 4, 0.5), Phase("long", 256, 1, 0.5)),
    budget_minutes=10,
    matrix_rate=0.02,
    vector_rate=0.003,
    warmup_steps=2,
)


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("kvlsp.laboratory.training.held_out.HELD_OUT_ROWS", 2)
    save_corpus(Corpus(FILES[:10], FILES[10:], {"one": "MIT"}), tmp_path / "corpus.jsonl")
    return tmp_path


def weights(out: Path) -> dict[str, torch.Tensor]:
    return load_weights(out / "model")[0]


def test_training_lowers_the_loss_and_leaves_a_model(out: Path):
    reports: list[Report] = []
    progress = train(TINY, out, max_steps=20, compiled=False, measure_seconds=0, report=reports.append)
    assert progress.step == 20
    assert progress.tokens == 20 * 256
    assert reports[-1].loss < reports[0].loss - 0.4
    assert progress.curve[-1]["held_out_bits_per_byte"] < progress.curve[0]["held_out_bits_per_byte"]
    assert {path.name for path in (out / "model").iterdir()} >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }


def test_a_saved_corpus_is_trained_on_where_it_lies(out: Path, tmp_path_factory: pytest.TempPathFactory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    train(TINY, elsewhere, [out / "corpus.jsonl"], max_steps=1, compiled=False)
    assert not (elsewhere / "corpus.jsonl").exists()
    packed = out / "small.jsonl.xz"
    save_corpus(Corpus(FILES[:10], FILES[10:]), packed)
    again = tmp_path_factory.mktemp("again")
    train(TINY, again, [packed], max_steps=1, compiled=False)
    for name, value in weights(elsewhere).items():
        torch.testing.assert_close(weights(again)[name], value, rtol=0, atol=0)
    with pytest.raises(ConfigurationError, match="not both"):
        train(TINY, again, [packed, out], max_steps=1, compiled=False)


def test_a_vocabulary_is_carried_on(out: Path, tmp_path_factory: pytest.TempPathFactory):
    train(TINY, out, max_steps=1, compiled=False)
    other = tmp_path_factory.mktemp("other")
    given = out / "tokenizer.json"
    train(TINY, other, [out / "corpus.jsonl"], vocabulary_file=given, max_steps=1, compiled=False)
    assert (other / "model" / "tokenizer.json").read_bytes() == (out / "model" / "tokenizer.json").read_bytes()
    with pytest.raises(ModelBroken, match="no vocabulary"):
        train(TINY, other, [out / "corpus.jsonl"], vocabulary_file=out / "nowhere.json", max_steps=1, compiled=False)
    smaller = replace(TINY, shape=replace(TINY.shape, vocabulary=300))
    with pytest.raises(ModelBroken, match="400 tokens, the preset 300"):
        train(smaller, other, [out / "corpus.jsonl"], vocabulary_file=given, max_steps=1, compiled=False)


def test_the_model_says_which_languages_it_has_seen(out: Path):
    script = SourceFile("one", "one/a.ts", script_of(3), 1.0)
    save_corpus(Corpus((*FILES[:10], script), FILES[10:]), out / "corpus.jsonl")
    train(TINY, out, max_steps=1, compiled=False)
    assert languages_of(out / "model") == {"python", "typescript"}


def test_a_dry_run_goes_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_corpus(Corpus(FILES[:10], FILES[10:], {"one": "MIT"}), tmp_path / "c.jsonl")
    monkeypatch.setitem(PRESETS, "gpu", replace(PRESETS["gpu"], lanes=1))  # processes of their own: test_feeder
    options = ["--out", str(tmp_path / "out"), "--corpus", str(tmp_path / "c.jsonl"), "--bring", str(tmp_path / "home")]
    result = CliRunner().invoke(app, ["train", "--preset", "gpu", "--dry-run", "--json", *options])
    assert result.exit_code == 0, result.output
    assert "gpu: 23.6 M parameters, 45.0 MiB" in result.output
    assert '"step": 6, "phase": "long"' in result.output
    brought = {path.name for path in (tmp_path / "out" / "brought").iterdir()}
    assert brought >= {"config.json", "model.safetensors", "tokenizer.json", "README.md"}


def test_training_needs_no_parser():
    """The machine with a GPU has none."""
    training = "kvlsp.laboratory.training"
    names = f"{training}.train, {training}.card, {training}.travel, kvlsp.laboratory.commands.train"
    command = f"import sys, {names}; assert 'tree_sitter' not in sys.modules"
    subprocess.run([sys.executable, "-c", command], check=True)


def test_a_resumed_training_equals_one_that_was_never_stopped(out: Path, tmp_path_factory: pytest.TempPathFactory):
    steady = replace(TINY, budget_minutes=1e6)  # the rate depends on the time spent: keep it constant
    other = tmp_path_factory.mktemp("whole")
    save_corpus(Corpus(FILES[:10], FILES[10:]), other / "corpus.jsonl")
    train(steady, other, max_steps=9, compiled=False)
    train(steady, out, max_steps=4, compiled=False)
    resumed = train(steady, out, max_steps=9, compiled=False, resume=True)
    assert resumed.step == 9
    for name, value in weights(other).items():
        torch.testing.assert_close(weights(out)[name], value, rtol=0, atol=0)


def test_a_lower_rate_moves_a_trained_model_less(out: Path, tmp_path_factory: pytest.TempPathFactory):
    train(TINY, out, max_steps=2, compiled=False)
    begun = weights(out)
    moved = []
    for rate in (1.0, 0.1):
        other = tmp_path_factory.mktemp("on")
        save_corpus(Corpus(FILES[:10], FILES[10:]), other / "corpus.jsonl")
        train(TINY, other, max_steps=3, compiled=False, init=out / "model", rate=rate)
        moved.append(sum(float((value.float() - begun[name].float()).norm()) for name, value in weights(other).items()))
    assert moved[1] < moved[0] / 3


def test_products_are_made_in_the_precision_the_device_is_quick_in(monkeypatch: pytest.MonkeyPatch):
    for dtype in (torch.float32, torch.bfloat16):
        monkeypatch.setattr("kvlsp.laboratory.training.network.precision_for", lambda device, dtype=dtype: dtype)
        with autocast(torch.device("cpu")):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype


class TenSteps:
    """A budget of ten steps in place of BudgetClock."""

    worked = 0.0

    def __init__(self, minutes: float, until: float | None, fraction: float, work: object) -> None:
        self.fraction = fraction

    def tick(self) -> float:
        self.fraction = round(self.fraction + 0.1, 6)
        return self.fraction


def test_a_spent_budget_ends_the_training_and_the_phases_come_in_order(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kvlsp.laboratory.training.train.BudgetClock", TenSteps)
    reports: list[Report] = []
    progress = train(TINY, out, compiled=False, measure_seconds=0, report=reports.append)
    assert progress.step == 10
    assert progress.fraction == 1.0
    assert [report.phase for report in reports] == ["main"] * 5 + ["long"] * 5
    assert [Cursor()] not in progress.cursors


def test_a_checkpoint_of_another_shape_is_refused(out: Path):
    train(TINY, out, max_steps=1, compiled=False)
    wider = replace(TINY, shape=replace(TINY.shape, width=48))
    with pytest.raises(ModelBroken, match="empty folder"):
        train(wider, out, max_steps=2, compiled=False, resume=True)


def test_a_pause_leaves_a_checkpoint_and_the_schedule_as_it_was(out: Path):
    paused = train(TINY, out, compiled=False, pause_minutes=0.0)
    assert paused.step == 0
    assert train(TINY, out, compiled=False, resume=True, max_steps=2).step == 2


def test_a_checkpoint_comes_in_small_pieces_and_damage_is_noticed(tmp_path: Path):
    network = Network(TINY.shape)
    both = optimizers(network, 0.02, 0.003, 0.0)
    for step in (1, 2):
        checkpoint.save(tmp_path, network, both, checkpoint.Progress(step=step), piece=10_000)
    pieces = sorted(tmp_path.glob("step*"))
    assert len(pieces) > 5
    assert max(piece.stat().st_size for piece in pieces) <= 10_000
    assert all(piece.name.startswith("step00000002") for piece in pieces)
    assert checkpoint.restore(tmp_path, network, both).step == 2
    pieces[1].write_bytes(b"damaged")
    with pytest.raises(ModelBroken, match="not those of its manifest"):
        checkpoint.restore(tmp_path, network, both)


def test_phases_follow_the_budget():
    phases = (Phase("a", 1, 1, 0.7), Phase("b", 1, 1, 0.3))
    assert [phase_at(phases, fraction) for fraction in (0.0, 0.69, 0.71, 1.0)] == [0, 0, 1, 1]
    mixed = (Phase("a", 1, 1, 0.7, long_every=3), Phase("b", 1, 1, 0.3))
    assert [phase_at(mixed, 0.1, step) for step in range(7)] == [0, 0, 1, 0, 0, 1, 0]


def test_the_gpu_preset_takes_steps_on_a_cpu(out: Path):
    """A few steps of its recipe in a thin copy; its own width is tried in test_train_slow."""
    preset = PRESETS["gpu"]
    thin = replace(
        preset,
        shape=replace(preset.shape, vocabulary=400, width=64, layers=2, heads=2, key_value_heads=1, head_dim=32),
        phases=tuple(replace(phase, length=128, rows=2) for phase in preset.phases),
    )
    assert train(thin, out, max_steps=3, compiled=False).step == 3


@pytest.mark.slow
def test_the_gpu_preset_takes_steps_at_its_own_size(out: Path):
    preset = PRESETS["gpu"]
    sized = replace(
        preset,
        shape=replace(preset.shape, vocabulary=400),
        phases=tuple(replace(phase, rows=1) for phase in preset.phases),
    )
    assert train(sized, out, max_steps=2, compiled=False).step == 2


def test_a_killed_training_resumes_from_a_whole_checkpoint(out: Path):
    script = (
        "from tests.laboratory.training.test_train import TINY, train\n"
        "from pathlib import Path\n"
        f"train(TINY, Path({str(out)!r}), compiled=False, measure_seconds=0,\n"
        "      report=lambda report: print(report.step, flush=True))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()  # each report comes after its checkpoint
        process.send_signal(signal.SIGKILL)
    network = Network(TINY.shape)
    step = checkpoint.restore(out / "checkpoint", network, optimizers(network, 1.0, 1.0, 0.0)).step
    assert step > 0
    assert train(TINY, out, max_steps=step + 2, compiled=False, resume=True).step == step + 2


def test_the_export_may_be_a_mean_of_both_ends(out: Path, tmp_path_factory: pytest.TempPathFactory):
    train(TINY, out, max_steps=2, compiled=False)
    begun, ends = weights(out), []
    for kept in (0.0, 0.25):
        other = tmp_path_factory.mktemp("kept")
        save_corpus(Corpus(FILES[:10], FILES[10:]), other / "corpus.jsonl")
        train(TINY, other, max_steps=3, compiled=False, init=out / "model", kept=kept)
        ends.append(weights(other))
    for name, trained in ends[0].items():
        assert not torch.equal(trained, begun[name])
        mean = 0.75 * trained.float() + 0.25 * begun[name].float()
        torch.testing.assert_close(ends[1][name].float(), mean, rtol=0.02, atol=2e-3)
