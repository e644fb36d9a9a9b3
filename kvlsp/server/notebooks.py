"""The cells of a notebook, in order: what stands in the others is shown to the model before the one being edited.

    notebooks.opened("file:///a.ipynb", ["nb:a#1", "nb:a#2"])
    notebooks.visited("nb:a#2", snapshot_of, 1024)    # a PlaceContext when somebody comes to that cell, else None

It takes the way that pieces of other files take, so the setting ``crossFile`` counts. Nothing is looked at while
somebody goes on in the same cell. Texts are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import unquote

from kvlsp.messages import ContextChunk, PlaceContext
from kvlsp.text.document import Snapshot

CHARACTERS: Final = 3
"""So many are counted for a token: the engine leaves out what is too much after all."""
CELL_SCHEME: Final = "vscode-notebook-cell:"
"""Cells that come as documents by themselves: the notebook's path stands before ``#``."""


class Notebooks:
    """Which cells belong together. One thread."""

    def __init__(self) -> None:
        self._cells: dict[str, list[str]] = {}
        self._notebook: dict[str, str] = {}
        """Of each cell."""
        self._last: str | None = None
        """The cell in which somebody works, as long as its notebook has the same cells."""

    def opened(self, notebook: str, cells: Sequence[str]) -> None:
        """A notebook with these cells; one that is known is replaced."""
        self.closed(notebook)
        self.changed(notebook, 0, 0, cells)

    def changed(self, notebook: str, start: int, deleted: int, cells: Sequence[str]) -> None:
        """From ``start`` on ``deleted`` cells are replaced by these."""
        order = self._cells.setdefault(notebook, [])
        for cell in order[start : start + deleted]:
            self._notebook.pop(cell, None)
        order[start : start + deleted] = cells
        self._notebook.update(dict.fromkeys(cells, notebook))
        self._last = None

    def closed(self, notebook: str) -> None:
        """Its cells are documents like any other, if they are open still."""
        for cell in self._cells.pop(notebook, ()):
            self._notebook.pop(cell, None)
        self._last = None

    def document_opened(self, uri: str) -> None:
        """A document was opened by itself: it may be a cell, the last one of its notebook."""
        if uri.startswith(CELL_SCHEME) and uri not in self._notebook:
            notebook = uri.partition("#")[0]
            self.changed(notebook, len(self._cells.get(notebook, ())), 0, (uri,))

    def document_closed(self, uri: str) -> None:
        """A document was closed by itself."""
        notebook = self._notebook.get(uri)
        if notebook is not None and uri in self._cells[notebook]:
            self.changed(notebook, self._cells[notebook].index(uri), 1, ())
            if not self._cells[notebook]:
                self.closed(notebook)

    def notebook_of(self, uri: str) -> str | None:
        """The URI of the notebook that has this cell."""
        return self._notebook.get(uri)

    def visited(self, uri: str, snapshot_of: Callable[[str], Snapshot | None], tokens: int) -> PlaceContext | None:
        """What the cell should see, about ``tokens`` long, when somebody comes to it: the cells of its language that
        stand before it, the nearest of them where not all have room, then those behind it. None when nobody moved."""
        if uri == self._last:
            return None
        notebook, mine = self._notebook.get(uri), snapshot_of(uri)
        self._last = uri
        cells = self._cells.get(notebook or "", [])
        if notebook is None or mine is None or uri not in cells:
            return None
        at = cells.index(uri)
        room, texts = tokens * CHARACTERS, dict[int, str]()
        for number in (*range(at - 1, -1, -1), *range(at + 1, len(cells))):
            other = snapshot_of(cells[number])
            if other is None or other.language != mine.language or not len(other.text):
                continue
            room -= len(other.text)
            if room < 0:
                break
            text = str(other.text)
            texts[number] = text if text.endswith("\n") else text + "\n"
        name = unquote(notebook.partition("#")[0].rpartition("/")[2])
        return PlaceContext(uri, tuple(ContextChunk(name, texts[number]) for number in sorted(texts)), "", name)
