"""The texts of all open documents, and where each really lies: editors open files through links, too.

The index takes the text of an open document instead of the file on the disk, so whoever holds one of these tells it
which :class:`Workspace` there is now (:meth:`OpenDocuments.serve`), and it tells that every text.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kvlsp.syntax.language import Language
from kvlsp.workspace.messages import DocumentText
from kvlsp.workspace.workspace import Workspace


class OpenDocument(NamedTuple):
    """``place``: where it really lies, None when it was never saved."""

    place: Path | None
    text: str
    language: Language | None


class OpenDocuments:
    """By the path that the editor has for them. One thread."""

    def __init__(self) -> None:
        self._documents: dict[str, OpenDocument] = {}
        self._spelled: dict[str, str] = {}
        """Where the editor says that each lies."""
        self._roots: tuple[Path, ...] = ()
        self._workspace: Workspace | None = None
        self._parts: dict[str, str] = {}
        """Of each that is part of a file: the file's path."""

    def __contains__(self, path: str) -> bool:
        return path in self._documents

    def __getitem__(self, path: str) -> OpenDocument:
        return self._documents[path]

    @property
    def places(self) -> dict[str, Path | None]:
        """Of all of them, by path or name: where each really lies, None where it was never saved. A part lies where its
        file does."""
        files = {path: really(path, self._roots) for path in set(self._parts.values())}
        return {**{path: document.place for path, document in self._documents.items()},
                **{name: files[path] for name, path in self._parts.items()}}

    def serve(self, workspace: Workspace | None) -> None:
        """This workspace has the texts from now on; None: there is none."""
        self._workspace = workspace
        for document in self._documents.values():
            self._tell(document)

    def part(self, name: str, path: str) -> Path:
        """A document that is part of a file was opened; where that lies."""
        self._parts[name] = path
        return really(path, self._roots)

    def text(self, message: DocumentText) -> None:
        """A document was opened, or its text has changed."""
        if message.path in self._documents:
            place = self._documents[message.path].place
        else:
            lies = message.place or message.path
            place = really(lies, self._roots) if message.language is None else None
            self._spelled[message.path] = lies
        language = (Language.of(place.suffix.lower()) if place is not None
                    else Language.of_document(message.language or "", message.path))
        self._documents[message.path] = OpenDocument(place, message.text, language)
        self._tell(self._documents[message.path])

    def closed(self, path: str) -> bool:
        """Whether it was open."""
        self._parts.pop(path, None)
        self._spelled.pop(path, None)
        document = self._documents.pop(path, None)
        if document is not None:
            self._leave(document.place)
        return document is not None

    def below(self, roots: Sequence[Path]) -> None:
        """The roots of the workspace from now on: links lead to other places where there are other roots."""
        self._roots = tuple(roots)
        for path, document in list(self._documents.items()):
            place = None if document.place is None else really(self._spelled[path], self._roots)
            if place is not None and place != document.place:
                self._documents[path] = document._replace(place=place)
                self._leave(document.place)
                self._tell(self._documents[path])

    def _tell(self, document: OpenDocument) -> None:
        if self._workspace is not None and document.place is not None:
            self._workspace.open_document(document.place, document.text)

    def _leave(self, place: Path | None) -> None:
        """A document is no longer open there; another one, opened through a link, may be."""
        if place is not None and self._workspace is not None:
            self._workspace.close_document(place)
            for document in self._documents.values():
                if document.place == place:
                    self._tell(document)


def really(path: str, roots: Sequence[Path]) -> Path:
    """The path with the links of its folders followed; the file's own link, too, if it leads to a file of a root.

    One that leads elsewhere stays, for its document works here.
    """
    folder, name = os.path.split(path)
    place, target = Path(os.path.realpath(folder), name), Path(os.path.realpath(path))
    return target if any(target.is_relative_to(root) for root in roots) else place
