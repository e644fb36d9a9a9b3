"""What the engine does next: one table, from what must be quick to what can wait for a rest.

Pure: facts in, a decision out. The rows of the table are tried from the top; the first that holds is done, one
forward of it, and then everything is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Work(Enum):
    """One step of work on one document: at most one forward, or one piece of text."""

    TOKENIZE = "tokenize"
    """A piece of a long text that has no tokens yet."""
    COMPLETE = "complete"
    """A forward of the completion that is under way."""
    BEGIN = "begin"
    """Begin the completion that the editor is about to ask for."""
    SYNC = "sync"
    """Bring the cache to the layout at the caret."""
    REFRESH_OLDEST = "refresh oldest"
    """Encode again what the caret has crossed, or what has waited longest."""
    PLACE = "place"
    """Encode a piece of another file, or put those that are encoded before the document."""
    GROW = "grow"
    """Lay out more of the document, or lead the window away from its edge."""
    REFINE = "refine"
    """Make certain the next tokens of a run that was too long to be tokenized with its edit."""
    REFRESH = "refresh"
    """Make the next stale rows exact."""
    NEXT_EDIT = "next edit"
    """Find what an edit has made wrong elsewhere."""
    JUDGE = "judge"
    """Find out how likely each token is, for whoever watches."""
    REMEMBER = "remember"
    """Read a piece of another file for the memory of the workspace."""
    KEEP = "keep"
    """Copy a layer of rows for the disk."""


SOON = 0.02
"""Seconds after which requests whose document waits for the disk are looked at for their deadline."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the document whose turn it is. Times are seconds of the engine's clock."""

    quiet_at: float
    """From when on the keyboard counts as resting."""
    awaited: bool = False
    """Its rows are on their way from the disk, or lie there until its text has been read."""
    asked: bool = False
    """Requests wait for its completion."""
    unread_here: bool = False
    """The text around the place of its completion has no tokens yet."""
    preparing: bool = False
    """A completion is under way whose layout is not resident yet."""
    decoding: bool = False
    unread: bool = False
    """Some of the text has no tokens yet."""
    expected: bool = False
    """The editor is likely to ask at the caret, and nothing has begun for it."""
    synced: bool = True
    """The cache is at the layout of the caret."""
    overdue: bool = False
    """Some row has missed so many changes that it should not wait for a rest."""
    refreshed: bool = False
    """Overdue rows have had a forward since the last edit."""
    crossed: bool = False
    """The caret has crossed rows that know nothing of the text before them."""
    misplaced: bool = False
    """What it should see of other files is not what it sees."""
    rough: bool = False
    """Some tokens may be others than those of the whole text."""
    grows: bool = False
    """More of the document is to be laid out, behind rows that are exact."""
    stale: bool = False
    """Some row is not exact."""
    keep_at: float | None = None
    """From when on its rows, all exact, should be copied for the disk; None when there is nothing to copy."""
    next_edit: bool = False
    """The next edit is looked for."""
    next_edit_asked: bool = False
    """Somebody waits for it."""
    looked_at: bool = False
    """Somebody watches, and how likely each token is is not known yet."""
    unremembered: bool = False
    """Other files wait to be read for the memory of the workspace."""
    paused: frozenset[Work] = frozenset()
    """Work at rest that memory ran out in a while ago."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``work`` to do now; without any, the seconds to ``wait`` for some, None where only a message can bring it."""

    work: Work | None
    wait: float | None = None


def schedule(facts: Facts, now: float) -> Decision:
    """The first row of the table that holds."""
    if facts.awaited:
        return Decision(Work.TOKENIZE) if facts.unread else Decision(None, SOON)
    resting = now >= facts.quiet_at
    completing = facts.preparing or facts.decoding
    at_once = (
        (facts.asked and facts.unread_here, Work.TOKENIZE),
        (facts.asked, Work.COMPLETE),
        (facts.unread, Work.TOKENIZE),
        (facts.expected and not completing, Work.BEGIN),
        (not facts.synced and not completing, Work.SYNC),
        # between two keystrokes, one forward; while a completion decodes only the first time
        (facts.overdue and not resting and not facts.preparing and not (facts.refreshed and facts.decoding),
         Work.REFRESH_OLDEST),
        (completing, Work.COMPLETE),
        (facts.crossed and not resting, Work.REFRESH_OLDEST),
    )
    at_rest = (
        (facts.next_edit_asked, Work.NEXT_EDIT),  # its reader is apart: it needs no row of the document's to be exact
        (facts.rough, Work.REFINE),
        (facts.misplaced, Work.PLACE),
        (facts.grows, Work.GROW),
        (facts.stale, Work.REFRESH),
        (facts.next_edit, Work.NEXT_EDIT),
        (facts.looked_at, Work.JUDGE),
        (facts.unremembered, Work.REMEMBER),
    )
    for holds, work in at_once:
        if holds:
            return Decision(work)
    for holds, work in at_rest:
        if holds and work not in facts.paused:
            return Decision(work) if resting else Decision(None, facts.quiet_at - now)
    if facts.keep_at is not None and Work.KEEP not in facts.paused:
        at = max(facts.keep_at, facts.quiet_at)
        return Decision(Work.KEEP) if now >= at else Decision(None, at - now)
    return Decision(None)
