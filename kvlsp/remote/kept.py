"""What a daemon keeps so that any engine can go on where another has ended: texts, contexts, settings, open questions.

Nothing of it leaves the daemon's memory but to the engine.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    Message,
    NextEdit,
    OpenDocument,
    PlaceContext,
    Reason,
    Remember,
    RememberedFile,
    TokensDescribed,
    Watch,
    Watched,
)
from kvlsp.text.document import Snapshot


class Kept:
    """Follows every message and every answer; each costs the same however much is open."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._texts: dict[str, Snapshot] = {}
        """The document that the user was in last stands last."""
        self._contexts: dict[str, PlaceContext] = {}
        self._files: dict[str, RememberedFile] = {}
        """For the memory of the workspace; their teller keeps to a bound."""
        self._withheld: tuple[str, ...] = ()
        """Open documents that are in no memory."""
        self._questions: dict[int, _Question] = {}

    def note(self, message: Message) -> None:
        """A message, before it is sent."""
        match message:
            case EditDocument(uri, after=after):
                self._texts.pop(uri, None)
                self._texts[uri] = after
            case OpenDocument(snapshot):
                self._texts.pop(snapshot.uri, None)
                self._texts[snapshot.uri] = snapshot
            case CloseDocument(uri):
                self._texts.pop(uri, None)
                self._contexts.pop(uri, None)
            case PlaceContext(uri):
                if uri in self._texts:
                    self._contexts[uri] = message
            case Remember(files, anew, withheld):
                self._withheld = self._withheld if withheld is None else withheld
                if anew:
                    self._files.clear()
                for file in files:
                    self._files.pop(file.path, None)
                    if file.text:
                        self._files[file.path] = file
            case Configure(settings):
                self.settings = settings
            case (Complete(ticket) | NextEdit(ticket) | DescribeDocument(ticket) | DescribeEngine(ticket)
                  | DescribeTokens(ticket) | Watch(ticket)):
                self._questions[ticket] = message

    def answered(self, event: Event) -> bool:
        """An event, before it is handed on; False for the answer to a question that was answered already."""
        if isinstance(event, Completed | DocumentDescribed | EngineDescribed | TokensDescribed | Watched):
            return self._questions.pop(event.ticket, None) is not None
        return True

    def waits(self, ticket: int) -> bool:
        """Whether this question has no answer yet."""
        return ticket in self._questions

    def again(self) -> Iterator[Message]:
        """All that an engine has to know that knows the settings only."""
        if self._withheld:
            yield Remember((), withheld=self._withheld)
        for uri, snapshot in self._texts.items():
            yield OpenDocument(snapshot)
            if uri in self._contexts:
                yield self._contexts[uri]
        for file in self._files.values():
            yield Remember((file,))
        yield from [question for question in self._questions.values() if isinstance(question, Watch)]

    def answers(self, reason: Reason) -> list[Event]:
        """An answer to every open question, given in place of an engine that is not there. Watchers, who would ask
        again at once, wait for the next engine."""
        ends = reason is Reason.SHUTTING_DOWN
        questions = [question for question in self._questions.values() if ends or not isinstance(question, Watch)]
        for question in questions:
            del self._questions[question.ticket]
        return [without_engine(question, reason) for question in questions]


_Question = Complete | NextEdit | DescribeDocument | DescribeEngine | DescribeTokens | Watch


def without_engine(question: _Question, reason: Reason) -> Event:
    """The answer where there is no engine."""
    match question:
        case Complete(ticket) | NextEdit(ticket):
            return Completed(ticket, (), reason, {})
        case DescribeDocument(ticket):
            return DocumentDescribed(ticket, None)
        case DescribeEngine(ticket):
            return EngineDescribed(ticket, {"model": "no engine is there"})
        case DescribeTokens(ticket):
            return TokensDescribed(ticket, ())
        case Watch(ticket):
            return Watched(ticket, {})
