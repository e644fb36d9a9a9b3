"""Memory of all documents together: the bound holds, who is in use stays, and it can be changed and taken back."""

from __future__ import annotations

import dataclasses

import pytest

from kvlsp.config import MEBIBYTE
from kvlsp.messages import (
    CloseDocument,
    Configure,
    DescribeDocument,
    DescribeEngine,
    OpenDocument,
    StatusChanged,
)
from kvlsp.reasons import Reason
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope
from tests.support.engine_bench import CARET, SETTINGS, TEXT, URI, Bench, complete


def test_closing_forgets_and_the_bound_evicts_others():
    bench = Bench(TEXT)
    other = Snapshot("file:///other.txt", 1, Rope.of(TEXT * 4), "")
    bench.engine.documents.bound = 512 * bench.model.decoder.bytes_per_slot
    bench.engine.post(OpenDocument(other))
    bench.work()
    held = {desk.snapshot.uri: desk.session.cache.nbytes for desk in bench.engine.documents}
    assert held[URI] == 0
    assert held["file:///other.txt"] > 0
    bench.engine.post(CloseDocument(URI))
    bench.work()
    assert complete(bench, 1).reason is Reason.UNKNOWN_DOCUMENT


def test_no_bound_exceeds_the_share_of_one_client_among_several():
    documents = Bench(TEXT).engine.documents
    documents.bound, documents.share = 500, 200
    assert documents.bound == 200
    documents.bound, documents.share = 100, 200
    assert documents.bound == 100
    documents.bound, documents.share = 500, None
    assert documents.bound == 500


def test_two_hundred_documents_stay_within_the_bound_and_the_active_one_is_kept():
    bench = Bench(TEXT)
    bound = 3 * 512 * bench.model.decoder.bytes_per_slot
    bench.engine.documents.bound = bound
    for number in range(200):
        uri = f"file:///{number}.txt"
        bench.engine.post(OpenDocument(Snapshot(uri, 1, Rope.of(TEXT + str(number)), "")))
        bench.work()
        bench.clock.pass_(1)
        held = {desk.snapshot.uri: desk.session.cache.nbytes for desk in bench.engine.documents if desk.session}
        assert sum(held.values()) <= bound
        assert held[uri] > 0
    bench.engine.post(DescribeDocument(5, "file:///3.txt"))
    bench.work()
    assert bench.events[-1].description["tokens"] == len(TEXT) + 1  # its tokens are kept: coming back is one prefill
    assert bench.events[-1].description["cachedTokens"] == 0


@pytest.mark.parametrize(
    ("settings", "bound", "named"),
    [
        (SETTINGS, 1, "set kvlsp.cacheMib to give the caches more"),
        (dataclasses.replace(SETTINGS, cache_mib=1), 1, "Raise kvlsp.cacheMib"),
        (dataclasses.replace(SETTINGS, context_tokens=40), 1 << 30, "Raise kvlsp.contextTokens"),
        (dataclasses.replace(SETTINGS, context_tokens=40, cache_mib=1), 1, "Raise kvlsp.cacheMib"),
    ],
)
def test_a_document_that_does_not_fit_is_reported_once_with_the_limit_and_the_daemon_sleeps(
    settings, bound, named, caplog
):
    bench = Bench(settings=settings)
    bench.engine.documents.forget_sessions()
    bench.engine.documents.bound = bound
    bench.engine.post(OpenDocument(Snapshot("file:///large.txt", 1, Rope.of(TEXT), "")))
    for _ in range(10):
        if bench.engine.patience() is None:
            break
        bench.engine.turn(0)
    errors = [e for e in bench.events if isinstance(e, StatusChanged) and e.kind == "error"]
    assert len(errors) == 1
    assert named in errors[0].message
    assert errors[0].message.count("kvlsp.") == 1
    assert not caplog.records, "whoever gets the event logs it"


def bound(bench: Bench) -> int:
    """Bytes, as the engine says."""
    bench.engine.post(DescribeEngine(77))
    bench.work()
    return bench.events[-1].statistics["cacheBound"]


def test_a_bound_that_was_set_and_taken_back_is_the_default_again():
    bench = Bench(TEXT)
    default = bound(bench)
    answer = complete(bench, CARET - 1)
    bench.engine.post(Configure(dataclasses.replace(SETTINGS, cache_mib=1)))
    assert bound(bench) == MEBIBYTE < default
    bench.engine.post(Configure(SETTINGS))
    assert bound(bench) == default
    assert complete(bench, CARET - 1).items[0].text == answer.items[0].text
