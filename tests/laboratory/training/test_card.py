from __future__ import annotations

import json
from pathlib import Path

import pytest

from kvlsp.laboratory.training.card import CURVE, HOW, MEASUREMENTS, NOTES, card, section, write_card
from kvlsp.laboratory.training.checkpoint import Progress
from kvlsp.laboratory.training.corpus import Corpus, save_corpus
from kvlsp.laboratory.training.presets import preset
from tests.laboratory.training.test_examples import FILES

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
    text = card(preset("cpu"), PROGRESS, CORPUS, 3, True, MEASURED, drawn=True, notes="A note.", rate=0.25, kept=0.35)
    for sentence in (
        "6.52 M parameters",
        "1.5 M tokens in 20 steps and 1.50 hours",
        "Started from an earlier model",
        "--seed 3 --init EARLIER --rate 0.25 --kept 0.35`",
        "35% of that model's weights",
        "30% of the documents have edits",
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
    (tmp_path / NOTES).write_text("Said by its maker.\n")
    write_card(preset("cpu"), PROGRESS, tmp_path, 0)
    text = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "7.50 %" in text
    assert "Said by its maker." in text


def test_how_the_earlier_models_were_made_is_kept_from_card_to_card(tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    for out, init, seed in ((first, None, 1), (second, first / "model", 2), (tmp_path, second / "model", 3)):
        (out / "model").mkdir(parents=True)
        save_corpus(CORPUS, out / "corpus.jsonl")
        write_card(preset("cpu"), PROGRESS, out, seed, init)
    text = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    how = section(text, HOW)
    assert [how.count(f"--seed {seed}") for seed in (1, 2, 3)] == [1, 1, 1]
    assert section(text, "## Corpus").count("Never trained on") == 3
    assert section(text, "## Nothing of the kind") == ""


def test_the_curve_is_drawn(tmp_path: Path):
    pytest.importorskip("matplotlib", reason="the extra `train` is not installed")
    from kvlsp.laboratory.training.curves import draw_curve

    draw_curve([POINT, {**POINT, "tokens": 90_000}], tmp_path / CURVE, "a curve")
    assert (tmp_path / CURVE).read_bytes().startswith(b"\x89PNG")
