"""When a document's rows go to disk, and when they are awaited from there.

They go when the document is closed, when its cache leaves memory and when the daemon ends: then nobody needs the arrays
any more, and the thread that writes has them. Of a document that stays open they are copied at rest, a layer at a time,
once it is exact, and not often. They are awaited when a session begins without rows. What is on disk is
:mod:`kvlsp.shelf`'s business. Used from the engine's thread only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from kvlsp.cache.resident import Rows
from kvlsp.config import MEBIBYTE, Settings
from kvlsp.engine.pace import Pace
from kvlsp.engine.session import Session
from kvlsp.opening.kept import weights_folder
from kvlsp.opening.model import Model
from kvlsp.opening.offload import apart
from kvlsp.shelf.folder import Folder, rows_folder
from kvlsp.shelf.shelf import Kind, Shelf
from kvlsp.shelf.shelved import Book, Layer, Leaving, Shelved, leaving
from kvlsp.shelf.waiting import Waiting
from kvlsp.shelf.worker import Worker
from kvlsp.shelf.worth import Worth
from kvlsp.text.secret_names import secret_uri

EVERY: Final = 120.0
"""Seconds between two copies of a document that stays open."""
LONGEST_WAIT: Final = 2.0
"""Seconds that a document waits for its rows before it goes on without them."""
AT_THE_END: Final = 1.5
"""Seconds that the daemon's end may take on their account: editors kill what takes longer than two or three."""
MOST_AT_ONCE: Final = 256 << 20
"""Bytes that are copied in one go: from a device when a document is closed, from another engine's cache at rest."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was on disk for the document of a session, None if nothing was."""

    uri: str
    session: Session
    shelved: Shelved | None


