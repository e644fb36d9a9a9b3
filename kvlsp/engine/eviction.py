"""Keep all caches within their bounds: the least useful rows leave the device, or memory altogether.

A document that has left loses no text: its rows come back from host memory, or are encoded again.
"""

from __future__ import annotations

from kvlsp.cache.store import Holding, to_drop
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.engine.room import room_for
from kvlsp.engine.session import Session


def evict(documents: Documents, now: float) -> None:
    """Drop the least useful caches and chunks beyond the bounds; never that of the current document, nor one over which
    a completion is under way. ``now`` in seconds of the documents' clock."""
    _evict(documents, now, documents.current)
    current = documents.get(documents.current)
    session = current.session if current is not None else None
    if current is not None and session is not None and not current.completing and _outgrows(documents, session):
        documents.shelving.keep(current.snapshot.uri, session)
        current.forget()


def give_way(documents: Documents, now: float) -> None:
    """Like :func:`evict`, but the current document may be dropped like any other: its user rests until the next key."""
    _evict(documents, now, None)
    current = documents.get(documents.current)
    if current is not None and (current.session is None or not current.session.cache.nbytes):
        documents.current = None


def held(documents: Documents) -> tuple[int, int]:
    """Bytes on the device, caches and chunks, and in host memory."""
    caches = [document.session.cache for document in documents if document.session is not None]
    on_device = documents.placing.store.nbytes + sum(cache.nbytes for cache in caches)
    return on_device, sum(cache.host_nbytes for cache in caches)


def _outgrows(documents: Documents, session: Session) -> bool:
    """Whether a session alone takes more than there is for all: it was made when there was more."""
    if documents.model is None or session.cache.nbytes <= documents.bound:
        return False
    return room_for(documents.model.decoder, documents.settings, documents.bound).tokens < session.context


def _evict(documents: Documents, now: float, stays: str | None) -> None:
    store = documents.placing.store
    states = {document.snapshot.uri: document for document in documents}
    caches = {uri: document.session.cache for uri, document in states.items() if document.session is not None}
    keep = {uri for uri, document in states.items() if uri == stays or document.completing}
    holdings: list[Holding[str | bytes]] = [
        Holding(uri, cache.nbytes, states[uri].used_at, len(cache.rows)) for uri, cache in caches.items()
    ]
    for key in to_drop(holdings + store.holdings(), documents.bound, now, keep):
        if isinstance(key, bytes):
            store.drop(key)
        else:
            _leave(documents, states[key])
    offloaded = [Holding(uri, cache.host_nbytes, states[uri].used_at, len(cache.rows)) for uri, cache in caches.items()]
    for uri in to_drop(offloaded, documents.host_bound, now, keep):
        _drop(documents, states[uri])


def _leave(documents: Documents, document: DocumentState) -> None:
    """Give back the device's memory: the rows go to the host where that pays, else they leave memory."""
    session = document.session
    if session is None:
        return
    document.unsync()
    if session.model.offloads and documents.host_bound:
        session.cache.offload()
    else:
        _drop(documents, document)


def _drop(documents: Documents, document: DocumentState) -> None:
    """The rows leave memory: to the disk where that pays, else they are gone."""
    if document.session is not None:
        documents.shelving.keep(document.snapshot.uri, document.session)
        document.session.cache.forget()
        document.left = True
