"""Messages to an engine as frames, and back. Texts travel whole when they are opened, else by their edits.

    outgoing.frame(message)      # at the editor's end
    incoming.message(frame)      # at the engine's: an equal message, its texts built from the edits

Each end keeps the texts that it has told or heard of, and the two are equal or the conversation is over: an edit says
which version it begins from and how long the text is behind it. Seconds are of each end's own clock.
"""

from __future__ import annotations

from collections.abc import Callable

from kvlsp import messages as plain
from kvlsp.errors import WireError
from kvlsp.text.document import Change, Snapshot
from kvlsp.text.edit import Edit
from kvlsp.text.rope import Rope
from kvlsp.wire import schema
from kvlsp.wire.frames import pack
from kvlsp.wire.limits import LONGEST_WAIT, MOST_EDITS, MOST_REQUESTS
from kvlsp.wire.texts import Texts
from kvlsp.wire.words import of_settings, to_bytes, to_settings, to_text


class Outgoing:
    """At the editor's end of one connection."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._texts = Texts()

    def pack(self, message: plain.Message) -> bytes:
        """The message's frame, for the stream. :class:`WireError` where none can say it; then the engine has not heard
        of it, and hears of its text as a whole with the next."""
        frame = self.frame(message)
        try:
            return pack(frame)
        except WireError:
            if isinstance(frame, schema.Open | schema.Edit):
                self._texts.drop(to_text(frame.uri))
            raise

    def frame(self, message: plain.Message) -> schema.FromClient:
        """The frame; :class:`WireError` if none can carry the message."""
        match message:
            case plain.EditDocument():
                return self._edit(message)
            case plain.OpenDocument(snapshot):
                return self._open(snapshot)
            case plain.CloseDocument(uri):
                self._texts.drop(uri)
                return schema.Close(to_bytes(uri))
            case plain.Complete(ticket, uri, version, offset, trigger, received, selected, asks_again=again,
                                asks_late=late):
                waited = min(max(0.0, self._clock() - received), LONGEST_WAIT)
                return schema.Ask(ticket, to_bytes(uri), version, offset, trigger, waited, _selection(selected), again,
                                  late)
            case plain.NextEdit(ticket, uri, version, offset, trigger, received):
                waited = min(max(0.0, self._clock() - received), LONGEST_WAIT)
                return schema.AskNext(ticket, to_bytes(uri), version, offset, trigger, waited)
            case plain.PlaceContext(uri, chunks, repository, path):
                pieces = tuple(schema.Chunk(to_bytes(chunk.path), to_bytes(chunk.text)) for chunk in chunks)
                return schema.Place(to_bytes(uri), pieces, to_bytes(repository), to_bytes(path))
            case plain.Remember(files, anew, withheld):
                told = tuple(schema.Chunk(to_bytes(file.path), to_bytes(file.text)) for file in files)
                return schema.Remember(told, anew, None if withheld is None else tuple(map(to_bytes, withheld)))
            case plain.Feedback(uri, completion, kind, length):
                return schema.Feedback(to_bytes(uri), completion, kind, length)
            case plain.DescribeDocument(ticket, uri):
                return schema.DescribeDocument(ticket, to_bytes(uri))
            case plain.DescribeEngine(ticket):
                return schema.DescribeEngine(ticket)
            case plain.DescribeTokens(ticket, ids):
                return schema.DescribeTokens(ticket, ids)
            case plain.Watch(ticket, since, uri):
                return schema.Watch(ticket, since, None if uri is None else to_bytes(uri))
            case plain.Configure(settings):
                return schema.Configure(of_settings(settings))
            case plain.Shutdown(returns):
                return schema.Shutdown(returns)

    def _open(self, snapshot: Snapshot) -> schema.Open:
        self._texts.set(snapshot)
        text = to_bytes(str(snapshot.text))
        return schema.Open(to_bytes(snapshot.uri), snapshot.version, to_bytes(snapshot.language), text)

    def _edit(self, message: plain.EditDocument) -> schema.Edit | schema.Open:
        """Whole where the edits do not lead from the text that the engine has to the one after them."""
        known, after, changes = self._texts.get(message.uri), message.after, message.changes
        if (known is None or (known.version, known.language) != (message.base_version, after.language)
                or after.uri != message.uri or len(changes) > MOST_EDITS
                or (changes[-1].after if changes else known.text) is not after.text):
            return self._open(after)
        self._texts.set(after)
        edits = tuple(schema.Edited(edit.start, edit.end, to_bytes(edit.text))
                      for edit in (change.edit for change in changes))
        return schema.Edit(to_bytes(message.uri), message.base_version, after.version, edits, len(after.text))


class Incoming:
    """At the engine's end of one connection."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._texts = Texts()
        self._asked: dict[int, plain.CancelToken] = {}

    def message(self, frame: schema.FromClient) -> plain.Message | None:
        """The message; None where the frame was none (:class:`schema.Ping`) or has been seen to (a cancelled request).

        :class:`WireError` for what no honest client sends.
        """
        match frame:
            case schema.Edit():
                return self._edit(frame)
            case schema.Open(uri, version, language, text):
                snapshot = Snapshot(to_text(uri), version, Rope.of(to_text(text)), to_text(language))
                self._texts.set(snapshot)
                return plain.OpenDocument(snapshot)
            case schema.Close(uri):
                self._texts.drop(to_text(uri))
                return plain.CloseDocument(to_text(uri))
            case schema.Ask():
                return self._ask(frame)
            case schema.AskNext(ticket, uri, version, offset, trigger, waited):
                return plain.NextEdit(ticket, to_text(uri), version, offset, trigger, self._clock() - waited,
                                      self._token(ticket))
            case schema.Cancel(ticket):
                if (token := self._asked.get(ticket)) is not None:
                    token.cancel()
            case schema.Place(uri, chunks, repository, path):
                pieces = tuple(plain.ContextChunk(to_text(chunk.path), to_text(chunk.text)) for chunk in chunks)
                return plain.PlaceContext(to_text(uri), pieces, to_text(repository), to_text(path))
            case schema.Remember(files, anew, withheld):
                return plain.Remember(
                    tuple(plain.RememberedFile(to_text(file.path), to_text(file.text)) for file in files), anew,
                    None if withheld is None else tuple(map(to_text, withheld)))
            case schema.Feedback(uri, completion, kind, length):
                return plain.Feedback(to_text(uri), completion, kind, length)
            case schema.DescribeDocument(ticket, uri):
                return plain.DescribeDocument(ticket, to_text(uri))
            case schema.DescribeEngine(ticket):
                return plain.DescribeEngine(ticket)
            case schema.DescribeTokens(ticket, ids):
                return plain.DescribeTokens(ticket, ids)
            case schema.Watch(ticket, since, uri):
                return plain.Watch(ticket, since, None if uri is None else to_text(uri))
            case schema.Configure(settings):
                return plain.Configure(to_settings(settings))
            case schema.Shutdown(returns):
                return plain.Shutdown(returns)
            case schema.Ping():
                pass
        return None

    def answered(self, ticket: int) -> None:
        """A request has its answer; called from any thread."""
        self._asked.pop(ticket, None)

    def cancel_all(self) -> None:
        """The client has gone."""
        for token in list(self._asked.values()):
            token.cancel()

    def _edit(self, frame: schema.Edit) -> plain.EditDocument:
        uri = to_text(frame.uri)
        known = self._texts.get(uri)
        if known is None or known.version != frame.base_version:
            raise WireError("An edit came of a version that is not here.")
        text, changes = known.text, []
        for edited in frame.edits:
            if not edited.start <= edited.end <= len(text):
                raise WireError("An edit came that lies beyond the end of its text.")
            edit = Edit(edited.start, edited.end, to_text(edited.text))
            text = text.replace(edit)
            changes.append(Change(edit, text))
        if len(text) != frame.length:
            raise WireError("An edit came after which the texts of both ends are of different lengths.")
        after = Snapshot(uri, frame.version, text, known.language)
        self._texts.set(after)
        return plain.EditDocument(uri, frame.base_version, tuple(changes), after)

    def _ask(self, frame: schema.Ask) -> plain.Complete:
        token = self._token(frame.ticket)
        return plain.Complete(frame.ticket, to_text(frame.uri), frame.version, frame.offset, frame.trigger,
                              self._clock() - frame.waited, _selected(frame.selected), token, frame.asks_again,
                              frame.asks_late)

    def _token(self, ticket: int) -> plain.CancelToken:
        """By which a new request is cancelled."""
        if ticket in self._asked or len(self._asked) >= MOST_REQUESTS:
            raise WireError("A request came with the number of another one, or before too many others were answered.")
        token = self._asked[ticket] = plain.CancelToken()
        return token


def _selection(selected: plain.Selected | None) -> schema.Selection | None:
    return None if selected is None else schema.Selection(selected.start, selected.end, to_bytes(selected.text))


def _selected(selection: schema.Selection | None) -> plain.Selected | None:
    return None if selection is None else plain.Selected(selection.start, selection.end, to_text(selection.text))
