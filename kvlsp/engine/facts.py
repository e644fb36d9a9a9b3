"""What :mod:`kvlsp.engine.schedule` wants to know of a document, read from its state."""

from __future__ import annotations

from kvlsp.engine.completion import Phase
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.engine.schedule import Facts, Work
from kvlsp.engine.session import Session
from kvlsp.text.document import Snapshot

JUDGING = 30.0
"""Seconds of work at rest that somebody who watches may cause."""


def facts_of(documents: Documents, document: DocumentState, asked: bool, next_edit: bool = False,
             next_edit_asked: bool = False) -> Facts:
    """The facts of a document that is served; ``asked``: somebody waits for its completion.

    What decides only where nothing above it in the table holds is not looked at before: it takes passes over all rows,
    and between two tokens there is no time for that.
    """
    session, job = documents.session(document), document.job
    quiet_at = documents.active_at + documents.settings.idle_ms / 1000
    if document.awaited is not None:
        return Facts(quiet_at, awaited=True, unread=session.behind > 0)
    if asked:
        return Facts(quiet_at, asked=True, unread_here=job is not None and not session.can_complete_at(job.offset))
    if document.completing or document.expected or not document.synced or session.behind:
        phase = job.phase if job is not None else Phase.DONE
        return Facts(
            quiet_at,
            preparing=phase is Phase.PREPARING,
            decoding=phase is Phase.DECODING,
            unread=session.behind > 0,
            expected=document.expected,
            synced=document.synced,
            overdue=document.completing and session.overdue,
            refreshed=document.refreshed,
        )
    paused = documents.shortage.paused
    # begun growth is finished
    grows = document.sync is not None or (session.wants_slide and Work.GROW not in paused)
    stale = session.cache.stale > 0
    settled = not (grows or stale)
    return Facts(
        quiet_at,
        overdue=session.overdue,
        refreshed=document.refreshed,
        crossed=len(session.cache.crossed_caret) > 0,
        misplaced=documents.context_due(document) is not None,
        rough=session.tokens.rough > 0,
        grows=grows,
        stale=stale,
        keep_at=documents.shelving.due(document.snapshot.uri, session) if settled else None,
        next_edit=next_edit,
        next_edit_asked=next_edit_asked,
        paused=paused,
        looked_at=settled and _unjudged(documents, session),
        unremembered=settled and documents.remembering.waits(documents.model, open_texts(documents), documents.current),
    )


def open_texts(documents: Documents) -> list[Snapshot]:
    """What the memory of the workspace may be told of the documents that are open."""
    return [document.snapshot for document in documents] if documents.settings.remembers_workspace else []


def _unjudged(documents: Documents, session: Session) -> bool:
    """Whether it should be found out at rest how likely each token is: somebody wants to know, and it takes no longer
    than :data:`JUDGING`."""
    known, pace = session.cache.likelihoods, documents.shelving.pace
    if known is None:
        return False
    missing = len(known.missing(session.cache.frontier))
    return missing > 0 and missing * ((pace.per_row if pace is not None else None) or 0.0) <= JUDGING
