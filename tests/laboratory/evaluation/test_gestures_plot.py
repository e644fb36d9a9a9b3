"""Pictures of gestures are drawn from what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvlsp.laboratory.evaluation.gestures_plot import draw, draw_growth

RUNS = [{"gesture": name, "encoded": encoded, "moved": 131,
         "prefix_reuse": {"prefix_first": 5362, "suffix_first": 1378}}
        for name, encoded in (("type a character", 0), ("insert a line 100 lines above", 14))]


@pytest.fixture(autouse=True)
def matplotlib() -> None:
    pytest.importorskip("matplotlib")


def test_a_picture_is_drawn(tmp_path: Path):
    draw({"document_tokens": 7501, "gestures": RUNS}, tmp_path / "gestures.png")
    assert (tmp_path / "gestures.png").read_bytes().startswith(b"\x89PNG")


def test_of_one_gesture_it_is_told_what_becomes_of_all_tokens_and_the_same_figures_are_the_same_picture(tmp_path: Path):
    for name in ("one.svg", "again.svg"):
        draw({"document_tokens": 7501, "gestures": RUNS[1:]}, tmp_path / name)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert "Insert a line 100 lines above" in text
    assert "kvlsp: 14 of 7,501 tokens encoded, 131 moved" in text
    assert "prefix first: 5,362 of 7,501 tokens encoded<" in text
    assert text == (tmp_path / "again.svg").read_text(encoding="utf-8")


def test_growth_is_a_line_each(tmp_path: Path):
    rows = [{"document_tokens": size, "repair_ms": 20.0, "prefill_ms": float(size), "encoded": 14, "ratio": size / 20}
            for size in (2000, 7500)]
    draw_growth(rows, tmp_path / "growth.svg")
    text = (tmp_path / "growth.svg").read_text(encoding="utf-8")
    assert "7,500 ms" in text
    assert "full prefill" in text
