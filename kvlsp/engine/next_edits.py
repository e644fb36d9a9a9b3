"""Who asks for the next edit of which document, and what is done for it at rest.

Follows what is edited (a log, and a reader that catches up at rest), keeps one job per document, and answers each
request once. With the setting ``nextEdit`` off nothing of this exists; with "asked" nothing is read before somebody
asks. One document at a time has a reader: the one that the user is in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.documents import Documents
from kvlsp.engine.next_edit import NextEditJob
from kvlsp.engine.next_oneshot import until
from kvlsp.engine.next_state import NextState
from kvlsp.engine.offers import Offer, Offers
from kvlsp.engine.pace import Pace
from kvlsp.engine.reader import Reader
from kvlsp.engine.room import room_for
from kvlsp.messages import Completed, EditDocument, Event, Feedback, Item, NextEdit
from kvlsp.nextedit.change import Change
from kvlsp.nextedit.log import EditLog
from kvlsp.nextedit.proposal import Proposal
from kvlsp.opening.model import Model
from kvlsp.reasons import Reason
from kvlsp.text import document as texts
from kvlsp.text.document import Snapshot
from kvlsp.text.edit import Edit

log = logging.getLogger(__name__)

STEP_SECONDS = 0.016
"""A forward takes about so long: a keystroke waits for it."""
PATIENCE = 8.0
"""Seconds after which who has asked is told that there was no time."""
READER_ROWS = 4096
"""Rows of a reader's cache at most; less where a quarter of what all caches may take is less."""
_BEHIND = 200
"""Notifications that a reader may be behind: beyond, it reads anew."""
_REFUSED = 64


