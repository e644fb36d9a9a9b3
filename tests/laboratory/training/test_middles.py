from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.laboratory.training import middles
from kvlsp.laboratory.training.middles import draw_middle, draw_recent_edit

CODE = "def f(x):\n    if x:\n        return 1\n\n    return 2\n\n\ndef g():\n    pass\n"


@given(st.text(min_size=1).filter(str.strip), st.integers())
def test_middles_lie_in_the_text(text: str, seed: int):
    start, end = draw_middle(text, Random(seed))
    assert 0 <= start <= end <= len(text)


def test_most_middles_end_with_a_line():
    random = Random(0)
    ends = Counter()
    for _ in range(2000):
        _, end = draw_middle(CODE, random)
        ends["line end"] += CODE[end : end + 1] in ("\n", "") or CODE[end - 1] == "\n"
    assert ends["line end"] > 1600


def test_a_block_takes_what_is_indented_below(monkeypatch):
    monkeypatch.setattr(middles, "KINDS", {"block": 1})
    drawn = {CODE[slice(*draw_middle(CODE, Random(seed)))] for seed in range(200)}
    assert "    if x:\n        return 1\n" in drawn
    assert "if x:\n        return 1" in drawn
    assert "def g():\n    pass\n" in drawn


def test_some_carets_stand_inside_words(monkeypatch):
    monkeypatch.setattr(middles, "KINDS", {"rest_of_line": 1})
    starts = [draw_middle(CODE, Random(seed))[0] for seed in range(300)]
    assert any(CODE[start - 1].isalpha() and CODE[start].isalpha() for start in starts)


@given(st.text(min_size=1), st.integers())
def test_a_recent_edit_never_fails(text: str, seed: int):
    draw_recent_edit(text, Random(seed))


def test_a_recent_edit_changes_one_place_or_one_line():
    text = "alpha = 1\nbravo = alpha\ncharlie = bravo\n"
    edited = {draw_recent_edit(text, Random(seed)) for seed in range(60)}
    assert "alpha = 1\nbravo = alpha\ncharlie = alpha\n" in edited  # a name replaced at one place
    assert "alpha = 1\ncharlie = bravo\n" in edited  # a line gone
    assert "alpha = 1\nalpha = 1\nbravo = alpha\ncharlie = bravo\n" in edited  # a line doubled
