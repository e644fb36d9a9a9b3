"""The next edit of a document, found and written: a job like a completion, stepped a forward at a time.

    read        the text as it stands, as far as it is not exact            rows of a refresh
    look        rank the lines, without the model
    write       let the model write a line for which nothing is known       rows of a small completion
    ask         or, in its own format, the lines around the best place      rows of its prompt and answer
    judge       compare what is proposed with what stands there             one forward a place

Between two steps nothing is half done, and an edit of the text ends it. What is proposed first is one place: the next
one comes when that has been taken or turned down.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from enum import Enum

from kvlsp.completion.copy_drafter import CopyDrafter
from kvlsp.completion.draft_length import Adaptation
from kvlsp.completion.drafts import Drafting
from kvlsp.config import Settings
from kvlsp.engine.completion import CompletionJob
from kvlsp.engine.reader import Reader
from kvlsp.engine.rewriting import Rewriting
from kvlsp.engine.session import Session
from kvlsp.nextedit.change import Change
from kvlsp.nextedit.places import Place, places
from kvlsp.nextedit.proposal import Proposal, offered
from kvlsp.opening.model import Model
from kvlsp.syntax.language import Language
from kvlsp.text.document import Snapshot
from kvlsp.text.rope import Rope

_ABOVE, _BELOW = 3000, 1000
"""Characters around a line that the model sees when it writes it anew."""


class Phase(Enum):
    READING = "reading"
    JUDGING = "judging"
    DONE = "done"


class NextEditJob:
    """Looks for at most ``most`` proposals after ``changes``. With ``asked``, somebody wants to see the best places,
    even where the evidence is thin; ``refused`` are lines where nothing is wanted."""

    def __init__(self, model: Model, reader: Reader, changes: Sequence[Change], settings: Settings, *,
                 most: int = 1, asked: bool = False, refused: Collection[int] = ()) -> None:
        self._model, self._reader, self._changes, self._settings = model, reader, tuple(changes), settings
        self._most, self.asked, self._refused = most, asked, frozenset(refused)
        self.phase = Phase.READING if changes else Phase.DONE
        self.proposals: list[Proposal] = []
        self.places: list[Place] = []
        """All that were found, the best first."""
        self._waiting: list[Place] = []
        self._writing: CompletionJob | None = None
        self._asking: Rewriting | None = None

    @property
    def done(self) -> bool:
        return self.phase is Phase.DONE

    def run(self, rows: int = 256) -> list[Proposal]:
        """All steps in one go."""
        while not self.done:
            self.step(rows)
        return self.proposals

    def step(self, rows: int) -> int:
        """One forward of up to ``rows`` rows, or less; how many rows it was."""
        if self.phase is Phase.READING:
            done = self._reader.step(rows)
            if not done:
                self._look()
            return done
        if self._asking is not None:
            return self._ask(self._asking, rows)
        if self._writing is not None:
            return self._write(self._writing, rows)
        if not self._waiting or len(self.proposals) >= self._most:
            self.phase = Phase.DONE
            return 0
        place = self._waiting.pop(0)
        if not place.candidates:
            self._begin_writing(place)
            return 0
        return self._judge(place, place.candidates)

    def _look(self) -> None:
        text, snapshot = str(self._reader.session.snapshot.text), self._reader.session.snapshot
        language = Language.of_document(snapshot.language, snapshot.uri)
        most = self._settings.next_edit_places
        self.places = places(text, self._changes, self._reader.judged(), language, most=most, refused=self._refused)
        self._waiting = [place for place in self.places if place.shown or self.asked]
        self.phase = Phase.JUDGING
        form = self._model.edit_format
        if form is not None and not any(place.kind == "rename" for place in self.places):  # syntax knows those better
            here = self._waiting[0].line if self._waiting else text.count("\n", 0, self._changes[-1].first)
            self._waiting = []
            self._asking = Rewriting(self._model, form, snapshot, self._changes, here)

    def _ask(self, asking: Rewriting, rows: int) -> int:
        if not asking.done:
            return asking.step(rows)
        self._asking, found = None, asking.found
        if found is None:
            return 0
        first, old = asking.first + found.first, asking.old[found.first:found.last]
        start = asking.start + sum(len(line) + 1 for line in asking.old[:found.first])
        end = start + len("\n".join(old))  # not by the lines of the rope: to it a lone \r ends one
        if self._refused.isdisjoint(range(first, first + len(old))):
            self.places = [Place(first, start, end, "edit", 1.0, ("\n".join(found.lines),))]
            return self._judge(self.places[0], self.places[0].candidates)
        return 0

    def _judge(self, place: Place, texts: Sequence[str]) -> int:
        reader = self._reader
        old = reader.session.snapshot.text.slice(place.start, place.end)
        said = reader.likelihood(place.start, place.end, [old, *texts])
        found = offered(place, old, list(texts), said, self._settings.next_edit_minimum_gain)
        if found is not None:
            self.proposals.append(found)
        return sum(map(len, texts)) // 3 + 1

    # --- a line for which nothing is known ---------------------------------------------------------------------

    def _begin_writing(self, place: Place) -> None:
        text = self._reader.session.snapshot.text
        old = text.slice(place.start, place.end)
        indent = old[: len(old) - len(old.lstrip())]
        above, below = text.slice(max(0, place.start - _ABOVE), place.start), text.slice(place.end, place.end + _BELOW)
        snapshot = replace(self._reader.session.snapshot, text=Rope.of(above + indent + below))
        session = _excerpt(self._model, snapshot)
        drafter = CopyDrafter(self._model.tokenizer.encode(above + old + below).ids)  # the old line is the first draft
        self._writing_at = place
        self._writing = job = CompletionJob(
            session, len(above + indent), replace(self._settings, multi_line="never", confidence=0.0, max_lines=1),
            trigger="invoked", drafting=lambda _: Drafting(drafter, (), session.tokens.ids[:0], Adaptation()))
        if job.refused is not None:
            self._writing = None

    def _write(self, job: CompletionJob, rows: int) -> int:
        done = job.step(rows)
        if job.phase.value != "done":
            return done
        place, self._writing = self._writing_at, None
        old = self._reader.session.snapshot.text.slice(place.start, place.end)
        indent = old[: len(old) - len(old.lstrip())]
        texts, _ = job.answers()
        lines = [indent + text.split("\n", 1)[0].rstrip() for text in texts]
        written = tuple(line for line in dict.fromkeys(lines) if line.strip() and line != old)
        if written:
            self._judge(place, written)
        return done


def _excerpt(model: Model, snapshot: Snapshot) -> Session:
    context = min(model.decoder.context_length, 4096)
    return Session(model, snapshot, context=context, generation_rows=256)
