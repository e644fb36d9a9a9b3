"""What is run where there is a GPU goes the whole way where there is none, with tiny shapes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_dry_run_leaves_every_figure(tmp_path: Path):
    steps = "quick,tiles,short,engine short,beside"
    command = [sys.executable, "-m", "tests.gpu.run", "--out", str(tmp_path), "--dry-run", "--steps", steps]
    subprocess.run(command, check=True, timeout=240, cwd=Path(__file__).parents[2])
    figures = json.loads((tmp_path / "gpu.json").read_text())
    wrong = {name: found for name, found in figures.items() if isinstance(found, dict) and "error" in found}
    assert not wrong
    assert figures["right: torch"]["right"]
    _, suggested = figures["engine"]
    assert suggested["said"].strip().startswith("return self.options")
    assert figures["transformers"][0]["prefill_ms"] > 0


def test_a_step_that_fails_is_told_and_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from tests.gpu.run import Run

    def fail() -> None:
        raise RuntimeError("no kernel")

    run = Run(tmp_path, True, 60, 0)
    run.step("first", fail)
    run.step("second", lambda: {"right": True})
    assert json.loads((tmp_path / "gpu.json").read_text())["first"] == {"error": "RuntimeError: no kernel"}
    assert "second" in capsys.readouterr().out
