"""The file that keeps an index between two runs: SQLite in the cache folder, thrown away rather than mended.

What is kept can always be made again from the sources, so there is one cure for damage of any kind: begin anew. The
version of the file is in its name: another kvlsp, other queries or another SQLite make another file. Writes are
transactions in a write-ahead log, so a process killed at any moment leaves the last whole one.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import tree_sitter
from platformdirs import user_cache_path

from kvlsp.syntax.language import grammars_folder

log = logging.getLogger(__name__)

FORMAT: Final = 5
"""To be raised when tables, or what is written into them, change."""
UNUSED_DAYS: Final = 60
PAGE_CACHE_KIB: Final = 8192

_PASSING = (5, 6)  # SQLite's codes: busy, locked
_CLOSED_DISK = (8, 10, 13, 14)  # read-only, input/output error, full, cannot open


def cache_folder() -> Path:
    """Where indexes are kept."""
    return user_cache_path("kvlsp", appauthor=False) / "workspace"


def fingerprint() -> str:
    """Changes with all that an outline depends on: the format, the queries, the parser, SQLite."""
    digest = hashlib.sha256(f"{FORMAT} {tree_sitter.__file__} {tree_sitter.LANGUAGE_VERSION} "
                            f"{sqlite3.sqlite_version}".encode())
    for file in sorted(grammars_folder().glob("*/*")):
        if file.suffix in (".scm", ".toml"):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


class Store:
    """One SQLite file for one ``identity``; ``lost`` counts how often its content had to be thrown away."""

    def __init__(self, identity: str, schema: str, folder: Path | None = None) -> None:
        """``folder``: where files are kept, the cache folder if None. Never raises for what is on the disk."""
        name = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.file = (folder or cache_folder()) / f"{name}-{fingerprint()}.sqlite"
        self.lost = 0
        self.problem = ""
        """A sentence for the user when nothing can be kept on the disk."""
        self._schema = schema
        self._database = self._open()
        _sweep(self.file)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What the query finds; nothing when the file turns out to be damaged, or is locked for long."""
        try:
            return self._database.execute(query, list(values)).fetchall()
        except sqlite3.DatabaseError as error:
            self._suffer(error)
            return []

    def write(self, work: Callable[[sqlite3.Connection], None]) -> bool:
        """Run ``work`` in one transaction; False when nothing of it was written."""
        try:
            with self._transaction() as database:
                work(database)
            return True
        except sqlite3.DatabaseError as error:
            self._suffer(error)
            return False

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        for _ in range(2):
            try:
                self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                return self._connect(str(self.file))
            except OSError as error:
                self._refuse(error.strerror or "no such folder")
                break
            except sqlite3.DatabaseError as error:
                if _code(error) in (*_PASSING, *_CLOSED_DISK):
                    self._refuse(str(error))
                    break
                self.lost += 1
                log.info("The index %s is damaged and made again.", self.file.name)
                self._delete()
        return self._connect("")  # a private file of SQLite's own that goes with the connection

    def _connect(self, where: str) -> sqlite3.Connection:
        database = sqlite3.connect(where, isolation_level=None, timeout=5.0, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
            found = database.execute("PRAGMA quick_check(1)").fetchone()
            if found is None or found[0] != "ok":
                raise sqlite3.DatabaseError("quick_check found damage")
            database.executescript(self._schema)
        except BaseException:
            database.close()
            raise
        return database

    def _suffer(self, error: sqlite3.DatabaseError) -> None:
        """React to an error: a lock passes, with a full or read-only disk we go on without a file, anything else is
        damage."""
        code = _code(error)
        if code in _PASSING:
            log.info("The index %s is in use by another process.", self.file.name)
            return
        self._database.close()
        self.lost += 1
        if code in _CLOSED_DISK:
            self._refuse(str(error))
            self._database = self._connect("")
            return
        log.info("The index %s is damaged and made again.", self.file.name)
        self._delete()
        self._database = self._open()

    def _refuse(self, why: str) -> None:
        self.problem = (f"The index of the workspace cannot be kept in {self.file.parent} ({why}); it is made again at "
                        "every start. Free space there, or make the folder writable.")

    def _delete(self) -> None:
        for ending in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                self.file.with_name(self.file.name + ending).unlink()


def _code(error: sqlite3.DatabaseError) -> int:
    """SQLite's primary code; Python 3.10 does not tell it, there the words must do."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return int(code) & 0xFF
    words = str(error)
    known = {"locked": 5, "readonly": 8, "disk I/O": 10, "full": 13, "unable to open": 14}
    return next((number for word, number in known.items() if word in words), 11)


def _sweep(file: Path) -> None:
    """Delete what no kvlsp has opened for long."""
    oldest = time.time() - UNUSED_DAYS * 86_400
    with contextlib.suppress(OSError):
        file.touch()
        for other in file.parent.glob("*.sqlite*"):
            if other.stat().st_mtime < oldest:
                other.unlink()
