"""What the engine knows of one open document: its text always, what is made of it while that is of use.

A record with the few ways to undo what was begun; what is done with it is :mod:`kvlsp.engine.documents`' and
:mod:`kvlsp.engine.upkeep`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kvlsp.completion.answers import Answers
from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.engine.completion import CompletionJob, Phase
from kvlsp.engine.session import Session
from kvlsp.engine.sync import Sync
from kvlsp.messages import PlaceContext
from kvlsp.shelf.shelved import Shelved
from kvlsp.text.document import Snapshot

UNASKED = 8
"""Edits without a request of the editor's own after which none is expected any more: it waits for a rest, or the user
asks when they want something."""


@dataclass(slots=True, eq=False)
class DocumentState:
    """One open document. ``synced``: its cache is at the layout of its caret, and ``sync`` is on the way there.
    ``job`` is the newest completion, under way or done. ``expected``: the editor is likely to ask at the caret, so that
    the work is worth beginning; ``unasked`` edits came since the last request that an editor sent by itself.
    ``refreshed``: overdue rows had a forward since the last edit. ``growing``: its window has grown since then.
    ``failed``: its own work failed and waits until something happens. ``context`` is what it should see of other files,
    placed or not. ``awaited``: until when rows are worth waiting for that lie on disk, ``shelved`` are those when they
    have come; ``left``: its rows have left memory."""

    snapshot: Snapshot
    session: Session | None = None
    drafter: CopyDrafter | None = None
    answers: Answers = field(default_factory=Answers)
    job: CompletionJob | None = None
    sync: Sync | None = None
    synced: bool = False
    expected: bool = False
    unasked: int = UNASKED
    refreshed: bool = False
    growing: bool = False
    failed: bool = False
    context: PlaceContext | None = None
    used_at: float = 0.0
    awaited: float | None = None
    shelved: Shelved | None = None
    left: bool = False

    @property
    def resident(self) -> bool:
        """Whether there are rows of it in memory."""
        return self.session is not None and len(self.session.cache.rows) > 0

    @property
    def completing(self) -> bool:
        """Whether a completion is under way."""
        return self.job is not None and self.job.phase is not Phase.DONE

    def unsync(self) -> None:
        """Its text, caret or context has changed: the cache has to follow."""
        self.synced = False
        self.stop_sync()

    def stop_sync(self) -> None:
        """What is under way towards a layout ends; what is encoded stays, what is not is missing in the cache."""
        sync, self.sync = self.sync, None
        if sync is not None:
            self.synced = self.synced and sync.complete
            sync.close()

    def forget(self) -> None:
        """Drop tokens and cache; they are made from the text again when they are wanted."""
        self.sync = self.job = self.session = self.drafter = None
        self.awaited = self.shelved = None
        self.synced = self.expected = self.left = False
