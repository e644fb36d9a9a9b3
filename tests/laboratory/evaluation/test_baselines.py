from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvlsp.laboratory.evaluation.baselines import NgramBaseline, NgramModel, copy_from_file, count_texts
from kvlsp.tokens.tokenizer import Tokenizer
from tests.laboratory.training.test_examples import vocabulary


@pytest.mark.parametrize(
    ("prefix", "suffix", "copied"),
    [
        ("alpha = 1\nbravo = 2\nalp", "", "ha = 1\n"),
        ("x = sel", "self.name\nself.size", "f.size"),  # the last of equally long ones
        ("total = 0\nfor x in xs:\n    tot", "al = 0\n", "al = 0\n"),
        ("abcab", "", "cab"),
        ("q", "xyz", ""),
        ("", "anything", ""),
        ("aaa", "", "a"),
    ],
)
def test_copying_continues_the_longest_tail(prefix: str, suffix: str, copied: str):
    assert copy_from_file(prefix, suffix) == copied


@given(st.text(alphabet="ab\n", max_size=30), st.text(alphabet="ab\n", max_size=20))
def test_copying_equals_the_slow_search(prefix: str, suffix: str):
    best, expected = 0, ""
    for length in range(len(prefix), 0, -1):
        tail = prefix[-length:]
        for text, whole in ((prefix[:-1], prefix), (suffix, suffix)):
            at = text.rfind(tail)
            if at >= 0 and length > best:
                best = length
                rest = whole[at + length :]
                expected = rest[: rest.find("\n") + 1] if "\n" in rest else rest
    assert copy_from_file(prefix, suffix) == expected


class SlowNgrams:
    """Dictionaries of counters; ties go to the smaller id."""

    def __init__(self, ids: list[int]) -> None:
        self.after: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for length in range(1, 5):
            for i in range(length, len(ids)):
                self.after[tuple(ids[i - length : i])][ids[i]] += 1

    def next(self, ids: list[int]) -> int | None:
        for length in range(4, 0, -1):
            found = self.after.get(tuple(ids[-length:])) if length <= len(ids) else None
            if found:
                return min(found, key=lambda token: (-found[token], token))
        return None


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 5), min_size=5, max_size=80), st.lists(st.integers(0, 6), min_size=1, max_size=6)
)
def test_ngrams_equal_counting_by_hand(ids: list[int], context: list[int]):
    assert NgramModel.count(np.array(ids, dtype=np.int32)).next(context) == SlowNgrams(ids).next(context)


def test_a_saved_table_is_read_back(tmp_path: Path):
    model = NgramModel.count(np.arange(50, dtype=np.int32) % 7)
    model.save(tmp_path / "table.npz")
    again = NgramModel.load(tmp_path / "table.npz")
    assert [again.next([i, i + 1]) for i in range(6)] == [model.next([i, i + 1]) for i in range(6)]


def test_the_ngram_baseline_ends_with_the_line():
    tokenizer = Tokenizer.from_json(vocabulary().tokenizer.to_str())
    model = count_texts(["import os\nimport sys\n", "import os\nimport re\n", "import os\n"], tokenizer)
    complete = NgramBaseline(model, tokenizer)
    assert complete("import re\nimport", "") == " os\n"
