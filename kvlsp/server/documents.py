"""The open documents as the editor has them: our own texts, never the protocol library's.

A URI is an opaque string: ``untitled:``, notebook cells and schemes nobody has heard of are documents like any other.
One that is not open may be another spelling of one that is (:meth:`Documents.spelled`). A change becomes the one
message that the engine needs.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvlsp.errors import UnknownDocument
from kvlsp.messages import EditDocument, OpenDocument
from kvlsp.text.composed import composed
from kvlsp.text.document import Document, FullChange, RangeChange, Snapshot
from kvlsp.text.position import PositionEncoding
from kvlsp.text.uris import path_of


class Documents:
    """One text per URI."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}
        self._lost: dict[str, str] = {}
        """Documents whose text is not known (a change did not fit), and their languages."""
        self._said: dict[str, int | None] = {}
        """The version that the editor said last."""
        self._spellings: dict[str, str] = {}
        """By file: the URI under which it was opened last."""

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, uri: str) -> bool:
        return uri in self._open

    def spelled(self, uri: str) -> str:
        """The URI under which this file was opened: some clients write other escapes, or a drive's letter in the other
        case, when they change a document or ask about it."""
        return uri if uri in self._open or uri in self._lost else self._spellings.get(_file(uri), uri)

    def version(self, uri: str) -> int | None:
        """The version that the editor said last; not ours, which grows whatever it says."""
        return self._said.get(uri)

    def snapshot(self, uri: str) -> Snapshot | None:
        """The text now; None when the document is not open or its text is not known."""
        document = self._open.get(uri)
        return None if document is None else document.snapshot

    def snapshots(self) -> tuple[Snapshot, ...]:
        """All texts that are known now, in the order in which they were opened."""
        return tuple(document.snapshot for document in self._open.values())

    def open(self, uri: str, language: str, version: int | None, text: str) -> OpenDocument:
        """A document that is open already is replaced."""
        self._lost.pop(uri, None)
        self._said[uri] = version
        self._spellings[_file(uri)] = uri
        document = self._open[uri] = Document.open(uri, language, version or 0, text)
        return OpenDocument(document.snapshot)

    def change(self, uri: str, version: int | None, changes: Sequence[RangeChange | FullChange],
               encoding: PositionEncoding) -> EditDocument | OpenDocument | None:
        """The changes of one notification, each on the text that the one before left.

        Messages come in the order in which they were sent, so a change is made whatever its version is: some clients
        say none, always the same, or one that goes back with an undo; ours grows by one then. Raises
        :class:`UnknownDocument` if the document is not open; when a change does not fit, the text is given up
        (:meth:`give_up`), and further incremental changes give None until the editor sends the text as a whole.
        """
        if uri in self._open or uri in self._lost:
            self._said[uri] = version
        try:
            return self._change(uri, version, changes, encoding)
        except UnknownDocument:
            raise
        except Exception:
            self.give_up(uri)
            raise

    def give_up(self, uri: str, language: str | None = None) -> bool:
        """The text is not known until the editor opens it again or sends it as a whole. Whether that is news.

        ``language``: of a document that the editor tried to open; without it one that is not open stays unknown.
        """
        document = self._open.pop(uri, None)
        language = language if document is None else document.snapshot.language
        if language is None or (document is None and uri in self._lost):
            return False
        self._lost[uri] = language
        return True

    @property
    def lost(self) -> tuple[str, ...]:
        """URIs of the open documents whose text is not known."""
        return tuple(self._lost)

    def saved(self, uri: str, text: str) -> OpenDocument | None:
        """What the editor says that it saved; None where that is what we have, or nothing is known of the document.

        One line end at the end may be there or not: Neovim's 'fixendofline' writes it into the file, its changes speak
        as if it were there, and the text that it gives as a whole goes without.
        """
        document = self._open.get(uri)
        if document is None or _without_last_end(str(document.snapshot.text)) == _without_last_end(text):
            return None
        self._open[uri] = Document.open(uri, document.snapshot.language, document.snapshot.version, text)
        return OpenDocument(self._open[uri].snapshot)

    def _change(self, uri: str, version: int | None, changes: Sequence[RangeChange | FullChange],
                encoding: PositionEncoding) -> EditDocument | OpenDocument | None:
        document = self._open.get(uri)
        if document is None:
            return self._reopen(uri, version or 0, changes, encoding)
        before = document.snapshot
        grown = before.version + 1 if version is None else max(version, before.version + 1)
        applied = document.apply(grown, changes, encoding)
        return EditDocument(uri, before.version, composed(before.text, applied), document.snapshot)

    def _reopen(self, uri: str, version: int, changes: Sequence[RangeChange | FullChange],
                encoding: PositionEncoding) -> OpenDocument | None:
        """Start again from the last whole text among the changes."""
        language = self._lost.get(uri)
        if language is None:
            raise UnknownDocument(f"A change came for {uri}, which is not open; it was ignored.")
        whole = next((i for i in reversed(range(len(changes))) if isinstance(changes[i], FullChange)), None)
        whole_text = None if whole is None else changes[whole]
        if whole is None or not isinstance(whole_text, FullChange):
            return None
        rest = changes[whole + 1:]
        opened = Document.open(uri, language, version - 1 if rest else version, whole_text.text)
        if rest:
            opened.apply(version, rest, encoding)
        self._lost.pop(uri, None)
        self._open[uri] = opened
        return OpenDocument(opened.snapshot)

    def close(self, uri: str) -> bool:
        """Whether the editor had it open (a text that was given up counts)."""
        known = uri in self._open or uri in self._lost
        self._open.pop(uri, None)
        self._lost.pop(uri, None)
        self._said.pop(uri, None)
        if self._spellings.get(_file(uri)) == uri:
            del self._spellings[_file(uri)]
            self._spellings.update((_file(other), other) for other in (*self._open, *self._lost)
                                   if _file(other) == _file(uri))
        return known


def _file(uri: str) -> str:
    """The same for all spellings of a ``file:`` URI. One of another scheme names a file of its own."""
    return path_of(uri) or uri


def _without_last_end(text: str) -> str:
    return next((text[:-len(end)] for end in ("\r\n", "\n", "\r") if text.endswith(end)), text)
