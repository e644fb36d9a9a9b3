"""What the engine says about itself on request: one document, or all of it. Numbers and a hash, never text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from kvlsp.engine.desk import Desk, Desks
from kvlsp.engine.statistics import Statistics


def describe_document(desk: Desk | None) -> Mapping[str, Any] | None:
    """For ``kvlsp/documentState``; None for a document that is not open. O(document): a debugging request."""
    if desk is None:
        return None
    text = str(desk.snapshot.text)
    session = desk.session
    return {
        "version": desk.snapshot.version,
        "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        "characters": len(text),
        "tokens": len(session.tokens.ids) if session else 0,
        "cachedTokens": len(session.cache.rows) if session else 0,
        "contextTokens": len(session.placed.run) if session else 0,
        "staleTokens": session.cache.stale if session else 0,
    }


def describe_engine(desks: Desks, statistics: Statistics, model: str) -> Mapping[str, Any]:
    """For the statistics command. ``model`` is its description, or why there is none."""
    sessions = [desk.session for desk in desks if desk.session is not None]
    return {
        **statistics.describe(),
        "model": model,
        "documents": len(desks),
        "cacheBytes": sum(session.cache.nbytes for session in sessions) + desks.placing.store.nbytes,
        "cacheBound": desks.bound,
        "hostBytes": sum(session.cache.host_nbytes for session in sessions),
        "hostBound": desks.host_bound,
        "refreshedRows": sum(session.totals.refreshed for session in sessions),
        "slidRows": sum(session.totals.slid for session in sessions),
        "chunks": len(desks.placing.store),
        "chunkBytes": desks.placing.store.nbytes,
        "chunkRows": dict(desks.placing.rows),
    }
