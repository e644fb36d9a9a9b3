"""One completion in one session, from the caret to the texts to insert: a job, stepped a forward at a time.

It is the same job whether an editor has asked for it, is expected to ask, or the command line drives it. Between two
steps nothing is half done: the text may be edited, other documents served, the job given up. An edit that types the
next generated characters does not end it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from kvlsp.cache.choosing import Choice
from kvlsp.cache.repair import Repaired
from kvlsp.completion.begun import offer
from kvlsp.completion.candidates import distinct
from kvlsp.completion.trim import refuse
from kvlsp.config import Settings, Trigger
from kvlsp.engine.first_lines import Told
from kvlsp.engine.generate import Generated
from kvlsp.engine.session import Session
from kvlsp.engine.sync import Sync
from kvlsp.engine.texts import Candidate, Drafting, Start, Texts
from kvlsp.messages import Complete, Selected
from kvlsp.prompt.layout import Layout
from kvlsp.reasons import Reason
from kvlsp.syntax.language import Language
from kvlsp.syntax.window import WINDOW
from kvlsp.text.document import Change

CHUNK = 256
"""Rows of one forward while the layout is being made resident, unless the caller knows better."""


class Phase(Enum):
    PREPARING = "preparing"
    """Its layout is not resident yet."""
    DECODING = "decoding"
    DONE = "done"
    """All that it will generate is there, and the cache is free for other work; or it was given up."""


class CompletionJob:
    """A completion at character ``offset`` of the session's text; ``wanted`` different texts at most.

    With ``selected``, the entry of the editor's suggest list counts as taken while the job is under way. ``seed`` names
    its draws where ``settings.temperature`` is above 0.
    """

    def __init__(self, session: Session, offset: int, settings: Settings, *, trigger: Trigger = "automatic",
                 wanted: int = 1, selected: Selected | None = None, drafting: Drafting = lambda offset: None,
                 choose: Choice | None = None, seed: int = 0) -> None:
        self.session, self.settings, self.trigger, self.selected = session, settings, trigger, selected
        self.place = offset
        """Where it was asked for."""
        self._actual = session.snapshot
        if selected is not None:
            session.replace(selected.start, selected.end, selected.text)
            offset = selected.start + len(selected.text)
        self.offset = offset
        text = session.snapshot.text
        self.prefix = text.slice(max(0, offset - WINDOW), offset)
        self.suffix = text.slice(offset, min(len(text), offset + WINDOW))
        self.language = Language.of_document(session.snapshot.language, session.snapshot.uri)
        self.phase = Phase.PREPARING
        self.texts: Texts | None = None
        """What is being generated, once its layout is resident."""
        self.asked = False
        """Whether anybody has ever waited for it."""
        self.typed = 0
        """Generated characters that have been typed meanwhile."""
        self.told = Told()
        self.repaired: Repaired | None = None
        self._sync: Sync | None = None
        self._final: list[tuple[str, Reason | None]] | None = None
        self._revision = session.revision
        self._wanted, self._drafting, self._choose, self.seed = wanted, drafting, choose, seed
        self._counted = False
        self._start: Start

    # --- what it is for --------------------------------------------------------------------------------------

    @property
    def refused(self) -> Reason | None:
        """Why this is no place for a suggestion, before any work."""
        template = self.session.model.template
        if not self.prefix and template.order == "plain" and not template.opening:
            return Reason.NOTHING_TO_SAY  # not one token before the caret: the model has nothing to go on
        return refuse(self.prefix, self.suffix)

    def serves(self, request: Complete) -> bool:
        """Whether what it generates answers ``request``, which is for the current version of the text."""
        same = (request.trigger, request.selected) == (self.trigger, self.selected)
        if not same or request.offset != self.place + self.typed:
            return False
        return not (self.typed and self.phase is Phase.DONE and not self.answers()[0])

    def follows(self, changes: Iterable[Change]) -> bool:
        """Whether an edit types what is being generated; the job goes on then, and counts it as typed."""
        if self.phase is not Phase.DECODING or self.selected is not None:
            return False
        typed, text = self.typed, self.text
        for change in changes:
            edit = change.edit
            here = edit.start == edit.end == self.offset + typed
            if not here or text[typed : typed + len(edit.text)] != edit.text:
                return False
            typed += len(edit.text)
        self.typed = typed
        return True

    # --- stepping --------------------------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether there was any work on it yet."""
        return self._sync is not None or self.phase is not Phase.PREPARING

    @property
    def left(self) -> int:
        """Rows to encode before the first token, as far as that is known; characters to read before that count, too."""
        if self._sync is not None:
            return self._sync.left
        return 0 if self.started or self.session.can_complete_at(self.offset) else self.session.behind

    @property
    def synced(self) -> bool:
        """Whether the cache is at its layout, and no token has changed since: nothing typed, nothing read."""
        return self.repaired is not None and self.selected is None and self.session.revision == self._revision

    @property
    def total(self) -> int:
        """The rows of :attr:`left`, and those that have been encoded already."""
        return self._sync.total if self._sync is not None else 0

    def step(self, rows: int = CHUNK) -> int:
        """One forward, of up to ``rows`` rows while its layout is being made resident; how many those were. Once there
        is nothing left to do the phase is DONE. An exception drops the document's cache, never its text."""
        encoded = 0
        try:
            if self.phase is Phase.PREPARING:
                encoded = self._prepare(rows)
            elif self.texts is not None and self.texts.step():
                self.close()
        except BaseException:
            self.session.cache.forget()
            self.texts = None
            self.close()
            raise
        return encoded

    def run(self) -> None:
        """Step until the job is done."""
        while self.phase is not Phase.DONE:
            self.step()

    def close(self) -> None:
        """End. Rows of the first text stay for the next plan to adopt, a supposed entry is taken back."""
        if self.phase is Phase.DONE:
            return
        self.phase = Phase.DONE
        if self._sync is not None:
            self._sync.close()
            self._sync = None
        if self.texts is not None:
            self.texts.close()
        if self.selected is not None:
            start, end = self.selected.start, self.selected.end
            before = self._actual.text.slice(start, end)
            self.session.replace(start, start + len(self.selected.text), before)
            self.session.snapshot = self._actual

    def _prepare(self, rows: int) -> int:
        """Towards the layout at the caret; the first candidate begins once that is resident."""
        if self._sync is None:
            self._revision = self.session.revision
            self._sync = self.session.begin_sync(self.offset, wanted=self._find_start, choose=self._choose)
        sync = self._sync
        encoded = sync.step(rows)
        if sync.complete:
            self._sync, self.repaired = None, sync.close()
            self._begin(sync.layout)
        return encoded

    def _find_start(self, layout: Layout) -> list[int]:
        self._start = Start.of(self.session.model, layout)
        return [self._start.row]

    def _begin(self, layout: Layout) -> None:
        assert self.repaired is not None
        assert self.repaired.logits is not None
        self.texts = Texts(self.session, self.settings, self.prefix, self.suffix, self.language, layout, self._start,
                           self.repaired.logits[0], wanted=self._wanted, drafter=self._drafting(self.offset),
                           seed=self.seed)
        self.phase = Phase.DECODING

    # --- what came of it -------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """All that is generated so far behind the caret, for the first candidate."""
        return self.texts.first.rule.generated if self.texts is not None else ""

    @property
    def progress(self) -> Generated | None:
        """What the first candidate has generated; None while there is none."""
        return self.texts.first.generation.progress if self.texts is not None else None

    def answers(self, *, partial: bool = False, whole: bool = False,
                last: bool = False) -> tuple[Sequence[str], Reason | None]:
        """Texts to insert behind what was typed (``whole``: at its place), the best first, or why there is none. While
        it is at work (``partial``) for whoever does not ask again (``last``) what was begun is closed."""
        if self.texts is None:
            return (), Reason.DEADLINE if partial else Reason.NOTHING_TO_SAY
        typed = "" if whole else self.text[: self.typed]
        answers = self._final or [self._answer(candidate, typed, partial, last) for candidate in self.texts.all]
        if self.phase is Phase.DONE and not partial:
            self._final = answers  # asked for again by whoever waits, and to be remembered
        texts = [text[len(typed) :] if text.startswith(typed) else "" for text, _ in answers]
        return distinct(texts), answers[0][1]

    def _answer(self, candidate: Candidate, typed: str, partial: bool, last: bool) -> tuple[str, Reason | None]:
        generated = candidate.offered(partial=partial)
        text, late = "", partial and not generated[len(typed) :].strip()
        if last or not late:
            text, reason = offer(candidate.rule, generated, (self.prefix, self.suffix), ended=last or not partial)
        return (text, reason) if not late or text[len(typed) :].strip() else ("", Reason.DEADLINE)

    @property
    def confidence(self) -> float:
        """How sure the model is of the first candidate's first line, of what is left of it, 0 to 1."""
        return self.progress.confidence.behind(self.typed) if self.progress is not None else 0.0

    def counts(self) -> Mapping[str, Any]:
        """:meth:`report` the first time, nothing again: each forward is counted in one answer."""
        counted, self._counted = self._counted, True
        return {} if counted else self.report()

    def report(self) -> Mapping[str, Any]:
        """Counts for statistics and the status bar."""
        report: dict[str, Any] = {}
        if self.repaired is not None:
            report.update(kept=self.repaired.kept, moved=self.repaired.moved, encoded=self.repaired.encoded,
                          repaired=self.repaired.repaired, adopted=self.repaired.adopted, copied=self.repaired.copied)
        progress = self.progress
        if progress is not None:
            report.update(generated=len(progress.ids), forwards=progress.forwards, drafted=progress.drafted,
                          accepted=progress.accepted, stop=progress.stop, confidence=round(self.confidence, 4))
        return report
