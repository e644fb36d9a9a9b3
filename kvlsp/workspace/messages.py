"""What crosses between a daemon and the process that keeps its workspace: frozen values, pickled one after the other.

Paths of documents are those of the editor, as it spells them; offsets are code points. Values of :data:`ToWorkspace` go
to that process, values of :data:`FromWorkspace` come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Roots:
    """All roots from now on, and the globs of what is never read below them."""

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text of a document that is open; the disk does not count for it until :class:`DocumentClosed`.

    ``language`` is None for a document on the disk. One that was never saved lies nowhere: its path is any name of its
    own, and ``language`` the editor's id of its language. ``place``: the path of one that is open a second time, under
    another URI, and so has a name of its own, too.
    """

    path: str
    text: str
    language: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class PartOpened:
    """This document is part of the file ``path``, or that file under another scheme, or not saved yet: a cell of a
    notebook, say. What forbids the file forbids it. Its text is told only where it is not saved yet. Until
    :class:`DocumentClosed`."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class DocumentClosed:
    path: str


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """The editor says that these files or folders were created, changed or deleted."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Visited:
    """Where an open document was edited, or only visited."""

    path: str
    offset: int
    edited: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """What suits ``offset`` of this document, whose text was sent before? Answered by one :class:`Retrieved`.

    ``places``: of other open documents, the latest first; their texts were sent before, too. ``tokens``: the budget.
    """

    number: int
    path: str
    offset: int
    tokens: int
    places: tuple[Visited, ...] = ()


@dataclass(frozen=True, slots=True)
class Recollect:
    """Tell the texts of files in these languages (none: forget all), now and when they change, ``characters`` of all
    together at most. Answered by :class:`Recalled`, as often as it takes."""

    languages: tuple[str, ...]
    characters: int = 0


ToWorkspace: TypeAlias = Roots | DocumentText | PartOpened | DocumentClosed | FilesChanged | Ask | Recollect


@dataclass(frozen=True, slots=True)
class Shown:
    """A chunk in the order of placement: path from the root with ``/``, whole lines, the last with its line end."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    """``chunks`` is None when nothing could be said: what is placed stays.

    ``within``: the stretch [start, end] of the text between two ends of definitions that the caret is in; a caret that
    leaves it is worth another question at once. ``root`` is the name of the document's root, ``path`` the document's
    path from there; "" for one outside of all roots. A document that was never saved has the first root, and a path
    that tells its language.
    """

    number: int
    chunks: tuple[Shown, ...] | None
    within: tuple[int, int] = (0, 0)
    root: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """How the index stands. ``settled``: work on it has just come to an end, so answers may have changed.

    While files are read ``indexing`` is true, ``done`` and ``total`` count those that a scan found changed; ``total``
    is None while it still looks for them, and where no scan is needed. ``problems`` are sentences for the user.
    """

    roots: int
    files: int
    definitions: int
    indexing: bool = False
    done: int = 0
    total: int | None = None
    problems: tuple[str, ...] = ()
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Recalled:
    """Paths of files that are not open, with their texts as they are now; "" for those that do not count any more."""

    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Paths of all open documents that are in no memory, for a file of that name would not be read."""

    paths: tuple[str, ...]


FromWorkspace: TypeAlias = Retrieved | Condition | Recalled | Withheld
