"""The log of a document's ids: where the end of a context stood before, after any edits, in bounded work."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.completion import copy_drafter
from kvlsp.completion.copy_drafter import AHEAD, CANDIDATES, GAMMA, HISTORY, LONGEST, CopyDrafter
from tests.completion.ids import Replacement, drafted, ids


def test_history_survives_the_rebuilding_of_the_log_and_is_bounded():
    drafter = CopyDrafter(ids("start: old text that goes away. rest"))
    drafter.apply(Replacement(7, 31, ids("")))
    for _ in range(3000):
        drafter.apply(Replacement(12, 12, ids("x")))
        drafter.apply(Replacement(12, 13, ids("")))
    assert drafted(drafter, "zt: ", suffix=" rest") == "old text"
    assert drafter.size < 36 + 2 * 4096 + HISTORY


def test_a_document_of_one_repeated_line_is_looked_up_in_bounded_work(monkeypatch: pytest.MonkeyPatch):
    compared: list[int] = []
    longest = copy_drafter.longest

    def counted(log, found, context):
        compared.append(len(found))
        return longest(log, found, context)

    monkeypatch.setattr(copy_drafter, "longest", counted)
    drafter = CopyDrafter(ids("abcabc" * 2000))
    drafter.longest_match(ids("abcabc"))
    assert compared == [CANDIDATES]
    assert drafted(drafter, "abcabc", limit=3) == "abc"


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