@dataclass(slots=True)
class _Copying:
    """Rows that are being copied: what they are, and the layers that are there."""

    uri: str
    rows: Rows
    source: Leaving
    layers: Iterator[Layer]
    copied: list[Layer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What lies on disk of a document: its ``text`` as a digest of the tokens, the ``caret`` in rows of text, whether
    all rows are exact, how many; ``rows`` is the cache's own list where it is known to hold nothing newer."""

    text: bytes
    caret: int
    exact: bool
    count: int
    at: float
    rows: Rows | None = None


class Shelving:
    """``clock`` in seconds; ``done`` is called on another thread with what has come back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.worth = Worth()
        self.worker = Worker()
        self.waiting = Waiting()
        """What is on its way to the disk; set before a model is served where several engines have one bound."""
        self.done: Callable[[Fetched], None] = lambda fetched: None
        self.pace: Pace | None = None
        """By which rows are encoded that somebody waits for."""
        self.folder: Callable[[], Path] = rows_folder
        """Where rows are kept; looked at when a model is served."""
        self._clock = clock
        self._shelf: Shelf | None = None
        self._kept: dict[str, _Kept] = {}
        self._copying: _Copying | None = None

    @property
    def disk(self) -> tuple[int | None, int]:
        """Bytes that lie on disk of all models' documents, as of the last look (None: nobody has looked yet), and their
        bound; 0 where nothing is kept."""
        return (None, 0) if self._shelf is None else (self._shelf.held, self._shelf.bound)

    def serve(self, model: Model | None, settings: Settings) -> None:
        """From now on of this model; of none, or with nothing allowed on disk, nothing is kept or awaited."""
        self._copying, self._shelf = None, None
        self._kept.clear()
        if model is not None and model.identity and settings.disk_mib and not model.full_prefill:
            kind = Kind.of(model.identity, model.name, model.description, model.decoder, model.template)
            beside = (weights_folder(settings.disk_mib),)
            folder = Folder(self.folder(), settings.disk_mib * MEBIBYTE, beside)
            self._shelf = Shelf(kind, folder, self.worker, self.worth, self.waiting)

    # --- coming back -----------------------------------------------------------------------------------------

    def fetch(self, uri: str, session: Session) -> float | None:
        """Ask for the rows of a document; until when they are worth waiting for, None if there are none."""
        if self._shelf is None or session.full_prefill or not self._shelf.has(uri):
            return None
        self._shelf.fetch(uri, lambda shelved: self.done(Fetched(uri, session, shelved)))
        return self._clock() + LONGEST_WAIT

    def known(self, uri: str, shelved: Shelved) -> None:
        """Note what lies on disk of a document."""
        book = shelved.book
        exact = book.frontier == len(book) or not (book.frontier or book.waits.any())  # or but for rounding
        self._kept[uri] = _Kept(_digest(book), book.caret, exact, len(book), self._clock())

    # --- leaving ---------------------------------------------------------------------------------------------

    def keep(self, uri: str, session: Session | None) -> None:
        """The session's rows leave memory, or its arrays are nobody's after this: have them written, if they are worth
        it and say more than what lies on disk."""
        rows = self._worth_keeping(uri, session, leaves=True)
        if self._shelf is None or session is None or rows is None:
            return
        if apart(session.model.decoder):
            if rows.nbytes > MOST_AT_ONCE:
                return
            copied = list(rows.layers())
            rows = replace(rows, layers=lambda: iter(copied))
        if self._shelf.keep(uri, rows):
            self._note(uri, session, rows, None)

    def due(self, uri: str, session: Session) -> float | None:
        """From when on a document at rest, exact as it is, should be copied; None when there is nothing to copy."""
        if self._shelf is None or session.full_prefill or not len(session.cache.rows) or not _kind_of_file(uri):
            return None
        kept = self._kept.get(uri)
        if kept is None:
            return self._clock() if self._worthy(session) else None
        return None if kept.rows is session.cache.rows else kept.at + EVERY

    def step(self, uri: str, session: Session) -> None:
        """Copy the next layer of a document that is exact."""
        copying, cache = self._copying, session.cache
        if copying is None or copying.uri != uri or copying.rows is not cache.rows:
            self._copying = None
            rows = self._worth_keeping(uri, session, leaves=False)
            if rows is None or (rows.own is not None and rows.nbytes > MOST_AT_ONCE):
                self._same(uri, session)
                return
            rows = _brought(rows)
            copying = self._copying = _Copying(uri, cache.rows, rows, rows.layers())
        layer = next(copying.layers, None)
        if layer is not None:
            copying.copied.append(layer)
            return
        self._copying = None
        whole = replace(copying.source, layers=lambda: iter(copying.copied))
        if self._shelf is not None:
            self._shelf.keep(uri, whole)
        self._note(uri, session, whole, cache.rows)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._kept.pop(uri, None)
        self._copying = None

    def end(self) -> None:
        """The daemon ends: what was to be written is, if that takes not long."""
        self.worker.close(AT_THE_END)

    def _worth_keeping(self, uri: str, session: Session | None, *, leaves: bool) -> Leaving | None:
        """The rows, None where they are not worth it. Where the caret has gone counts only when they leave, and in an
        order in which text crosses it: then the way back would be a jump."""
        if session is None or session.full_prefill or self._shelf is None or not _kind_of_file(uri):
            return None
        if not self._worthy(session):
            return None
        exact, kept = session.cache.stale == 0, self._kept.get(uri)
        rows = leaving(session.cache)
        if rows is None or kept is None:
            return rows
        same = kept.text == _digest(rows.book) and (kept.exact or not exact)
        if leaves and session.model.template.order == "suffix_first":
            same = same and kept.caret == rows.book.caret
        return None if same or len(rows.book) < kept.count // 2 else rows

    def _worthy(self, session: Session) -> bool:
        if self.pace is not None:
            self.worth.per_row = self.pace.per_row
        rows = len(session.cache.rows)
        return self._shelf is not None and self.worth.keeps(rows, rows * self._shelf.kind.bytes_per_row)

    def _note(self, uri: str, session: Session, rows: Leaving, cached: Rows | None) -> None:
        book = rows.book
        self._kept[uri] = _Kept(_digest(book), book.caret, session.cache.stale == 0, len(book), self._clock(), cached)

    def _same(self, uri: str, session: Session) -> None:
        """Note that the rows are on disk as they are: there is nothing to write."""
        kept = self._kept.get(uri) or _Kept(b"", 0, False, 0, self._clock())
        self._kept[uri] = replace(kept, rows=session.cache.rows)


def _brought(rows: Leaving) -> Leaving:
    """Rows of another engine are taken out of its cache now, which goes on changing."""
    if rows.own is None:
        return rows
    own = rows.own()
    return replace(rows, own=lambda: own)


def _digest(book: Book) -> bytes:
    return hashlib.blake2b(book.ids[book.text].tobytes(), digest_size=16).digest()


def _kind_of_file(uri: str) -> bool:
    """Whether a document has a name that it will have again, and one that tells of no secrets."""
    return not uri.startswith("untitled:") and not secret_uri(uri)
