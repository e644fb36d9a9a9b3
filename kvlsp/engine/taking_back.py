"""Rows that come from the disk for a document that has just begun.

A document waits for them before its first work, but not for ever: a disk may be slow. What comes later is taken up all
the same, as long as little has been encoded meanwhile; of a large model that is minutes that are spared.
"""

from __future__ import annotations

from typing import Final

from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.shelving import Shelving
from kvlsp.engine.warm import READ_BEFORE, take_up
from kvlsp.shelf.shelved import Shelved

LITTLE: Final = 0.25
"""Rows that come late replace those that were encoded meanwhile, where these are no more than so many of them, and of
what there is room for today."""


def came(document: DocumentState, shelved: Shelved | None) -> None:
    """What is on disk of ``document`` has come, if anything is."""
    document.shelved = shelved if len(document.snapshot.text) <= READ_BEFORE else None
    if document.shelved is None:
        document.awaited = None


def take_back(document: DocumentState, shelving: Shelving, now: float) -> None:
    """Have the document's session take up its rows once they and its tokens are there; after a while go on without
    them. ``now`` in seconds of the clock by which it waits."""
    session, shelved, awaited = document.session, document.shelved, document.awaited
    if session is None:
        return
    if shelved is None:
        document.awaited = None if awaited is not None and now > awaited else awaited
        return
    if session.behind or (awaited is None and document.completing):
        return
    document.awaited = document.shelved = None
    if len(session.cache.rows) > LITTLE * min(len(shelved.book), session.context):
        return
    document.unsync()
    job = document.job
    if take_up(session, shelved, shelving.worth, job.offset if job is not None else None):
        shelving.known(document.snapshot.uri, shelved)
