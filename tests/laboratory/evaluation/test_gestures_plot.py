"""The picture of the gestures is drawn from what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvlsp.laboratory.evaluation.gestures_plot import draw


def test_a_picture_is_drawn(tmp_path: Path):
    pytest.importorskip("matplotlib")
    runs = [{"gesture": name, "encoded": encoded, "prefix_reuse": {"prefix_first": 5362, "suffix_first": 1378}}
            for name, encoded in (("type a character", 0), ("insert a line 100 lines above", 14))]
    draw({"document_tokens": 7501, "gestures": runs}, tmp_path / "gestures.png")
    assert (tmp_path / "gestures.png").read_bytes().startswith(b"\x89PNG")
