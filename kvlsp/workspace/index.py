"""The index of one root: outlines of its files, kept in SQLite, brought up to date file by file.

    index = Index(Rules(root))
    for progress in index.scan():      # beside work: stop between any two, go on or begin again later
        ...
    index.refresh([path])              # the watcher's word
    index.open_document(path, text)    # from now on the disk does not count for it
    index.named({"Circle"})

A scan reads a file only if its size or time changed since it was last read. Memory is bounded by SQLite's page
cache and the stamps of the files. One thread at a time may use it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from kvlsp.errors import TooCostly
from kvlsp.syntax.language import Language
from kvlsp.workspace.files import Walked, walk
from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.lookup import OPEN, Lookup
from kvlsp.workspace.outline import Outline, Outliner, outline_of
from kvlsp.workspace.passing import sentences
from kvlsp.workspace.reading import Stamp, read_source, stamp_of
from kvlsp.workspace.refusal import Refusal
from kvlsp.workspace.tables import Read, forget, write

MOST_FILES: Final = 50_000
"""Of one root; what the walk meets later is left out."""
BATCH: Final = 16
"""Files per transaction."""
CLOSED: Final = Stamp(-2, -2)
"""The stamp of a file that cannot be read now. It is tried again at every scan, since no stamp shows when it may be
read."""


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """``total`` is None while the walk still looks for files that changed."""

    done: int
    total: int | None


class Looking(Protocol):
    """Is told which folders a scan reads."""

    def enter(self, folder: Path) -> None: ...

    def end(self) -> None:
        """The walk is over: there are no other folders."""


class Index(Lookup):
    """See the module; what it is asked: :class:`Lookup`. ``folder``: where it is kept, the cache folder if None."""

    def __init__(self, rules: Rules, folder: Path | None = None, outline: Outliner = outline_of) -> None:
        super().__init__(rules, folder)
        self._outline = outline
        self.walked = Walked()
        """What the last scan passed over."""
        self._passed_over: tuple[str, ...] | None = None
        self.behind = False
        """Something could not be written, another process held the file for long: scan again when there is time."""
        self.truncated = False
        """There are more than :data:`MOST_FILES` files."""
        self._documents: dict[Path, str] = {}
        """Texts of all open documents, those that are excluded now too: what is excluded can change."""

    @property
    def problem(self) -> str:
        """A sentence when the index cannot be kept between runs."""
        return self._store.problem

    @property
    def lost(self) -> int:
        """How often all was thrown away, for the file was damaged; grown: scan again, open documents anew."""
        return self._store.lost

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Sentences about what would be read, but cannot be; as long as it is so."""
        if self._passed_over is None:
            rows = self._store.rows("SELECT path, refusal FROM files WHERE refusal IN (?, ?) ORDER BY path LIMIT 100",
                                    [Refusal.CLOSED.name, Refusal.COSTLY.name])
            files = [(self.root / path, Refusal[refusal]) for path, refusal in rows]
            self._passed_over = sentences(self.walked.closed, self.rules.unfollowed, files)
        return self._passed_over

    # -- bringing up to date

    def scan(self, looking: Looking | None = None) -> Iterator[ScanProgress]:
        """Make the index equal to what lies on the disk and is open; yields often, may be left at any point.

        ``looking`` hears which folders are read.
        """
        lost = self.lost
        yield from self._scan(looking)
        if self.lost != lost:  # the file was damaged and all is new: once more, not for ever
            yield from self._scan(looking)

    def _scan(self, looking: Looking | None) -> Iterator[ScanProgress]:
        self.behind = False
        self.rules.forget()
        for path, text in self._documents.items():
            if not self._counts(path):
                self._open.discard(self._key(path))
            elif self._key(path) not in self._open:
                self._put_document(path, text)
        walked = Walked()
        changed: list[Path] = []
        seen: set[str] = set(self._open)
        known = self._stamps()
        self.truncated = False
        number = 0
        for file in walk(self.rules, walked, *([looking.enter] if looking else [])):
            if file is None:
                yield ScanProgress(0, None)
                continue
            if number >= MOST_FILES:
                self.truncated = True
                break
            key = self._key(file.path)
            seen.add(key)
            if key not in self._open and known.get(key) != file.stamp:
                changed.append(file.path)
            if number % 200 == 0:
                yield ScanProgress(0, None)
            number += 1
        self.walked, self._passed_over = walked, None
        if looking is not None:
            looking.end()
        self._remove(key for key in known if key not in seen)
        waiting = iter(changed)
        done = 0
        while batch := list(islice(waiting, BATCH)):
            outlines = []
            for path in batch:
                outlines.append(self._read(path))
                if outlines[-1].refusal == Refusal.COSTLY.name:  # it took seconds: the others do not wait, and if the
                    self._put(outlines)  # process ends it is not tried again
                    outlines = []
                yield ScanProgress(done, len(changed))
                done += 1
            self._put(outlines)
        yield ScanProgress(done, len(changed))

    def refresh(self, paths: Iterable[Path]) -> None:
        """Read these files again; one that is gone, or must not be read, is forgotten, a folder with all below it.

        After a .gitignore changed only a :meth:`scan` will do; so too for a folder that appeared.
        """
        waiting = iter(paths)
        while batch := list(islice(waiting, BATCH)):
            outlines, gone = [], []
            for path in batch:
                if not path.is_relative_to(self.root) or self._key(path) in self._open:
                    continue
                refusal = self.rules.refusal(path)
                if refusal is None:
                    outlines.append(self._read(path))
                else:
                    gone.append(self._key(path))
            self._remove(gone)
            for key in gone:
                self._remove_below(key)
            self._put(outlines)

    def open_document(self, path: Path, text: str) -> None:
        """The text of an open document, as often as it changes enough; what is excluded stays so while it is open."""
        if _language(path) is None or not path.is_relative_to(self.root):
            return
        self._documents[path] = text
        if self._counts(path):
            self._put_document(path, text)

    def close_document(self, path: Path) -> None:
        """The disk counts again."""
        self._documents.pop(path, None)
        if path.is_relative_to(self.root) and self._key(path) in self._open:
            self._open.discard(self._key(path))
            self.refresh([path])

    def _counts(self, path: Path) -> bool:
        """Whether an open document is part of the index; it need not be on the disk."""
        return self.rules.refusal(path) in (None, Refusal.GONE)

    def _put_document(self, path: Path, text: str) -> None:
        key = self._key(path)
        self._open.add(key)
        try:
            outline = self._outline_of(path, text)
        except TooCostly:
            outline = _NOTHING
        self._put([Read(key, OPEN, "", outline, text)])

    def _stamps(self) -> dict[str, Stamp]:
        rows = self._store.rows("SELECT path, size, modified FROM files")
        return {path: Stamp(size, modified) for path, size, modified in rows}

    def _read(self, path: Path) -> Read:
        """A file's outline; what turns out to be binary or generated is remembered with its stamp, without content."""
        found = read_source(path)
        if found is Refusal.CLOSED:
            return Read(self._key(path), CLOSED, found.name, _NOTHING, "")
        if isinstance(found, Refusal):
            try:
                status = path.lstat()
            except OSError:
                return Read(self._key(path), None, found.name, _NOTHING, "")
            return Read(self._key(path), stamp_of(status), found.name, _NOTHING, "")
        text, stamp = found
        try:
            return Read(self._key(path), stamp, "", self._outline_of(path, text), text)
        except TooCostly:
            return Read(self._key(path), stamp, Refusal.COSTLY.name, _NOTHING, "")

    def _outline_of(self, path: Path, text: str) -> Outline:
        language = _language(path)
        return _NOTHING if language is None else self._outline(language, text)

    def _put(self, files: list[Read]) -> None:
        if files:
            self._write_all(partial(write, files, self.ranks))

    def _write_all(self, work: Callable[[sqlite3.Connection], None]) -> None:
        self._passed_over = None
        if not self._store.write(work):
            self.behind = True

    def _remove(self, keys: Iterable[str]) -> None:
        waiting = iter(keys)
        while batch := list(islice(waiting, 100)):
            self._write_all(partial(forget, batch, self.ranks))

    def _remove_below(self, folder: str) -> None:
        if folder == ".":
            rows = self._store.rows("SELECT path FROM files")
        else:  # "0" follows "/": all that begins with "folder/"
            rows = self._store.rows("SELECT path FROM files WHERE path > ? AND path < ?", [folder + "/", folder + "0"])
        self._remove(path for (path,) in rows if path not in self._open)


_NOTHING = Outline((), ())


def _language(path: Path) -> Language | None:
    return Language.of(path.suffix.lower())
