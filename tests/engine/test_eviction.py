"""Idle documents in host memory: bounded apart, least worth first, back without a forward; only where it pays."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from kvlsp.config import Settings
from kvlsp.engine.describe import describe_engine
from kvlsp.engine.documents import Documents
from kvlsp.engine.eviction import evict
from kvlsp.engine.session import Session
from kvlsp.engine.statistics import Statistics
from kvlsp.messages import EditDocument
from kvlsp.opening import offload
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.clock import ManualClock
from tests.support.decoders import tiny_decoder
from tests.support.models import tiny_model

MODEL = dataclasses.replace(tiny_model(2), offloads=True)
TEXT = "value = compute(limit)\n" * 4
SETTINGS = Settings(max_tokens=16, context_tokens=512)
WHOLE = 512 * MODEL.decoder.bytes_per_slot  # what the arrays of one such document take


def uri(number: int) -> str:
    return f"file:///{number}.txt"


def visit(documents: Documents, number: int) -> Session:
    """Open a document or come back to it, settle it, and have the bounds kept."""
    document = documents.get(uri(number))
    if document is None:
        documents.open(Snapshot(uri(number), 1, Rope.of(f"{TEXT}{number}\n"), ""))
        document = documents.get(uri(number))
    assert document is not None
    documents.touch(document)
    session = documents.session(document)
    session.sync(len(TEXT))
    evict(documents, 0.0)
    return session


def where(documents: Documents) -> tuple[list[str], list[str]]:
    """Documents on the device, and in host memory."""
    caches = [(document.snapshot.uri, document.session.cache) for document in documents if document.session is not None]
    return [uri for uri, cache in caches if cache.nbytes], [uri for uri, cache in caches if cache.host_nbytes]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def documents(clock: ManualClock) -> Documents:
    documents = Documents(SETTINGS, clock)
    documents.model = MODEL
    documents.bound = 3 * WHOLE
    documents.host_bound = WHOLE
    return documents


def test_two_hundred_documents_stay_within_both_bounds(documents, clock):
    for number in range(200):
        visit(documents, number)
        clock.pass_(1)
        caches = [document.session.cache for document in documents if document.session is not None]
        assert sum(cache.nbytes for cache in caches) <= documents.bound
        assert sum(cache.host_nbytes for cache in caches) <= documents.host_bound
        assert uri(number) in where(documents)[0], "the active document was dropped"
    device, host = where(documents)
    assert device == [uri(number) for number in range(197, 200)]
    assert len(host) > 3
    newest = 197
    assert host == [uri(number) for number in range(newest - len(host), newest)], "the oldest go first"
    told = describe_engine(documents, Statistics(), "tiny")
    assert told["hostBytes"] == sum(document.session.cache.host_nbytes for document in documents if document.session)
    assert told["hostBound"] == documents.host_bound


def test_coming_back_from_host_memory_encodes_nothing(documents, clock):
    for number in range(5):
        visit(documents, number)
        clock.pass_(1)
    assert where(documents) == ([uri(2), uri(3), uri(4)], [uri(0), uri(1)])
    document = documents.get(uri(0))
    assert document is not None
    assert not document.synced
    encoded = document.session.totals.encoded
    assert visit(documents, 0).totals.encoded == encoded
    assert where(documents) == ([uri(0), uri(3), uri(4)], [uri(1), uri(2)])


def test_edits_of_a_parked_document_are_repaired_when_it_comes_back(documents, clock):
    for number in range(5):
        visit(documents, number)
        clock.pass_(1)
    document = documents.get(uri(0))
    assert document is not None
    edit = Edit(0, 0, "x = 1\n")
    after = document.snapshot.text.replace(edit)
    documents.edit(document, EditDocument(uri(0), 1, (Change(edit, after),), Snapshot(uri(0), 2, after, "")))
    assert uri(0) in where(documents)[1], "an edit alone does not bring it back"
    encoded = document.session.totals.encoded
    session = visit(documents, 0)
    session.cache.check_integrity()
    assert encoded < session.totals.encoded <= encoded + 10 + len(edit.text)


def test_without_host_memory_or_gain_rows_are_dropped(documents, clock):
    documents.host_bound = 0
    for number in range(5):
        visit(documents, number)
        clock.pass_(1)
    assert where(documents) == ([uri(2), uri(3), uri(4)], [])


class Counting:
    """A decoder that says it is on a GPU; its forwards are the clock."""

    def __init__(self, seconds_per_forward: float) -> None:
        self._decoder = tiny_decoder(2, dtype=torch.float32)
        self._seconds = seconds_per_forward
        self.now = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def forward(self, document: Any, rows: Any) -> torch.Tensor:
        self.now += self._seconds
        return self._decoder.forward(document, rows)

    def move(self, *arguments: Any) -> None:
        self.now += 1.0
        self._decoder.move(*arguments)


@pytest.mark.parametrize(("seconds", "verdict"), [(0.1, False), (10.0, True)])
def test_it_pays_where_copying_is_quicker_than_encoding(seconds, verdict, monkeypatch):
    decoder = Counting(seconds)
    assert offload.worthwhile(decoder, lambda: decoder.now) is False, "a CPU computes in host memory"
    assert decoder.now == 0.0, "and needs no measurement"
    encoded, copied = offload.times(decoder, lambda: decoder.now)
    assert encoded == pytest.approx(seconds * 4)  # 1,024 rows, 256 a forward
    assert copied == pytest.approx(1.0)  # no forward: a copy and a rotation
    monkeypatch.setattr(offload, "times", lambda *_: (encoded, copied))
    decoder.device = torch.device("cuda")
    assert offload.worthwhile(decoder) is verdict
