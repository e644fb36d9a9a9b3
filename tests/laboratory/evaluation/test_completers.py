"""What the engine is asked where a benchmark has a hole."""

from __future__ import annotations

from typing import Any

import pytest

from kvlsp.config import Settings
from kvlsp.engine.oneshot import Completion
from kvlsp.laboratory.evaluation import completers
from kvlsp.laboratory.evaluation.completers import engine_completer

ABOVE, BELOW = "def add(a, b):\n", "    return total\n"


@pytest.mark.parametrize(("prefix", "suffix", "single_line", "asked"), [
    (ABOVE, BELOW, True, f"{ABOVE}|\n{BELOW}"),
    ("", BELOW, True, f"|\n{BELOW}"),
    (f"{ABOVE}    total = ", f"\n{BELOW}", True, f"{ABOVE}    total = |\n{BELOW}"),
    (ABOVE, BELOW, False, f"{ABOVE}|{BELOW}"),
])  # fmt: skip
def test_a_hole_of_a_whole_line_is_an_empty_line(monkeypatch: pytest.MonkeyPatch, prefix: str, suffix: str,
                                                 single_line: bool, asked: str):
    texts = []

    def complete(model: Any, text: str, caret: int, language: str, settings: Settings) -> Completion:
        texts.append((f"{text[:caret]}|{text[caret:]}", language, settings.multi_line))
        return Completion("    total = a + b", None, "    total = a + b", {})

    monkeypatch.setattr(completers, "complete_text", complete)
    model: Any = None
    assert engine_completer(model, Settings(), single_line)(prefix, suffix) == "    total = a + b"
    assert texts == [(asked, "python", "never" if single_line else "always")]
