"""Ids in, ids out. Letters stand for ids, so that a failure can be read."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion.drafts import (
    AHEAD,
    CANDIDATES,
    GAMMA,
    HISTORY,
    LONGEST,
    Adaptation,
    CopyDrafter,
    Drafting,
)


@dataclass(frozen=True)
class Replacement:
    start: int
    end: int
    ids: np.ndarray


def ids(text: str) -> np.ndarray:
    return np.array([ord(character) for character in text], dtype=np.int32)


def text(proposed: tuple[int, ...]) -> str:
    return "".join(map(chr, proposed))


def drafted(drafter: CopyDrafter, context: str, suffix: str = "", limit: int = 8) -> str:
    return text(Drafting(drafter, (), ids(suffix), Adaptation(row_cost=0.0)).propose(ids(context), limit))


def test_copies_what_followed():
    drafter = CopyDrafter(ids("the quick brown fox."))
    assert drafted(drafter, "a quick ") == "brown fo"
    assert drafted(drafter, "nothing alike!") == ""


def test_where_no_three_ids_agree_the_newest_place_of_two_or_one_is_the_draft():
    drafter = CopyDrafter(ids("..ab1 cb2 b3!"))
    assert drafted(drafter, "ab", limit=1) == "1"
    assert drafted(drafter, "xb", limit=1) == "3"
    drafter.apply(Replacement(2, 2, ids("xb4 ")))
    assert drafted(drafter, "xb", limit=1) == "4"
    assert drafted(CopyDrafter(), "xb5 b", limit=1) == "5"
    assert drafted(CopyDrafter(), "xb5 yxb6 xb", limit=1) == "6"


def test_the_longest_match_wins_and_the_newest_of_equals():
    drafter = CopyDrafter(ids("aabcd1 xbcd2 ybcd3."))
    assert drafted(drafter, "zbcd")[0] == "3"
    assert drafted(drafter, "xbcd")[0] == "2"
    assert drafted(drafter, "aabcd")[0] == "1"


def test_replaced_text_is_the_draft_of_its_rewrite():
    before = "def f(x):\n    return x + 1\n\ndef g"
    drafter = CopyDrafter(ids(before))
    cut = before.index("    return")
    drafter.apply(Replacement(cut, cut + len("    return x + 1"), ids("")))
    assert drafted(drafter, "def f(x):\n", suffix="\n\ndef g") == "    retu"


def test_the_text_after_the_caret_is_no_draft():
    drafter = CopyDrafter(ids("ONE+TWO=three"))
    assert drafted(drafter, "ONE+TWO=", suffix="three") == ""
    assert drafted(drafter, "ONE+TWO=", suffix="else") == "three"


def test_new_text_is_a_source_at_once_and_leads_on():
    drafter = CopyDrafter(ids("alpha omega"))
    drafter.apply(Replacement(6, 6, ids("beta ")))
    assert drafted(drafter, ">beta ") == "omega"
    assert drafted(drafter, "alpha b")[:4] == "eta "


def test_own_output_is_a_source():
    assert drafted(CopyDrafter(), "ab, ab, ab, ", limit=3) == "ab,"


def test_completions_and_other_documents_are_sources():
    own, other = CopyDrafter(), CopyDrafter(ids("import numpy as np"))
    own.learn(ids("from os "), ids("import path"))
    drafts = Drafting(own, (other,), (), Adaptation(row_cost=0.0))
    assert text(drafts.propose(ids("os import p"), 3)) == "ath"
    assert text(drafts.propose(ids("import numpy"), 3)) == " as"


def test_history_survives_the_rebuilding_of_the_log_and_is_bounded():
    drafter = CopyDrafter(ids("start: old text that goes away. rest"))
    drafter.apply(Replacement(7, 31, ids("")))
    for _ in range(3000):
        drafter.apply(Replacement(12, 12, ids("x")))
        drafter.apply(Replacement(12, 13, ids("")))
    assert drafted(drafter, "zt: ", suffix=" rest") == "old text"
    assert drafter.size < 36 + 2 * 4096 + HISTORY


def test_a_document_of_one_repeated_line_is_looked_up_in_bounded_work():
    drafter = CopyDrafter(ids("abcabc" * 2000))
    assert len(drafter._places(int(drafter._keys[0]))) <= CANDIDATES
    assert drafted(drafter, "abcabc", limit=3) == "abc"


def test_draft_length_follows_acceptance():
    adaptation = Adaptation(row_cost=0.1)
    start = adaptation.length(5, 32)
    for _ in range(50):
        adaptation.observe(5, 8, 8)
    assert adaptation.length(5, 32) > start
    for _ in range(200):
        adaptation.observe(5, 8, 0)
    assert [adaptation.length(5, 32) for _ in range(15)] == [0] * 15
    assert 2 in [adaptation.length(5, 32) for _ in range(16)]


def taught(seconds: dict[int, float]) -> Adaptation:
    adaptation = Adaptation()
    for _ in range(16):
        for rows, took in seconds.items():
            adaptation.costs.timed(rows, took)
    return adaptation


def test_rows_that_cost_nothing_are_filled_and_dear_ones_are_not():
    stepped = taught({1: 1.0, 4: 1.0, 8: 2.0, 16: 4.0})
    assert stepped.length(1, 32) == 3
    assert taught({1: 1.0, 2: 2.0, 8: 8.0}).length(1, 32) == 0
    assert taught({1: 1.0, 8: 1.0, 16: 1.0}).length(20, 32) > stepped.length(20, 32)


def test_costs_are_averages_of_what_was_seen():
    costs = taught({1: 0.01, 9: 0.02}).costs
    assert (costs.of(1), costs.of(5), costs.of(9)) == pytest.approx((1.0, 1.5, 2.0), abs=0.01)
    for _ in range(3):
        costs.timed(9, 5.0)
        costs.timed(9, 0.02)
    assert costs.of(9) < 2.5
    for _ in range(400):
        costs.timed(9, 0.05)
    assert costs.of(9) == pytest.approx(5.0, abs=0.1)


def test_the_first_forward_of_a_size_is_not_counted():
    costs = Adaptation().costs
    costs.timed(8, 100.0)
    for _ in range(16):
        costs.timed(1, 1.0)
        costs.timed(8, 1.5)
    assert costs.of(8) == pytest.approx(1.5)


letters = st.text(alphabet="abc", max_size=24)


@given(letters, letters)
def test_as_long_a_match_as_the_slow_search_finds(document, context):
    match = CopyDrafter(ids(document)).longest_match(ids(context))
    match = match if match and match.length >= GAMMA else None
    lengths = [length for length in range(GAMMA, min(LONGEST, len(context)) + 1)
               if context[len(context) - length:] in document[:-1]]
    assert (match.length if match else None) == (max(lengths) if lengths else None)
    if match:
        assert document[:match.at].endswith(context[len(context) - match.length:])


@given(letters, letters)
def test_every_match_is_one(document, context):
    match = CopyDrafter(ids(document)).longest_match(ids(context))
    if match is not None:
        assert 0 < match.at < len(document)
        assert document[:match.at].endswith(context[len(context) - match.length:])


@given(letters, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), letters), max_size=6))
def test_every_run_of_the_document_is_found_after_any_edits(document, edits):
    drafter = CopyDrafter(ids(document))
    for first, second, new in edits:
        start, end = sorted((min(first, len(document)), min(second, len(document))))
        drafter.apply(Replacement(start, end, ids(new)))
        document = document[:start] + new + document[end:]
    for at in range(GAMMA, len(document)):
        match = drafter.longest_match(ids(document[max(0, at - 8):at]))
        assert match is not None, f"{document!r} at {at}"


@pytest.mark.parametrize("start", [0, 500, 999])
def test_an_edit_logs_its_neighbourhood_only(start):
    drafter = CopyDrafter(np.arange(1000, dtype=np.int32))
    before = drafter.size
    drafter.apply(Replacement(start, start + 1, ids("xy")))
    assert drafter.size - before <= GAMMA + 2 + AHEAD


@given(st.lists(st.integers(0, 4), max_size=60), st.lists(st.integers(0, 4), min_size=1, max_size=60), st.data())
def test_a_growing_context_is_read_as_a_whole_one(document, ids, data):
    drafting, context = Drafting(CopyDrafter(document), (), [1, 2, 3, 4]), ids[:1]
    for following in ids[1:]:
        context.append(following)
        if data.draw(st.booleans()):
            fresh = Drafting(CopyDrafter(document), (), [1, 2, 3, 4])
            assert drafting.propose(context, 8) == fresh.propose(np.array(context, np.int32), 8)
    other = ids[::-1]
    fresh = Drafting(CopyDrafter(document), (), [1, 2, 3, 4])
    assert drafting.propose(other, 8) == fresh.propose(other, 8)
