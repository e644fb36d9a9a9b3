"""A run that is too long to be tokenized with its edit: followed at once, exact at rest."""

from __future__ import annotations

from kvlsp.laboratory.evaluation.oracle import token_mismatches
from kvlsp.opening.model import open_model
from tests.support.engine_bench import Bench

RUN = "a" * 30_000


def test_tokens_in_doubt_are_those_of_the_whole_text_at_rest():
    model = open_model(Bench("").settings)
    bench = Bench("name = 1\n", load=lambda *_: model)
    bench.edit(0, 0, RUN)
    bench.work()
    bench.edit(15_000, 15_000, "b")
    bench.engine.turn(0)
    assert bench.session.tokens.rough > 0
    assert str(bench.session.tokens.text) == str(bench.snapshot.text)
    bench.rest()
    assert not bench.session.tokens.rough
    assert token_mismatches(bench.session, bench.session.caret) == 0
    bench.session.cache.check_integrity()
