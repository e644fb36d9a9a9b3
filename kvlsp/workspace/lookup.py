"""What an index is asked: definitions by name, the files that an import means, pieces with the same words.

Only what lies in SQLite is looked at, but for the lines of a piece, which are read from the file as it is now.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kvlsp.workspace.ignore import Rules
from kvlsp.workspace.outline import Definition, Outline
from kvlsp.workspace.pieces import telling
from kvlsp.workspace.reading import Stamp, read_source
from kvlsp.workspace.refusal import Refusal
from kvlsp.workspace.store import Store
from kvlsp.workspace.tables import SCHEMA, SIMILAR, has_fts5

RAREST: Final = 24
"""Words by which similar pieces are looked for."""
OPEN: Final = Stamp(-1, -1)
"""The stamp of an open document: no file on a disk has it, so it is read again when it is closed or we were killed."""

_DEFINITION = 'name, inside, line, "end", signature, doc, text'


@dataclass(frozen=True, slots=True)
class Found:
    """A definition and the file it stands in, relative to the root, with ``/`` between folders."""

    path: str
    definition: Definition


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines [line, end) of a file."""

    path: str
    line: int
    end: int


@dataclass(frozen=True, slots=True)
class Size:
    files: int
    definitions: int
    refused: int


class Lookup:
    """What is known of the files of one root; ``folder``: where it is kept, the cache folder if None."""

    def __init__(self, rules: Rules, folder: Path | None = None) -> None:
        self.rules = rules
        self.root = rules.root
        self.ranks = has_fts5()
        """SQLite can rank by BM25; without it :meth:`similar` finds nothing."""
        self._store = Store(rules.identity, SCHEMA + (SIMILAR if self.ranks else ""), folder)
        self._open: set[str] = set()
        """Keys of the open documents that count."""

    def close(self) -> None:
        self._store.close()

    def is_open(self, path: Path) -> bool:
        """Whether this is an open document that is part of the index: what is excluded is not."""
        return path.is_relative_to(self.root) and self._key(path) in self._open

    def named(self, names: Collection[str], most: int = 200) -> list[Found]:
        """Definitions with these names, by path and line: a stable order. At most ``most`` names are looked for."""
        asked = sorted(set(names))[:most]
        rows = self._store.rows(
            f"SELECT path, {_DEFINITION} FROM definitions JOIN files ON files.id = file "
            f"WHERE name IN ({','.join('?' * len(asked))}) ORDER BY path, line LIMIT {10 * most}", asked)
        return [Found(row[0], Definition(*row[1:])) for row in rows]

    def modules(self, words: Collection[str], most: int = 200) -> list[str]:
        """Files that one of these words may mean in an import: by the last name of their :func:`module_of`, sorted."""
        asked = sorted(set(words))[:most]
        rows = self._store.rows(f"SELECT path FROM files WHERE module IN ({','.join('?' * len(asked))}) "
                                f"ORDER BY path LIMIT {5 * most}", asked)
        return [path for (path,) in rows]

    def text(self, piece: Piece) -> str:
        """The lines of a piece, read now; "" when the file has changed since it was indexed, or must not be read."""
        stamps = self._stamps_of(piece.path)
        text = self.source(self.root / piece.path, Stamp(*stamps[0])) if stamps else ""
        return "\n".join(text.split("\n")[piece.line:piece.end])

    def source(self, path: Path, stamp: Stamp) -> str:
        """The text of a file, read now; "" when it is not the one with this stamp, or must not be read."""
        if self._key(path) in self._open or self.rules.refusal(path) is not None:
            return ""
        found = read_source(path)
        return "" if isinstance(found, Refusal) or found[1] != stamp else found[0]

    def stamps(self) -> dict[Path, Stamp]:
        """The stamps of all files that count; an open document's is :data:`OPEN`."""
        rows = self._store.rows("SELECT path, size, modified FROM files WHERE refusal = ''")
        return {self.root / path: Stamp(size, modified) for path, size, modified in rows}

    def outline(self, path: Path) -> Outline:
        """What is known of one file; empty when nothing is."""
        key = self._key(path)
        rows = self._store.rows(f"SELECT {_DEFINITION} FROM definitions JOIN files ON files.id = file "
                                "WHERE path = ? ORDER BY definitions.rowid", [key])
        imports = self._store.rows("SELECT imports FROM files WHERE path = ?", [key])
        return Outline(tuple(Definition(*row) for row in rows),
                       tuple(line for (text,) in imports for line in text.split("\n") if line))

    def similar(self, words: Collection[str], but: str, most: int) -> list[Piece]:
        """Pieces of other files than ``but`` with these words, best first by BM25, ties by path.

        Only the :data:`RAREST` of the words are looked for: common ones hardly count and cost the most.
        """
        asked = sorted({word.lower() for word in telling(" ".join(words))})[:200]
        if not asked or not self.ranks:
            return []
        known = self._store.rows(
            f"SELECT term, doc FROM vocabulary WHERE term IN ({','.join('?' * len(asked))})", asked)
        rarest = [word for word, _ in sorted(known, key=lambda row: (row[1], row[0]))[:RAREST]]
        quoted = " OR ".join(f'"{word}"' for word in rarest)
        if not quoted:
            return []
        rows = self._store.rows(
            'SELECT path, line, "end" FROM words JOIN pieces ON pieces.id = words.rowid JOIN files '
            "ON files.id = pieces.file WHERE words MATCH ? AND path != ? ORDER BY bm25(words), path, line LIMIT ?",
            [quoted, but, most])
        return [Piece(*row) for row in rows]

    def size(self) -> Size:
        rows = self._store.rows("SELECT COUNT(*), COALESCE(SUM(refusal != ''), 0), (SELECT COUNT(*) FROM definitions) "
                                "FROM files")
        files, refused, definitions = rows[0] if rows else (0, 0, 0)
        return Size(files - refused, definitions, refused)

    def _key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _stamps_of(self, key: str) -> list[tuple[int, int]]:
        return [(size, modified) for size, modified in
                self._store.rows("SELECT size, modified FROM files WHERE path = ?", [key])]
