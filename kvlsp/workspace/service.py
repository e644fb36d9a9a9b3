"""A workspace that is asked by messages: what comes is acted on, and between two messages a little is indexed.

    service = Service(send)
    service.act(message)
    service.step()          # when no message waits and service.due() says so: one file at most

It keeps the texts of all open documents, and what it last answered for each, so that what is placed keeps its place.
A token is taken for :data:`CHARACTERS_PER_TOKEN` characters.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from kvlsp.errors import KvlspError
from kvlsp.syntax.language import Language
from kvlsp.workspace.chunk import Chunk, Region
from kvlsp.workspace.exclude import excluded
from kvlsp.workspace.index import Index
from kvlsp.workspace.messages import (
    Ask,
    Condition,
    DocumentClosed,
    DocumentText,
    FilesChanged,
    FromWorkspace,
    PartOpened,
    Recollect,
    Retrieved,
    Roots,
    Shown,
    ToWorkspace,
    Visited,
)
from kvlsp.workspace.open_documents import OpenDocuments
from kvlsp.workspace.outline import Outliner, outline_of
from kvlsp.workspace.recollection import Recollection
from kvlsp.workspace.regions import regions_of, stretch
from kvlsp.workspace.retrieval import arrange, retrieve
from kvlsp.workspace.withholding import Withholding
from kvlsp.workspace.workspace import Workspace

log = logging.getLogger(__name__)

CHARACTERS_PER_TOKEN: Final = 3.5
"""Of source code, with the vocabularies of the models we know 3.2 to 4."""
HEAD: Final = 10
"""Tokens of the line that names a chunk's file."""
UNTITLED: Final = "untitled"
"""How a document that was never saved would be called, but for its ending."""
TELL: Final = 0.5
"""Seconds between two reports on how far the indexing is."""

MakeWorkspace = Callable[[Sequence[str]], Workspace]


