from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kvlsp.errors import ConfigurationError
from kvlsp.laboratory.commands.evaluate import app
from kvlsp.laboratory.training.corpus import Corpus, save_corpus
from kvlsp.laboratory.training.export import export
from tests.laboratory.evaluation.test_infill import shared_data
from tests.laboratory.training.test_examples import FILES, vocabulary
from tests.laboratory.training.test_network import small


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    export(small(), vocabulary(), tmp_path / "model")
    save_corpus(Corpus(FILES[:8], FILES[8:]), tmp_path / "corpus.jsonl")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "cache")
    return tmp_path / "model"


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_infill_prints_the_shape_that_others_read(model: Path):
    arguments = [
        "infill",
        "--model",
        model,
        "--limit",
        2,
        "--plain",
        "--corpus",
        model.parent / "corpus.jsonl",
    ]
    found = json.loads(invoke(*arguments, "--data", shared_data(), "--json"))
    for table in (found, found["baselines"]["copy"], found["baselines"]["ngram"]):
        for kind in ("single_line", "random_span"):
            assert set(table[kind]) == {"problems", "exact_match", "pass_rate"}
            assert table[kind]["problems"] == 2
    assert list((model.parent / "cache").glob("ngram-*.npz"))


def test_infill_prints_a_table(model: Path):
    out = invoke(
        "infill", "--model", model, "--limit", 1, "--plain", "--no-baselines", "--data", shared_data()
    )
    assert "single_line" in out
    assert "pass rate" in out


def test_samples_are_shown(model: Path):
    out = invoke(
        "infill", "--model", model, "--plain", "--samples", 2, "--from", model.parent / "corpus.jsonl"
    )
    assert out.count("written:") == 2


def test_perplexity_reports_contexts_and_middles(model: Path):
    source = model.parent / "corpus.jsonl"
    found = json.loads(
        invoke("perplexity", "--model", model, "--from", source, "--places", 2, "--windows", 1, "--json")
    )
    assert set(found["perplexity"]["middle_loss"]) == {"suffix_first", "prefix_first"}
    assert set(found["perplexity"]["bits_per_byte"]) == {"512", "2048"}  # there is no more text


def test_held_out_packages_that_are_not_there_are_named(model: Path, tmp_path: Path):
    with pytest.raises(ConfigurationError, match="trio, werkzeug, jinja2, click"):
        invoke("perplexity", "--model", model, "--from", tmp_path / "model")
