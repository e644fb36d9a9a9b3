"""The bench runs and reports every rule; its clock is passed in: nothing depends on the machine."""

import itertools

from kvlsp.default_model import folder
from kvlsp.laboratory.evaluation.overhead import RULES, library_text, measure
from kvlsp.syntax.language import Language
from kvlsp.tokens.tokenizer import Tokenizer


def test_every_rule_is_measured_per_size():
    tokenizer = Tokenizer.load(folder())
    ticks = itertools.count()
    figures = measure(tokenizer, library_text(20_000), Language.of("python"), sizes=(500, 2000, 10**9),
                      carets=2, tokens=20, clock=lambda: float(next(ticks)) * 1e-6)
    assert [row["document_tokens"] for row in figures["sizes"]] == [500, 2000]
    assert figures["growth"] == 1.0
    for row in figures["sizes"]:
        assert {rule: row[rule]["median_us"] for rule in RULES} == dict.fromkeys(RULES, 1.0)
        assert row["total"]["median_us"] == 3.0
