"""What the engine says about itself on request: one document, or all of it. Numbers and a hash, never text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.engine.statistics import Statistics
from kvlsp.text.document import Snapshot


def describe_document(document: DocumentState | None, snapshot: Snapshot | None) -> Mapping[str, Any] | None:
    """For ``kvlsp/documentState``; None for a document that is not open. O(document): a debugging request.

    ``snapshot`` is the text as its editor has it.
    """
    if document is None or snapshot is None:
        return None
    text = str(snapshot.text)
    session = document.session
    return {
        "version": snapshot.version,
        "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        "characters": len(text),
        "tokens": len(session.tokens.ids) if session else 0,
        "cachedTokens": session.cache.resident if session else 0,
        "contextTokens": len(session.placed.run) if session else 0,
        "staleTokens": session.cache.stale if session else 0,
    }


def describe_engine(documents: Documents, statistics: Statistics, model: str) -> Mapping[str, Any]:
    """For the statistics command. ``model`` is its description, or why there is none."""
    sessions = [document.session for document in documents if document.session is not None]
    return {
        **statistics.describe(),
        "model": model,
        "documents": len(documents),
        "cacheBytes": sum(session.cache.nbytes for session in sessions) + documents.placing.store.nbytes,
        "cacheBound": documents.bound,
        "hostBytes": sum(session.cache.host_nbytes for session in sessions),
        "hostBound": documents.host_bound,
        "refreshedRows": sum(session.totals.refreshed for session in sessions),
        "slidRows": sum(session.totals.slid for session in sessions),
        "chunks": len(documents.placing.store),
        "chunkBytes": documents.placing.store.nbytes,
        "chunkRows": dict(documents.placing.rows),
        "workspaceMemory": documents.remembering.describe(),
    }