class Service:
    """See the module. ``send`` takes what is answered; one thread."""

    def __init__(self, send: Callable[[FromWorkspace], None], make: MakeWorkspace = Workspace,
                 clock: Callable[[], float] = time.monotonic, outline: Outliner = outline_of) -> None:
        self._send, self._make, self._clock, self._outline = send, make, clock, outline
        self._workspace: Workspace | None = None
        self._recollection = Recollection(send)
        self._withholding = Withholding(send)
        self._asked_for = Roots(())
        self._wide: list[str] = []
        self._globs: tuple[str, ...] = ()
        self._problem = self._failed = ""
        self._documents = OpenDocuments()
        self._placed: dict[str, tuple[Chunk, ...]] = {}
        """By the editor's path of the document."""
        self._busy = False
        self._told = -TELL

    def act(self, message: ToWorkspace) -> None:
        """Do what a message says; nothing on the disk makes it raise."""
        match message:
            case Roots():
                self._roots(message)
            case DocumentText(path):
                was_open = path in self._documents
                self._documents.text(message)
                if not was_open:
                    self._recollection.changed()
                    self._withholding.opened(path, self._documents[path].place, self._index_over)
            case PartOpened(name, path):
                self._withholding.opened(name, self._documents.part(name, path), self._index_over)
            case DocumentClosed(path):
                self._placed.pop(path, None)
                if self._documents.closed(path):
                    self._recollection.changed()
                self._withholding.closed(path)
            case FilesChanged(paths):
                folders: dict[str, str] = {}
                for path in paths if self._workspace is not None else ():
                    self._changed(path, folders)
            case Ask():
                self._answer(message)
            case Recollect():
                self._recollection.ask(message)

    def due(self) -> float | None:
        """Seconds until :meth:`step` has something to do; None: never, unless a message comes."""
        if self._workspace is None:
            return None
        return 0.0 if self._recollection.waits else self._workspace.due()

    def step(self) -> None:
        """Do a little work on the indexes, and report on it now and then; when there is none left, tell files to the
        memory."""
        if self._workspace is None:
            return
        if not self._busy and self._recollection.waits and self._workspace.due() != 0.0:
            self._recollection.step(self._workspace.indexes)
            return
        was_busy, problems = self._busy, self._workspace.problems
        try:
            self._busy = self._workspace.step()
        except Exception as error:  # what one file or folder brings about costs nobody the others
            self._failed, self._busy = _said(error), False
        if self._workspace.worked and not self._busy and self._workspace.due() != 0.0:
            self._problem, self._failed = self._failed, ""
        if not self._busy and (was_busy or self._workspace.worked):
            self._recollection.changed()
            self._tell(settled=True)
        elif (self._busy and self._clock() >= self._told + TELL) or self._workspace.problems != problems:
            self._tell()

    def close(self) -> None:
        """Stop watching and close the files."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None
            self._documents.serve(None)

    # -- roots

    def _roots(self, wanted: Roots) -> None:
        roots = {Path(os.path.realpath(path)) for path in wanted.paths}
        wide = sorted(root for root in roots if is_wide(root))
        self._wide = [f"The folder {root} holds more than a project and is not indexed; open the project's own folder."
                      for root in wide]
        roots -= set(wide)
        if wanted.exclude != self._asked_for.exclude or not roots:
            self.close()
        self._asked_for, self._problem, self._globs = wanted, "", excluded(wanted.exclude).problems
        self._documents.below(sorted(roots))
        try:
            if roots and self._workspace is None:
                self._workspace = self._make(wanted.exclude)
                self._documents.serve(self._workspace)
            if self._workspace is not None:
                for index in self._workspace.indexes:
                    if index.root not in roots:
                        self._workspace.remove(index.root)
                for root in sorted(roots):
                    self._workspace.add(root)
                self._busy = True
                self._withholding.look(self._documents.places, self._index_over)
        except KvlspError as error:
            self._problem = str(error)
            self.close()
        self._placed.clear()
        self._tell(settled=self._workspace is None)

    def _changed(self, path: str, folders: dict[str, str]) -> None:
        """``folders`` remembers where folders really lie, for the thousands of files of one message."""
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        if self._workspace is not None:
            self._workspace.changed(Path(folders[folder], name))

    # -- answers

    def _answer(self, ask: Ask) -> None:
        chunks: tuple[Shown, ...] | None = None
        within, root, path = (0, 0), "", ""
        try:
            if ask.path in self._documents:
                place, text, language = self._documents[ask.path]
                offset = max(0, min(ask.offset, len(text)))
                within = stretch(text, offset, language, self._outline)
                over = self._index_over(place)
                if self._workspace is None or over is None:
                    chunks = ()
                else:
                    root, path = over.root.name, _path_in(over, place, language)
                    found = retrieve(text, offset, place, self._workspace.indexes, budget=ask.tokens, measure=tokens,
                                     regions=self._regions(ask.places), placed=self._placed.get(ask.path, ()),
                                     language=language, outliner=self._outline)
                    placed = self._placed[ask.path] = arrange(found, self._placed.get(ask.path, ()))
                    chunks = tuple(Shown(chunk.path, chunk.text.rstrip("\n") + "\n") for chunk in placed)
        except Exception as error:  # an answer must come, or no other question is asked
            log.error("Nothing could be found for a caret (%s).", type(error).__name__)
            log.debug("What failed:", exc_info=True)
        self._send(Retrieved(ask.number, chunks, within, root, path))

    def _regions(self, places: Sequence[Visited]) -> tuple[Region, ...]:
        texts: dict[str, tuple[Path, str, str]] = {}
        for where in {place.path for place in places if place.path in self._documents}:
            place, text, _language = self._documents[where]
            index = self._index_over(place)
            if index is not None and place is not None and index.is_open(place):
                texts[where] = index.root, place.relative_to(index.root).as_posix(), text
        return regions_of(places, texts)

    def _index_over(self, place: Path | None) -> Index | None:
        """The index of the innermost root around a place; a document that was never saved belongs to the first root."""
        indexes = self._workspace.indexes if self._workspace is not None else ()
        if place is None:
            return next(iter(indexes), None)
        over = [index for index in indexes if place.is_relative_to(index.root)]
        return max(over, key=lambda index: len(index.root.parts), default=None)

    def _tell(self, settled: bool = False) -> None:
        if settled:
            self._withholding.look(self._documents.places, self._index_over)
        self._told = self._clock()
        problems = [*self._wide, *self._globs, *([self._problem] if self._problem else [])]
        if self._workspace is None:
            self._send(Condition(0, 0, 0, problems=tuple(problems), settled=settled))
            return
        indexes, progress = self._workspace.indexes, self._workspace.progress
        sizes = [index.size() for index in indexes]
        problems += self._workspace.problems
        problems += [f"{index.root} has more files than kvlsp indexes; the rest is left out. Choose which by "
                     "kvlsp.exclude." for index in indexes if index.truncated]
        self._send(Condition(
            len(indexes), sum(size.files for size in sizes), sum(size.definitions for size in sizes),
            self._busy, progress.done if progress else 0, progress.total if progress else None,
            tuple(problems), settled))


def _path_in(index: Index, place: Path | None, language: Language | None) -> str:
    """What a model is told: the path from the root, or a name that at least tells the language."""
    if place is not None:
        return place.relative_to(index.root).as_posix()
    return UNTITLED + language.endings[0] if language is not None and language.endings else ""


def _said(error: Exception) -> str:
    if isinstance(error, KvlspError):
        return str(error)
    log.error("The workspace could not be read to its end (%s).", type(error).__name__)
    log.debug("What failed:", exc_info=True)
    return (f"Something in the workspace could not be read ({type(error).__name__}), so files may be missing; it is "
            "tried again after some minutes. Please report it.")


def tokens(text: str) -> int:
    """About how many tokens a chunk costs, its head included."""
    return HEAD + int(len(text) / CHARACTERS_PER_TOKEN)


def is_wide(root: Path) -> bool:
    """The home folder, what holds it, or the top of a disk: nobody means all of it."""
    try:
        home = Path(os.path.realpath(Path.home()))
    except RuntimeError:
        return root == root.parent
    return root == root.parent or root == home or root in home.parents
