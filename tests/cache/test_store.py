"""The bound on all caches: the least useful goes first, the current one never."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.cache.store import Holding, default_bound, to_drop


def test_old_and_cheap_goes_before_young_and_dear():
    old = Holding("old", 100, used_at=0.0, rows=1000)
    small = Holding("small", 100, used_at=90.0, rows=10)
    dear = Holding("dear", 100, used_at=90.0, rows=4000)
    assert to_drop([old, small, dear], 200, now=100.0) == ["small"]
    assert to_drop([old, small, dear], 100, now=100.0) == ["small", "old"]
    assert to_drop([old, small, dear], 0, now=100.0, keep={"small"}) == ["old", "dear"]


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.floats(0, 100), st.integers(0, 5000)), max_size=20),
    st.integers(0, 5000),
)
def test_what_is_left_fits_or_is_kept(sizes, bound):
    holdings = [Holding(number, *size) for number, size in enumerate(sizes)]
    dropped = to_drop(holdings, bound, now=100.0, keep={0})
    assert 0 not in dropped
    left = sum(h.nbytes for h in holdings if h.key not in dropped)
    assert left <= max(bound, holdings[0].nbytes if holdings else 0)
    if dropped:
        assert left + holdings[dropped[-1]].nbytes > bound


def test_the_default_bound_is_a_share_of_free_memory():
    assert default_bound(8 << 30) == 2 << 30
    assert default_bound(0) == 64 << 20
