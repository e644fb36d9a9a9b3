"""Which document somebody works in, and when its context is to be asked for: the state behind ``thread``.

It follows the messages that the engine gets. It asks when the keyboard rests for :data:`QUIET` seconds after the text
or the caret has changed, at once when the caret leaves the stretch between two definitions, and again when the index
has changed; one question at a time, and no texts meanwhile. Times are handed in; no thread, no disk, no model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from kvlsp.config import Settings
from kvlsp.crossfile.visits import Visits, stretched
from kvlsp.messages import ContextChunk, EditDocument, PlaceContext
from kvlsp.text.document import Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.workspace.messages import Ask, DocumentClosed, DocumentText, Retrieved, ToWorkspace, Visited

QUIET: Final = 0.3
LARGEST: Final = 1 << 20
"""Characters of a document beyond which its text is not sent, and nothing asked for it."""
PLACES: Final = 8
"""Of other documents, with a question."""


@dataclass(slots=True)
class _Open:
    snapshot: Snapshot
    path: str | None
    """On the disk; None: it was never saved."""
    name: str
    """By which the workspace knows it: its path, but for one that is open a second time, under another URI."""
    changed: float
    """When its text last changed."""
    caret: int = 0
    moved: float = 0.0
    """When its caret last moved."""
    sent: Rope | None = None
    asked: tuple[Rope, int] | None = None
    """Text and caret of the last question."""
    within: tuple[int, int] | None = None
    visits: Visits = field(default_factory=Visits)
    placed: PlaceContext | None = None


class Asking:
    """See the module. One thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._open: dict[str, _Open] = {}
        self._active: str | None = None
        self._names: set[str] = set()
        """Of those that are open."""
        self._closed: list[str] = []
        """Paths of closed documents that the workspace has not been told of yet."""
        self._count = 0
        self._waiting: tuple[int, str] | None = None
        """Number and document of the question that is not answered yet."""
        self._since: list[Edit] = []
        """Edits of that document since."""
        self._again = False

    # -- what happens in the editor

    def opened(self, snapshot: Snapshot, path: str | None, now: float) -> None:
        """A document was opened, or replaced as a whole; ``path``: on the disk, None for one that was never saved."""
        before = self._open.get(snapshot.uri)
        name = before.name if before is not None else snapshot.uri if path is None or path in self._names else path
        self._names.add(name)
        self._open[snapshot.uri] = _Open(snapshot, path, name, now - QUIET, moved=now)
        if before is not None:
            self._open[snapshot.uri].placed = before.placed
        if self._waiting is not None and self._waiting[1] == snapshot.uri:
            self._waiting = None
        self._active = snapshot.uri

    def edited(self, message: EditDocument, now: float) -> None:
        document = self._open.get(message.uri)
        if document is None:
            return
        document.snapshot, document.changed = message.after, now
        for change in message.changes:
            document.visits.follow(change.edit)
            if document.within is not None:
                document.within = stretched(document.within, change.edit)
            if self._waiting is not None and self._waiting[1] == message.uri:
                self._since.append(change.edit)
        if message.changes:
            last = message.changes[-1].edit
            self._move(document, last.start + len(last.text), now, edited=True)

    def visited(self, uri: str, offset: int, now: float) -> None:
        """The caret is here: something was asked for at this place."""
        document = self._open.get(uri)
        if document is not None:
            self._move(document, offset, now, edited=False)

    def closed(self, uri: str) -> None:
        document = self._open.pop(uri, None)
        if document is not None:
            self._closed.append(document.name)
            self._names.discard(document.name)
            self._active = None if self._active == uri else self._active
            if self._waiting is not None and self._waiting[1] == uri:
                self._waiting = None

    def uris(self, names: Collection[str]) -> tuple[str, ...]:
        """Of the documents that are open and that the workspace knows by these names."""
        return tuple(uri for uri, document in self._open.items() if document.name in names)

    def _move(self, document: _Open, caret: int, now: float, *, edited: bool) -> None:
        self._count += 1
        document.visits.add(caret, self._count, edited=edited)
        if caret != document.caret or self._active != document.snapshot.uri:
            document.caret, document.moved = caret, now
        self._active = document.snapshot.uri

    # -- what goes to the workspace

    def outgoing(self, now: float) -> Iterator[ToWorkspace]:
        """What is to be sent now; each is taken for sent."""
        for path in self._closed:
            yield DocumentClosed(path)
        self._closed.clear()
        if self._waiting is not None:  # a process that hangs is not heaped with texts
            return
        for one in self._open.values():
            if self._due(one) and now >= one.changed + QUIET:
                yield _text(one)
        document = self._document()
        if document is None or self._ask_at(document) > now:
            return
        for one in self._open.values():  # all of them: places count in the newest texts
            if _unsent(one):
                yield _text(one)
        self._count += 1
        self._waiting, self._again = (self._count, document.snapshot.uri), False
        self._since.clear()
        document.asked = document.snapshot.text, document.caret
        yield Ask(self._count, document.name, document.caret, self.settings.cross_file_tokens, self._places(document))

    def due(self, now: float) -> float | None:
        """Seconds until :meth:`outgoing` has something; None: not before something happens."""
        times: list[float] = []
        if self._waiting is None:
            times += [document.changed + QUIET for document in self._open.values() if self._due(document)]
            document = self._document()
            if document is not None:
                times.append(self._ask_at(document))
        least = min(times, default=float("inf"))
        return 0.0 if self._closed else None if least == float("inf") else max(0.0, least - now)

    def again(self) -> None:
        """Ask again: the answers may have changed."""
        self._again = True

    def lost(self) -> None:
        """Forget what was sent: a new process has to be told everything."""
        self._waiting, self._again = None, True
        self._closed.clear()
        for document in self._open.values():
            document.sent = document.within = None

    # -- what comes back

    def answered(self, answer: Retrieved) -> PlaceContext | None:
        """What the engine is to be told: nothing when it knows, or when the question is out of date."""
        if self._waiting is None or self._waiting[0] != answer.number:
            return None
        (_, uri), self._waiting = self._waiting, None
        document = self._open[uri]
        if answer.chunks is None:
            return None
        document.within = answer.within
        for edit in self._since:
            document.within = stretched(document.within, edit)
        chunks = tuple(ContextChunk(chunk.path, chunk.text) for chunk in answer.chunks)
        return self._placing(document, PlaceContext(uri, chunks, answer.root, answer.path))

    def cleared(self) -> Iterator[PlaceContext]:
        """Take away all contexts that were placed: nobody wants them any more."""
        for document in self._open.values():
            message = self._placing(document, PlaceContext(document.snapshot.uri, ()))
            if message is not None:
                yield message

    def _placing(self, document: _Open, message: PlaceContext) -> PlaceContext | None:
        if document.placed == message or (document.placed is None and not message.chunks):
            return None
        document.placed = message
        return message

    def _due(self, document: _Open) -> bool:
        """Whether its text has to be sent. If nothing will be asked about it, once is enough, to say that it is
        open."""
        return _unsent(document) and (self.settings.reads_workspace or document.sent is None)

    def _document(self) -> _Open | None:
        """The one that somebody works in, if a context is wanted there."""
        document = self._open.get(self._active) if self._active is not None else None
        if document is None or len(document.snapshot.text) > LARGEST or not self.settings.reads_workspace:
            return None
        return document if self.settings.serves(document.snapshot.language) else None

    def _ask_at(self, document: _Open) -> float:
        """When to ask for this document; infinite when nothing has changed since the last question."""
        text, caret = document.asked or (None, 0)
        if text is document.snapshot.text and caret == document.caret and not self._again:
            return float("inf")
        if document.within is not None and not document.within[0] <= document.caret <= document.within[1]:
            return 0.0
        return max(document.changed, document.moved) + QUIET

    def _places(self, document: _Open) -> tuple[Visited, ...]:
        """Of the other documents, the latest first."""
        found = [(visit.when, Visited(other.name, visit.offset, visit.edited))
                 for other in self._open.values() if other.path is not None and other.path != document.path
                 for visit in other.visits.latest]
        found.sort(key=lambda pair: -pair[0])
        return tuple(place for _, place in found[:PLACES])


def _unsent(document: _Open) -> bool:
    return document.sent is not document.snapshot.text and len(document.snapshot.text) <= LARGEST


def _text(document: _Open) -> DocumentText:
    document.sent = document.snapshot.text
    language = document.snapshot.language if document.path is None else None
    place = None if document.path == document.name else document.path
    return DocumentText(document.name, str(document.snapshot.text), language, place)
