"""Suggestions from the first window beside those from the whole: the same carets, judged alike."""

from __future__ import annotations

from kvlsp.config import Settings
from kvlsp.laboratory.evaluation.confidence import Judged
from kvlsp.laboratory.evaluation.first_window import LEAST, Pair, as_json, measure, summary
from kvlsp.laboratory.training.corpus import SourceFile
from tests.support.writing import writing_model


def judged(offered: str, written: str) -> Judged:
    return Judged("a:1", offered, written, 0.5)


def test_pairs_are_counted():
    pairs = [Pair(judged("x", "x"), judged("x", "x")), Pair(judged("y", "x"), judged("x", "x")),
             Pair(judged("x", "x"), judged("", "x")), Pair(judged("y", "x"), judged("y", "x"))]
    assert summary(pairs) == {"places": 4, "offered_first": 4, "offered_whole": 3, "same": 2, "exact_first": 2,
                              "exact_whole": 2, "exact_only_first": 1, "exact_only_whole": 1}


def test_carets_come_from_long_files_and_are_the_same_both_ways():
    long = SourceFile("one", "one/long.py", "value = compute(value, limit)\n" * (LEAST // 30 + 1), 1.0)
    short = SourceFile("one", "one/short.py", "name = other(name)\n", 1.0)
    pairs = measure(writing_model(1, b"abcdef", line=25), [short, long], 2, Settings(max_tokens=5))
    assert len(as_json(pairs)["places"]) == 2
    for pair in pairs:
        assert pair.first.place == pair.whole.place
        assert pair.first.place.startswith("one/long.py")
        assert pair.first.written == pair.whole.written
