"""An engine turned by hand, with one document and what comes out of it: a manual clock, no thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from kvlsp.config import Settings
from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.engine import Engine
from kvlsp.engine.session import Session
from kvlsp.messages import Complete, Completed, EditDocument, OpenDocument
from kvlsp.opening.model import Model
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from tests.support.clock import ManualClock
from tests.support.writing import writing_model

URI = "file:///memory.txt"
# random weights are sure of nothing
SETTINGS = Settings(max_tokens=30, multi_line="never", drafts=False, cross_file="always", confidence=0.0)


def watched_model() -> Model:
    return writing_model(1, b"abcdefghijklmnopqrstuvwxyz_(), =.0123456789", line=25)


class Bench:
    """An engine, its document, and what came out of it."""

    def __init__(self, text: str = "", settings: Settings = SETTINGS, load: Any = None,
                 language: str = "") -> None:
        self.events: list[Any] = []
        self.clock = ManualClock()
        self.model = watched_model()
        self.decoder: Any = self.model.decoder
        self.settings = settings
        self.engine = Engine(settings, self.events.append, load or (lambda *_: self.model), self.clock)
        self.engine.load()
        self.tickets = count(1)
        self.snapshot = Snapshot(URI, 1, Rope.of(text), language)
        self.engine.turn(None)  # the loading thread reports
        self.engine.post(OpenDocument(self.snapshot))
        self.work()

    def work(self) -> None:
        """Everything that waits, and what can be done at once."""
        while self.engine.turn(0) and self.engine.patience() == 0:
            pass

    def rest(self) -> None:
        """Quiet until nothing is left to do; fails where that never comes."""
        self.work()
        for _ in range(600):
            if self.engine.patience() is None:
                return
            self.clock.pass_(1)
            self.engine.turn(0)
        raise AssertionError("The engine does not come to rest.")

    @property
    def document(self) -> DocumentState:
        """The document as the engine has it."""
        found = self.engine.documents.get(URI)
        assert found is not None
        return found

    @property
    def session(self) -> Session:
        assert self.document.session is not None
        return self.document.session

    def edit(self, start: int, end: int, text: str, *, base: int | None = None) -> EditDocument:
        version = self.snapshot.version
        after = self.snapshot.text.replace(Edit(start, end, text))
        self.snapshot = Snapshot(URI, version + 1, after, self.snapshot.language)
        message = EditDocument(URI, version if base is None else base, (Change(Edit(start, end, text), after),),
                               self.snapshot)
        self.engine.post(message)
        return message

    def request(self, offset: int, **changes: Any) -> Complete:
        request = Complete(next(self.tickets), URI, self.snapshot.version, offset, "automatic", self.clock(),
                           **changes)
        self.engine.post(request)
        return request

    def at_forward(self, number: int, action: Callable[[], Any]) -> None:
        """``action`` happens just before the forward with this number, counted from now."""
        forwards = count(1)

        def before() -> None:
            if next(forwards) == number:
                action()

        self.decoder.before = before

    def answer(self, request: Complete) -> Completed:
        (answer,) = [e for e in self.events if isinstance(e, Completed) and e.ticket == request.ticket]
        return answer


def complete(bench: Bench, offset: int, **changes: Any) -> Completed:
    request = bench.request(offset, **changes)
    bench.work()
    return bench.answer(request)


TEXT = "def area(width, height):\n    return width\n\nprint(area(3, 4))\n"
CARET = TEXT.index("width\n\n")
