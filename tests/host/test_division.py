"""Memory for rows belongs to who types; who rests keeps theirs as long as nobody needs it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.host.division import RESTING, Use, shares

RESTS = RESTING + 1.0


def test_who_types_has_all_and_who_rests_what_is_left():
    assert shares([Use(300, 0.0), Use(500, RESTS)], 1000) == [1000, 700]
    assert shares([Use(800, 0.0), Use(500, RESTS)], 1000) == [1000, 200]
    assert shares([Use(1000, 0.0), Use(500, RESTS)], 1000) == [1000, 0]


def test_with_the_next_key_a_share_is_back():
    assert shares([Use(1000, 0.0), Use(0, 0.0)], 1000) == [500, 500]


def test_of_those_who_rest_the_one_who_has_rested_longest_gives_way_first():
    assert shares([Use(400, 0.0), Use(400, 2 * RESTS), Use(400, RESTS)], 1000) == [1000, 200, 600]


def test_a_wish_for_more_counts_for_who_has_it():
    assert shares([Use(0, 0.0), Use(0, 0.0, wished=4000)], 1000) == [500, 2000]
    assert shares([Use(3000, RESTS, wished=4000)], 1000) == [4000]


def test_nobody_who_rests_keeps_more_for_the_wish_of_another():
    assert shares([Use(0, 0.0, wished=4000), Use(3000, RESTS)], 1000) == [4000, 1000]
    assert shares([Use(100, RESTS, wished=4000), Use(3000, 2 * RESTS)], 1000) == [4000, 900]
    assert shares([Use(2000, 0.0, wished=4000), Use(3000, RESTS)], 1000) == [4000, 0]


def test_nobody_is_a_case_too():
    assert shares([], 1000) == []


uses = st.lists(st.builds(Use, st.integers(0, 3000), st.sampled_from([0.0, RESTING, RESTS, 3 * RESTS])), max_size=8)


@given(uses, st.integers(1, 5000))
def test_together_they_stay_within_the_bound_and_nobody_gives_way_without_need(found, bound):
    given_ = shares(found, bound)
    holds = [min(use.held, share) for use, share in zip(found, given_, strict=True)]
    assert sum(holds) <= bound
    typing = [share for use, share in zip(found, given_, strict=True) if not use.rests]
    assert len(set(typing)) <= 1
    assert sum(typing) <= bound
    room = all(use.rests or use.held <= share for use, share in zip(found, given_, strict=True))
    if room and sum(use.held for use in found) <= bound:
        assert holds == [use.held for use in found]
