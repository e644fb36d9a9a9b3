"""Rows are kept and taken up where reading is much quicker than encoding, by what was measured."""

from __future__ import annotations

from kvlsp.shelf.worth import BYTES_PER_SECOND, LEAST_GAIN, LEAST_SECONDS, Worth


def worth(per_row: float | None) -> Worth:
    found = Worth()
    found.per_row = per_row
    return found


def test_nothing_is_kept_before_anything_was_measured():
    assert not worth(None).keeps(10_000, 1)


def test_a_small_file_is_not_worth_it():
    assert not worth(0.001).keeps(int(LEAST_SECONDS * 900), 1)
    assert worth(0.001).keeps(int(LEAST_SECONDS * 1100), 1)


def test_a_disk_that_is_slower_than_the_model_is_left_alone():
    slow = worth(0.001)
    second = int(BYTES_PER_SECOND / LEAST_GAIN)
    assert slow.keeps(1000, second - 1)
    assert not slow.keeps(1000, second + 1)
    for _ in range(10):
        slow.read(1000, 1.0)
    assert not slow.keeps(1000, second - 1)


def test_a_file_of_which_little_is_known_again_is_not_brought():
    assert worth(None).takes_up(100, int(BYTES_PER_SECOND), per_row=0.1)
    assert not worth(None).takes_up(5, int(BYTES_PER_SECOND), per_row=0.1)
    assert not worth(0.001).takes_up(100, int(BYTES_PER_SECOND), per_row=0.1), "this machine is quicker"
