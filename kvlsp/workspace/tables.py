"""The tables of an index: what is written for a file that was read, and how it is forgotten again.

:data:`kvlsp.workspace.store.FORMAT` names their version.
"""

from __future__ import annotations

import sqlite3
from dataclasses import astuple, dataclass
from typing import Final

from kvlsp.workspace.imports import module_of
from kvlsp.workspace.outline import Outline
from kvlsp.workspace.pieces import pieces, telling
from kvlsp.workspace.reading import Stamp

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS files (id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, refusal TEXT NOT NULL, imports TEXT NOT NULL, module TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS files_by_module ON files (module);
CREATE TABLE IF NOT EXISTS definitions (file INTEGER NOT NULL, name TEXT NOT NULL, inside TEXT NOT NULL,
    line INTEGER NOT NULL, "end" INTEGER NOT NULL, signature TEXT NOT NULL, doc TEXT NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS definitions_by_name ON definitions (name);
CREATE INDEX IF NOT EXISTS definitions_by_file ON definitions (file);
CREATE TABLE IF NOT EXISTS pieces (id INTEGER PRIMARY KEY, file INTEGER NOT NULL, line INTEGER NOT NULL,
    "end" INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS pieces_by_file ON pieces (file);
"""
SIMILAR: Final = """
CREATE VIRTUAL TABLE IF NOT EXISTS words
    USING fts5(identifiers, tokenize = "unicode61 remove_diacritics 0 tokenchars '_'");
CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab(words, row);
"""


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was read. No stamp: it is gone."""

    key: str
    stamp: Stamp | None
    refusal: str
    outline: Outline
    text: str


def has_fts5() -> bool:
    """Whether this SQLite can rank."""
    with_it = sqlite3.connect(":memory:")
    try:
        with_it.executescript(SIMILAR)
        return True
    except sqlite3.OperationalError:
        return False
    finally:
        with_it.close()


def write(files: list[Read], ranks: bool, database: sqlite3.Connection) -> None:
    """In the place of what was known of them. ``ranks``: SQLite can, see :data:`SIMILAR`."""
    for file in files:
        forget([file.key], ranks, database)
        if file.stamp is None:
            continue
        row = [file.key, file.stamp.size, file.stamp.modified, file.refusal, "\n".join(file.outline.imports),
               (module_of(file.key) or ("",))[-1]]
        number = database.execute("INSERT INTO files (path, size, modified, refusal, imports, module) "
                                  "VALUES (?, ?, ?, ?, ?, ?)", row).lastrowid
        database.executemany(
            "INSERT INTO definitions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [[number, *astuple(definition)] for definition in file.outline.definitions])
        if ranks:
            _write_pieces(database, number, file)


def forget(keys: list[str], ranks: bool, database: sqlite3.Connection) -> None:
    """All that is known of these files."""
    for key in keys:
        row = database.execute("SELECT id FROM files WHERE path = ?", [key]).fetchone()
        if row is not None:
            if ranks:
                database.execute("DELETE FROM words WHERE rowid IN (SELECT id FROM pieces WHERE file = ?)", row)
            for table in ("pieces", "definitions"):
                database.execute(f"DELETE FROM {table} WHERE file = ?", row)
            database.execute("DELETE FROM files WHERE id = ?", row)


def _write_pieces(database: sqlite3.Connection, number: int | None, file: Read) -> None:
    lines = file.text.split("\n")
    for first, end in pieces([definition.line for definition in file.outline.definitions], len(lines)):
        words = " ".join(telling("\n".join(lines[first:end])))
        if words:
            row = database.execute('INSERT INTO pieces (file, line, "end") VALUES (?, ?, ?)', [number, first, end])
            database.execute("INSERT INTO words (rowid, identifiers) VALUES (?, ?)", [row.lastrowid, words])
