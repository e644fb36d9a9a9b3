"""The editor's line ends at the engine's door: inside, every text has line feeds alone, as models were trained on them.

    line_ends = LineEnds()
    message = line_ends.incoming(message)        # offsets, changes and texts with line feeds alone
    event = line_ends.outgoing(event)            # the editor's offsets and line ends again

Documents whose line ends are line feeds pass through as they are. The editor's own text is kept here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kvlsp.messages import (
    CloseDocument,
    Complete,
    Completed,
    ContextChunk,
    EditDocument,
    Event,
    Item,
    Message,
    NextEdit,
    OpenDocument,
    PlaceContext,
    Remember,
    RememberedFile,
    Selected,
)
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.line_feeds import LineFeeds, plain


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where an answer goes in the editor's text, and the line end there."""

    start: int
    end: int
    line_end: str


class LineEnds:
    """The texts of all open documents, as their editor has them and plain."""

    def __init__(self) -> None:
        self._texts: dict[str, LineFeeds] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._asked: dict[int, _Asked] = {}
        """By ticket, where the answer has to be turned back."""
        self._asked_next: dict[int, str] = {}
        """By ticket, in which document the answer may stand anywhere."""

    def snapshot(self, uri: str) -> Snapshot | None:
        """The editor's text; None for a document that is not open."""
        return self._snapshots.get(uri)

    def incoming(self, message: Message) -> Message:
        """The message with line feeds alone."""
        match message:
            case OpenDocument(snapshot):
                return OpenDocument(self._open(snapshot))
            case EditDocument():
                return self._edit(message)
            case CloseDocument(uri):
                self._texts.pop(uri, None)
                self._snapshots.pop(uri, None)
            case Complete():
                return self._ask(message)
            case NextEdit():
                return self._ask_next(message)
            case PlaceContext():
                chunks = tuple(ContextChunk(chunk.path, plain(chunk.text)) for chunk in message.chunks)
                return message if chunks == message.chunks else replace(message, chunks=chunks)
            case Remember(files):
                plainly = tuple(RememberedFile(file.path, plain(file.text)) for file in files)
                return message if plainly == files else replace(message, files=plainly)
        return message

    def outwards(self, events: Callable[[Event], None]) -> Callable[[Event], None]:
        """What takes the engine's events and hands them on as :meth:`outgoing` has them."""
        return lambda event: events(self.outgoing(event))

    def outgoing(self, event: Event) -> Event:
        """The event as the editor's text has it."""
        if not isinstance(event, Completed):
            return event
        if (uri := self._asked_next.pop(event.ticket, None)) is not None:
            return replace(event, items=tuple(self._elsewhere(uri, item) for item in event.items))
        asked = self._asked.pop(event.ticket, None)
        if asked is None:
            return event
        items = tuple(replace(item, start=asked.start, end=asked.end, text=item.text.replace("\n", asked.line_end))
                      for item in event.items)
        return replace(event, items=items)

    # ---------------------------------------------------------------------------------------------------------

    def _open(self, snapshot: Snapshot) -> Snapshot:
        text = LineFeeds.of(snapshot.text)
        self._texts[snapshot.uri], self._snapshots[snapshot.uri] = text, snapshot
        return _with(snapshot, text)

    def _edit(self, message: EditDocument) -> EditDocument:
        text, known = self._texts.get(message.uri), self._snapshots.get(message.uri)
        if text is None or known is None or known.version != message.base_version:
            return replace(message, changes=(), after=self._open(message.after))  # the text is taken over whole
        changes: list[Change] = []
        for change in message.changes:
            text, plainly = text.follow(change)
            if not plainly.edit.changes_nothing:
                changes.append(plainly)
        self._texts[message.uri], self._snapshots[message.uri] = text, message.after
        return replace(message, changes=tuple(changes), after=_with(message.after, text))

    def _ask(self, message: Complete) -> Complete:
        text, selected, offset = self._texts.get(message.uri), message.selected, message.offset
        if text is None or not text.returns or message.offset > len(text.text):
            return message
        start = end = offset - text.between(offset)  # never between the two characters of a line end
        if selected is not None:
            start, end = selected.start, selected.end
            selected = Selected(text.offset(start), text.offset(end), plain(selected.text))
        self._asked[message.ticket] = _Asked(start, end, text.line_end_at(start))
        return replace(message, offset=text.offset(offset), selected=selected)

    def _ask_next(self, message: NextEdit) -> NextEdit:
        text = self._texts.get(message.uri)
        if text is None or not text.returns or message.offset > len(text.text):
            return message
        self._asked_next[message.ticket] = message.uri
        return replace(message, offset=text.offset(message.offset))

    def _elsewhere(self, uri: str, item: Item) -> Item:
        """Some lines, or part of one, wherever they are, as the editor's text has them."""
        text = self._texts.get(uri)
        if text is None:
            return item
        start, end = text.original(item.start), text.original(item.end)
        return replace(item, start=start, end=end, text=item.text.replace("\n", text.line_end_at(start)))


def _with(snapshot: Snapshot, text: LineFeeds) -> Snapshot:
    return snapshot if text.plain is snapshot.text else replace(snapshot, text=text.plain)