class NextEdits:
    """Used from the engine's thread only."""

    def __init__(self, documents: Documents, offers: Offers, clock: Callable[[], float],
                 events: Callable[[Event], None]) -> None:
        self._documents, self._offers, self._clock, self._events = documents, offers, clock, events
        self._states: dict[str, NextState] = {}
        self._offered: dict[int, tuple[str, Proposal]] = {}
        self._pace = Pace(clock, STEP_SECONDS)

    @property
    def waiting(self) -> bool:
        return any(state.request is not None for state in self._states.values())

    def next(self) -> DocumentState | None:
        """A document whose next edit somebody waits for."""
        uri = next((uri for uri, state in self._states.items() if state.request is not None), None)
        return self._documents.get(uri)

    def wait(self) -> float | None:
        """Seconds until somebody has waited for too long."""
        ends = [state.request.received + PATIENCE for state in self._states.values() if state.request is not None]
        return max(0.0, min(ends) - self._clock()) if ends else None

    # --- messages --------------------------------------------------------------------------------------------

    def follow(self, document: DocumentState, message: EditDocument) -> None:
        """An edit comes: ``document`` is as it was before. No model work, no tokens."""
        uri, mode = message.uri, self._documents.settings.next_edit
        if mode == "off":
            self.forget(uri)
            return
        state = self._states.setdefault(uri, NextState())
        self._answer(uri, (), Reason.SUPERSEDED)
        state.job = None
        if document.snapshot.version != message.base_version or not message.changes:
            self._states[uri] = NextState(refused=state.refused)
            return
        fresh, text = False, document.snapshot.text
        for change in message.changes:
            edit = change.edit
            around = text.slice(max(0, edit.start - 1), edit.start), text.slice(edit.end, edit.end + 1)
            fresh |= state.log.follow(edit, text.slice(edit.start, edit.end), around, self._clock())
            text = change.after
        if state.reader is not None:
            state.behind.append((fresh, message.changes, message.after))
        if len(state.behind) > _BEHIND:
            state.reader, state.behind = None, []

    def ask(self, message: NextEdit) -> None:
        """Answered when there is a proposal, or none is left to find."""
        document, uri = self._documents.get(message.uri), message.uri
        state = self._states.setdefault(uri, NextState())
        self._answer(uri, (), Reason.SUPERSEDED)
        state.request = message
        if document is None:
            self._answer(uri, (), Reason.UNKNOWN_DOCUMENT)
            self._states.pop(uri, None)
        elif self._documents.settings.next_edit == "off" or not self._documents.settings.serves(
                document.snapshot.language):
            self._answer(uri, (), Reason.DISABLED)
        elif self._documents.model is None:
            self._answer(uri, (), Reason.NOT_READY)
        elif document.snapshot.version != message.version:
            self._answer(uri, (), Reason.STALE_VERSION)
        elif not len(state.log):
            self._answer(uri, (), Reason.NOTHING_TO_SAY)
        elif state.job is not None and message.trigger == "invoked" and not state.job.proposals and not state.job.asked:
            state.job = None  # who asks is shown what nobody was to be bothered with
        elif state.job is not None and state.job.done:
            self._finish(uri, state, state.job)

    def heard(self, message: Feedback) -> None:
        """What was turned down does not come back."""
        uri, proposal = self._offered.get(message.completion, ("", None))
        state = self._states.get(uri)
        if state is not None and proposal is not None and message.kind == "rejected":
            state.refused = [*state.refused, (proposal.old, proposal.text)][-_REFUSED:]
            state.job = None

    def forget(self, uri: str, reason: Reason = Reason.SUPERSEDED) -> None:
        """Forget a document that was closed, or opened anew; whoever waits for it is told ``reason``."""
        self._answer(uri, (), reason)
        self._states.pop(uri, None)

    def forget_readers(self) -> None:
        """The model or its limits changed."""
        for state in self._states.values():
            state.reader, state.behind, state.job = None, [], None

    def end(self, reason: Reason) -> None:
        for uri in list(self._states):
            self._answer(uri, (), reason)

    def expire(self) -> None:
        """Answer who has waited for too long, or waits no more."""
        for uri, state in self._states.items():
            request = state.request
            if request is not None and request.cancel.cancelled:
                self._answer(uri, (), Reason.CANCELLED)
            elif request is not None and self._clock() >= request.received + PATIENCE:
                self._answer(uri, (), Reason.DEADLINE)

    def fail(self, uri: str) -> None:
        """The work on the document's next edit has failed."""
        self._answer(uri, (), Reason.MODEL_ERROR)
        if (state := self._states.get(uri)) is not None:
            state.reader, state.behind, state.job, state.log = None, [], None, EditLog()

    # --- work ------------------------------------------------------------------------------------------------

    def due(self, document: DocumentState) -> bool:
        """Whether there is something to do for the document once the keyboard rests."""
        state = self._states.get(document.snapshot.uri)
        if self._documents.settings.next_edit != "on" or self.asked(document):
            return self.asked(document)
        return state is None or state.reader is None or bool(state.behind) or not state.reader.done or (
            len(state.log) > 0 and (state.job is None or not state.job.done))

    def asked(self, document: DocumentState) -> bool:
        """Whether somebody waits for its next edit."""
        state = self._states.get(document.snapshot.uri)
        return state is not None and state.request is not None

    def step(self, document: DocumentState) -> None:
        """One forward."""
        uri, model = document.snapshot.uri, self._documents.model
        assert model is not None
        state = self._states.setdefault(uri, NextState())
        with self._pace as rows:
            self._pace.did(self._step(uri, document, state, model, rows))

    def _step(self, uri: str, document: DocumentState, state: NextState, model: Model, rows: int) -> int:
        if state.reader is None:
            self._open(uri, document, state, model)
        reader = state.reader
        assert reader is not None
        if state.behind:
            fresh, changes, after = state.behind[0]
            if fresh and not reader.done and len(state.behind) == 1:  # what comes is compared with what was read
                return reader.step(rows)
            if fresh and reader.done:
                reader.settle()
            reader.edit(changes, after)
            del state.behind[0]
            return 0
        if not len(state.log):
            return reader.step(rows)
        if state.job is None:
            text = str(document.snapshot.text)
            changes_ = [Change.of(text, record.start, record.end, record.old) for record in state.log]
            asked = state.request is not None and state.request.trigger == "invoked"
            state.job = NextEditJob(model, reader, changes_, self._documents.settings, asked=asked,
                                    refused=state.refused_lines(text))
        done = state.job.step(rows)
        if state.job.done:
            self._finish(uri, state, state.job)
        return done

    def _open(self, uri: str, document: DocumentState, state: NextState, model: Model) -> None:
        """Read the text; where something was changed before there was a reader, as it was before the last change."""
        for other, its in self._states.items():
            if other != uri:
                its.reader, its.behind, its.job = None, [], None  # a job holds its reader
        room = room_for(model.decoder, self._documents.settings, self._documents.bound // 4)
        rows = min(room.tokens, READER_ROWS)
        now, last = document.snapshot, state.log.last
        state.behind, base, changed = [], now, 0
        if last is not None:
            changed = last.end
            undo = Edit(last.start, last.end, last.old)
            base = Snapshot(now.uri, now.version - 1, now.text.replace(undo), now.language)
            back = undo.inverse(now.text.slice(last.start, last.end))
            state.behind = [(True, (texts.Change(back, now.text),), now)]
        caret = document.session.caret if document.session is not None else 0
        state.reader = Reader(model, base, context=rows, advice=room.advice,
                              until=until(len(base.text), changed or caret, rows))

    # --- answers ---------------------------------------------------------------------------------------------

    def _finish(self, uri: str, state: NextState, job: NextEditJob) -> None:
        if not job.proposals:
            turned_down = state.refused and not job.places
            self._answer(uri, (), Reason.REJECTED_BEFORE if turned_down else Reason.NOTHING_TO_SAY)
            return
        if state.request is None:
            return
        proposal = job.proposals[0]
        number = self._offers.add(Offer(uri, "", "", proposal.text))
        self._offered[number] = uri, proposal
        while len(self._offered) > _REFUSED:
            del self._offered[next(iter(self._offered))]
        place = proposal.place
        self._answer(uri, (Item(place.start, place.end, proposal.text, number),), None, {
            "kind": place.kind, "gain": round(proposal.gain, 2), "line": place.line})

    def _answer(self, uri: str, items: tuple[Item, ...], reason: Reason | None,
                report: dict[str, object] | None = None) -> None:
        state = self._states.get(uri)
        if state is None or state.request is None:
            return
        request, state.request = state.request, None
        took = round(1000 * (self._clock() - request.received), 1)
        if reason is not None:
            log.info("No next edit: %s (%s ms).", reason, took)
        self._events(Completed(request.ticket, items, reason, {**(report or {}), "latency_ms": took}))
