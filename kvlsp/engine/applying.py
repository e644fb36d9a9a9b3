"""A message that has arrived is applied: texts and tokens follow, requests wait, a load is taken up."""

from __future__ import annotations

from kvlsp.engine.document_state import DocumentState
from kvlsp.engine.parts import Parts
from kvlsp.engine.shelving import Fetched
from kvlsp.messages import (
    CloseDocument,
    Complete,
    Configure,
    EditDocument,
    Feedback,
    Message,
    NextEdit,
    OpenDocument,
    PlaceContext,
    Question,
    Remember,
    Watch,
)
from kvlsp.opening.loading import Loaded


class Applying:
    """Messages of every kind, one at a time, to the ``parts`` that they concern."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def apply(self, message: Message | Loaded | Fetched) -> None:
        """What ``message`` changes: no forward, no more work than what has changed."""
        if isinstance(message, Watch):  # to look on changes nothing
            return self._parts.watching.ask(message)
        if isinstance(message, Fetched):
            return self._parts.documents.fetched(message)
        parts = self._parts
        if not isinstance(message, Loaded):
            message = parts.line_ends.incoming(message)
        documents, completer = parts.documents, parts.completer
        parts.watching.heard(message)
        parts.unloading.heard(message)
        documents.try_again()
        if isinstance(message, Question):
            parts.questions.answer(message)
        match message:
            case EditDocument(uri):
                self._edit(message, documents.get(uri))
            case Complete():
                completer.ask(message)
            case NextEdit():
                parts.next_edits.ask(message)
            case OpenDocument(snapshot):
                self._leave(snapshot.uri)
                completer.enter(documents.open(snapshot))
            case CloseDocument(uri):
                self._leave(uri)
                documents.close(uri)
                parts.tidying.closed()
            case PlaceContext():
                documents.show(message)
            case Remember():
                documents.remembering.hear(message, documents.settings)
            case Feedback():
                parts.answering.heard(message, documents.get(message.uri))
                parts.next_edits.heard(message)
            case Configure(settings):
                parts.models.configure(settings)
                parts.next_edits.forget_readers()
            case Loaded():
                parts.models.loaded(message)
                parts.next_edits.forget_readers()
                parts.answering.slowness.reset()

    def _edit(self, message: EditDocument, document: DocumentState | None) -> None:
        if document is None:
            self._parts.completer.enter(self._parts.documents.open(message.after))
            return
        self._parts.next_edits.follow(document, message)
        self._parts.completer.follow(document, message)
        self._parts.completer.enter(document)
        self._parts.documents.edit(document, message)

    def _leave(self, uri: str) -> None:
        """A document is closed, or opened again: nobody waits for it any more."""
        document = self._parts.documents.get(uri)
        self._parts.next_edits.forget(uri)
        if document is not None:
            self._parts.completer.end(document)
            document.unsync()
