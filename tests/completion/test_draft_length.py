"""Drafts grow where they are right and forwards of more rows are cheap, and stop where they are not."""

from kvlsp.completion.draft_length import Adaptation


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
