"""What the page says in words."""

from __future__ import annotations

import re
from pathlib import Path

from kvlsp.reasons import Reason

WORDS = Path(__file__).parents[2] / "editors" / "playground" / "src" / "words.ts"


def test_the_page_has_a_sentence_for_every_reason_of_an_empty_answer():
    table = WORDS.read_text(encoding="utf-8").partition("REASONS")[2].partition("};")[0]
    assert {name for name, _ in re.findall(r"^  (\w+): '([^']+)',$", table, re.MULTILINE)} == {*map(str, Reason)}
