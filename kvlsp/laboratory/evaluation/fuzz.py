"""Random editing through the texts and the engine, compared with the plain truth all the while.

After every notification the text is compared with the editor's. At intervals the engine catches up and is asked, or
left alone until it rests, and the tokens of the document, the rows that are resident and the bookkeeping of the cache
are compared with a fresh start from that text.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from kvlsp.config import Settings
from kvlsp.engine.engine import Engine
from kvlsp.laboratory.evaluation.fuzz_editor import RandomEditor
from kvlsp.laboratory.evaluation.oracle import token_mismatches
from kvlsp.messages import CloseDocument, Complete, Completed, EditDocument, OpenDocument
from kvlsp.opening.model import Model
from kvlsp.text.composed import composed
from kvlsp.text.document import Document
from kvlsp.text.line_feeds import plain
from kvlsp.text.units import PositionEncoding

URI: Final = "untitled:fuzz"
LIFE: Final = 500
"""Changes of one document before it is closed and another one opened."""
OFTEN: Final = 0.03
"""How often the engine gets a turn between two notifications, beside those that a comparison needs: it works on what
came in some tens at a time, and is met by the next ones at every stage of a sync."""
SETTINGS: Final = Settings(max_tokens=2, multi_line="never", candidates=1, confidence=0.0, ahead=False)


@dataclass(slots=True)
class Found:
    """What was done, and what was wrong."""

    changes: int = 0
    notifications: int = 0
    documents: int = 0
    checks: int = 0
    questions: int = 0
    rests: int = 0
    text_differences: int = 0
    token_differences: int = 0
    cache_faults: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    first: str = ""

    @property
    def differences(self) -> int:
        """All of them together."""
        return self.text_differences + self.token_differences + self.cache_faults + self.unanswered

    def figures(self) -> dict[str, Any]:
        """For people and for JSON."""
        return {
            **asdict(self),
            "changes_per_second": round(self.changes / max(self.seconds, 1e-9), 1),
            "differences": self.differences,
        }


class _Clock:
    """Time that passes when it is told to: an idle second takes none."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Fuzzer:
    """One engine and the documents that live in it, one after the other."""

    def __init__(self, model: Model, seed: int, check_every: int) -> None:
        self.rng, self.check_every, self.found = random.Random(seed), check_every, Found()
        self.clock, self.answers = _Clock(), 0
        self.engine = Engine(SETTINGS, self._hear, lambda *_: model, self.clock)
        self.engine.load()
        self.engine.turn(0)
        self.seed = seed

    def run(self, changes: int) -> Iterator[int]:
        """Make so many changes; yields how many more are made now and then."""
        began = time.perf_counter()
        while self.found.changes < changes:
            before = self.found.changes
            self._live(min(LIFE, changes - before))
            self.found.seconds = round(time.perf_counter() - began, 1)
            yield self.found.changes - before

    def _hear(self, event: Any) -> None:
        self.answers += isinstance(event, Completed)

    def _live(self, changes: int) -> None:
        """One document from its opening to its closing."""
        editor = RandomEditor(self.rng, self.rng.choice(list(PositionEncoding)))
        self.engine.documents.piece = self.rng.choice((48, 400, 100_000))  # some are tokenized between messages
        document = Document.open(URI, "python", 1, editor.text)
        self.engine.post(OpenDocument(document.snapshot))
        self.found.documents += 1
        end, due = self.found.changes + changes, self.found.changes + self.check_every
        while self.found.changes < end:
            sent = editor.notification()
            before = document.snapshot
            applied = document.apply(before.version + 1, sent, editor.encoding)
            edit = EditDocument(URI, before.version, composed(before.text, applied), document.snapshot)
            self.engine.post(edit)
            self.found.changes += len(sent)
            self.found.notifications += 1
            if str(document.snapshot.text) != editor.text:
                self._wrong("text_differences", f"a text in {editor.encoding.value} after {sent!r}")
                break
            if self.rng.random() < OFTEN:
                self.engine.turn(0)
            if self.found.changes >= due or self.found.changes >= end:
                due = self.found.changes + self.check_every
                self._check(editor.text, document)
        self.engine.post(CloseDocument(URI))
        self._catch_up()

    def _check(self, text: str, document: Document) -> None:
        self.found.checks += 1
        self._ask(document)
        if self.rng.random() < 0.2:
            self._rest()
        known = self.engine.documents.get(URI)
        if known is None or str(known.snapshot.text) != plain(text):
            self._wrong("text_differences", "the engine's text")
        elif (session := known.session) is not None:
            try:
                session.cache.check_integrity()
            except Exception as error:
                self._wrong("cache_faults", f"the cache's bookkeeping: {error}")
            if known.synced and known.sync is None and not session.behind:
                wrong = token_mismatches(session, session.caret)
                if wrong:
                    self._wrong("token_differences", f"tokens of {text!r} with the caret at {session.caret}")

    def _ask(self, document: Document) -> None:
        self.found.questions += 1
        caret, before = self.rng.randint(0, len(document.snapshot.text)), self.answers
        version = document.snapshot.version
        self.engine.post(Complete(self.found.questions, URI, version, caret, "invoked", self.clock()))
        self._catch_up()
        if self.answers != before + 1:
            self._wrong("unanswered", f"{self.answers - before} answers to one question")

    def _catch_up(self) -> None:
        self.engine.turn(0)
        while self.engine.owes:
            self.engine.turn(0)

    def _rest(self) -> None:
        self.found.rests += 1
        for _ in range(500):
            if self.engine.patience() is None:
                return
            self.clock.now += 1
            self.engine.turn(0)
        self._wrong("cache_faults", "the engine does not come to rest")

    def _wrong(self, kind: str, what: str) -> None:
        setattr(self.found, kind, getattr(self.found, kind) + 1)
        if not self.found.first:
            self.found.first = f"seed {self.seed}, change {self.found.changes}: {what}"


def fuzz(
    model: Model,
    changes: int,
    *,
    seed: int = 0,
    check_every: int = 50,
    made: Callable[[int], None] = lambda count: None,
) -> Found:
    """Make random changes and compare; ``made`` hears how many more are done. An interrupt ends it early."""
    fuzzer = Fuzzer(model, seed, check_every)
    with contextlib.suppress(KeyboardInterrupt):
        for count in fuzzer.run(changes):
            made(count)
    return fuzzer.found
