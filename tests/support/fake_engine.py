"""An engine without a model: it follows the documents by their edits and answers with a fixed text.

It speaks the messages of ``kvlsp.messages``, so that the server can be tested, and the editors' own
share of the latency measured, without a model. With ``hold`` it keeps its answers back until :meth:`release`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from kvlsp.config import Settings
from kvlsp.messages import (
    CloseDocument,
    Complete,
    Completed,
    Configure,
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    DocumentDescribed,
    EditDocument,
    EngineDescribed,
    Event,
    Feedback,
    Item,
    Message,
    NextEdit,
    OpenDocument,
    Reason,
    StatusChanged,
    TokensDescribed,
    Watch,
    Watched,
)
from kvlsp.text.document import Snapshot


class FakeEngine:
    """Answers from whichever thread posts. ``texts`` are the items of every completion."""

    def __init__(self, settings: Settings, events: Callable[[Event], None],
                 texts: tuple[str, ...] = ("pass",), hold: bool = False) -> None:
        self.settings = settings
        self.events = events
        self.texts = texts
        self.hold = hold
        self.documents: dict[str, Snapshot] = {}
        self.messages: list[Message] = []
        self.feedback: list[Feedback] = []
        self.held: list[Complete] = []
        self.completions = 0
        self.started = False
        self.stopped = threading.Event()

    def start(self) -> None:
        self.started = True
        self.events(StatusChanged("loading", "loading nothing", 50.0))
        self.events(StatusChanged("ready", "ready"))

    def stop(self) -> None:
        self.stopped.set()

    def post(self, message: Message) -> None:
        self.messages.append(message)
        match message:
            case OpenDocument(snapshot):
                self.documents[snapshot.uri] = snapshot
            case EditDocument(uri=uri):
                self.edit(message)
            case CloseDocument(uri):
                self.documents.pop(uri, None)
            case Complete():
                self.held.append(message)
                if not self.hold:
                    self.release()
            case NextEdit():
                self.events(self.next_edit(message))
            case Feedback():
                self.feedback.append(message)
            case Configure(settings):
                self.settings = settings
            case DescribeDocument(ticket, uri):
                self.events(DocumentDescribed(ticket, self.describe(uri)))
            case DescribeEngine(ticket):
                self.events(EngineDescribed(ticket, {"completions": self.completions}))
            case DescribeTokens(ticket, ids):
                self.events(TokensDescribed(ticket, tuple(f"<{number}>" for number in ids)))
            case Watch(ticket, since, uri):
                shown = {"uri": uri, "ids": "AQAAAA=="}
                self.events(Watched(ticket, {"turn": since + 1, "document": shown if uri in self.documents else None}))

    def edit(self, message: EditDocument) -> None:
        """Follow by the edits alone, so that they are checked against the server's text."""
        snapshot = self.documents[message.uri]
        text = snapshot.text
        assert snapshot.version == message.base_version
        for change in message.changes:
            text = text.replace(change.edit)
            assert str(text) == str(change.after)
        assert str(text) == str(message.after.text)
        self.documents[message.uri] = Snapshot(snapshot.uri, message.after.version, text, snapshot.language)

    def release(self) -> None:
        """Answer what was kept back."""
        waiting, self.held = self.held, []
        for request in waiting:
            self.events(self.answer(request))

    def answer(self, request: Complete) -> Completed:
        snapshot = self.documents.get(request.uri)
        if request.cancel.cancelled or snapshot is None:
            refused = Reason.CANCELLED if snapshot is not None else Reason.UNKNOWN_DOCUMENT
            return Completed(request.ticket, (), refused, {})
        self.completions += 1
        selected = request.selected
        start, end, head = request.offset, request.offset, ""
        if selected is not None:
            start, end, head = selected.start, selected.end, selected.text
        items = tuple(Item(start, end, head + text, number)
                      for number, text in enumerate(self.texts, self.completions))
        reason = None if items else Reason.NOTHING_TO_SAY
        return Completed(request.ticket, items, reason, {"latency_ms": 0.0, "kept": 7})

    def next_edit(self, request: NextEdit) -> Completed:
        """The first text in the place of the second line."""
        snapshot = self.documents.get(request.uri)
        if snapshot is None or snapshot.text.line_count < 2 or not self.texts:
            return Completed(request.ticket, (), Reason.NOTHING_TO_SAY, {})
        text = snapshot.text
        self.completions += 1
        item = Item(text.line_start(1), text.line_end(1), self.texts[0], self.completions)
        return Completed(request.ticket, (item,), None, {"latency_ms": 0.0})

    def describe(self, uri: str) -> dict[str, object] | None:
        snapshot = self.documents.get(uri)
        if snapshot is None:
            return None
        text = str(snapshot.text)
        return {"version": snapshot.version, "characters": len(text), "tokens": 0, "cachedTokens": 0,
                "staleTokens": 0,
                "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}
