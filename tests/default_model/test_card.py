from __future__ import annotations

import json
from pathlib import Path

import pytest

from kvlsp.default_model.card import CURVE, MEASUREMENTS, card, write_card
from kvlsp.default_model.checkpoint import Progress
from kvlsp.default_model.corpus import Corpus, save_corpus
from kvlsp.default_model.presets import preset
from tests.default_model.test_examples import FILES

CORPUS = Corpus(FILES[:10], FILES[10:], {"one": "MIT", "three": "BSD-3-Clause"}, {"duplicate": 7})
POINT = {"step": 10, "tokens": 82_000, "seconds": 60.0, "fraction": 0.5, "loss": 3.5, "held_out_bits_per_byte": 1.25}
PROGRESS = Progress(step=20, tokens=1_500_000, fraction=1.0, worked_seconds=5400, curve=[POINT])
SCORE = {"problems": 1033, "exact_match": 7.5, "pass_rate": 10.25}
MEASURED = {
    "single_line": SCORE,
    "limit_200": {"single_line": {**SCORE, "problems": 200}},
    "baselines": {"copy": {"single_line": {**SCORE, "exact_match": 1.26}}},
    "perplexity": {
        "bits_per_byte": {"512": 1.1, "2048": 1.05, "8192": 1.04},
        "middle_loss": {"suffix_first": {"with_suffix": 2.5, "without_suffix": 2.75}},
    },
}


def test_the_card_says_what_was_made_and_measured():
    text = card(preset("cpu"), PROGRESS, CORPUS, 3, True, MEASURED, drawn=True, notes="A note.")
    for sentence in (
        "6.52 M parameters",
        "--seed 3`: 1.5 M tokens in 20 steps and 1.50 hours",
        "Started from an earlier, weaker model",
        "A note.",
        "| this model, single line | 1033 | 7.50 % | 10.25 % |",
        "| this model, `--limit 200`, single line | 200 | 7.50 % | 10.25 % |",
        "| copy, single line | 1033 | 1.26 % | 10.25 % |",
        "| 8,192 | 1.040 |",
        "| suffix-first | 2.500 | 2.750 |",
        f"![learning curve]({CURVE})",
        "Never trained on, nor their copies: trio, werkzeug, jinja2, click",
        "duplicate (7)",
        CORPUS.digest()[:16],
    ):
        assert sentence in text, text


def test_packages_are_listed_with_their_licences():
    large = Corpus((*FILES, *FILES[:6] * 20), (), CORPUS.licences)
    assert "MIT" in card(preset("cpu"), PROGRESS, large, 0, False, {}, drawn=False)


def test_a_card_without_measurements_says_so():
    text = card(preset("cpu"), PROGRESS, CORPUS, 0, False, {}, drawn=False)
    assert "Nothing yet" in text
    assert "Trained from scratch" in text
    assert CURVE not in text


def test_the_card_is_written_beside_the_weights(tmp_path: Path):
    save_corpus(CORPUS, tmp_path / "corpus.jsonl")
    (tmp_path / "model").mkdir()
    (tmp_path / MEASUREMENTS).write_text(json.dumps(MEASURED))
    write_card(preset("cpu"), PROGRESS, tmp_path, 0, False)
    assert "7.50 %" in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")


def test_the_curve_is_drawn(tmp_path: Path):
    pytest.importorskip("matplotlib", reason="the extra `train` is not installed")
    from kvlsp.default_model.curves import draw_curve

    draw_curve([POINT, {**POINT, "tokens": 90_000}], tmp_path / CURVE, "a curve")
    assert (tmp_path / CURVE).read_bytes().startswith(b"\x89PNG")
