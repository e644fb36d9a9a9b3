"""Rows of one model's documents on disk: kept and brought back by name, beside the work.

What lies there can always be made again from the text, so whatever is wrong with a file, it goes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kvlsp.model.decoder import Decoder
from kvlsp.model.keyvalues import KeyValues
from kvlsp.prompt.template import Template
from kvlsp.shelf.file import FORMAT, Damaged, Label, Own, read, write
from kvlsp.shelf.folder import Folder
from kvlsp.shelf.shelved import Leaving, Shelved
from kvlsp.shelf.waiting import Waiting
from kvlsp.shelf.worker import Worker
from kvlsp.shelf.worth import Worth

log = logging.getLogger(__name__)



@dataclass(frozen=True, slots=True)
class Kind:
    """Whose rows are exchangeable: equal ``key``. ``shapes`` and ``dtypes`` of what is kept, the ``vocabulary``'s size,
    and the model's ``name`` for people."""

    key: str
    name: str
    shapes: tuple[tuple[int, int, int], ...]
    dtypes: frozenset[torch.dtype]
    vocabulary: int
    bytes_per_row: int
    """What a row takes on disk, about."""
    own: Own | None = None
    """Makes rows of what their engine wrote, where they lie in a cache of its own."""

    @classmethod
    def of(cls, identity: str, name: str, description: str, decoder: Decoder, template: Template) -> Kind:
        """The label of a model: ``identity`` tells its files from others, ``description`` says how its weights are
        computed."""
        arrays = decoder.allocate(0)
        own: Any = None if isinstance(arrays, KeyValues) else decoder
        layers = arrays.shapes if isinstance(arrays, KeyValues) else ()
        shapes = tuple((shape.kv_heads, shape.key_width, shape.value_width) for shape in layers)
        form = shapes if own is None else own.form
        orders = {name: sorted(value) if isinstance(value, frozenset) else value
                  for name, value in ((name, getattr(template, name)) for name in Template.__slots__)}
        parts = [FORMAT, identity, description, str(decoder.dtype), form, orders]
        key = hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
        narrow = decoder.dtype if decoder.dtype.itemsize <= 2 else torch.float16
        a_row = 2 * sum(heads * (keys + values) for heads, keys, values in shapes) or decoder.bytes_per_slot
        return cls(key, name, shapes, frozenset({decoder.dtype, narrow}), decoder.vocabulary_size, a_row,
                   None if own is None else own.stored)


class Shelf:
    """The rows of one model. Used from one thread; :meth:`fetch` answers on the ``worker``'s."""

    def __init__(self, kind: Kind, folder: Folder, worker: Worker, worth: Worth, waiting: Waiting) -> None:
        self.kind = kind
        self._folder, self._worker, self._worth, self._waiting = folder, worker, worth, waiting
        self._unwritten: deque[int] = deque()
        """An entry for each that waits to be written; two threads change it."""
        self.held: int | None = None
        """Bytes in the folder, of all models, when it was last swept."""
        worker.do(self._sweep)

    @property
    def bound(self) -> int:
        """Bytes that the folder may hold."""
        return self._folder.bound

    def keep(self, document: str, rows: Leaving) -> bool:
        """Have the rows written, which nobody may change any more; False where too much waits already."""
        nbytes = rows.nbytes
        if nbytes > self._folder.bound or not self._waiting.take(nbytes):
            return False
        self._unwritten.append(nbytes)

        def write_them() -> None:
            try:
                self._write(self._path(document), rows)
            finally:
                self._waiting.give_back(nbytes)
                self._unwritten.pop()

        self._worker.do(write_them)
        return True

    def has(self, document: str) -> bool:
        """Whether there is a file, or will be."""
        return bool(self._unwritten) or self._path(document).is_file()

    def fetch(self, document: str, done: Callable[[Shelved | None], None]) -> None:
        """Bring the rows, None if there are none; ``done`` is called on the worker's thread."""

        def bring() -> None:
            found = None
            try:
                found = self._read(self._path(document))
            finally:
                done(found)

        self._worker.do(bring)

    def _path(self, document: str) -> Path:
        return self._folder.file(self.kind.key, document)

    def _write(self, path: Path, rows: Leaving) -> None:
        try:
            self._folder.prepare()
            if not self._folder.takes(rows.nbytes):
                log.debug("Rows are not saved on disk, which is nearly full.")
                return
            size = write(path, rows, Label(self.kind.key, self.kind.name, self._worth.per_row or 0.0))
            log.debug("Kept %d rows on disk, %d bytes.", len(rows.book), size)
            self.held = self._folder.sweep()
        except OSError as error:
            log.info("Rows could not be saved on disk: %s.", error.strerror)

    def _read(self, path: Path) -> Shelved | None:
        began = time.perf_counter()
        kind = self.kind
        try:
            found = read(path, kind.key, kind.shapes, kind.dtypes, kind.vocabulary, kind.own)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.info("Rows on disk cannot be read: %s.", error.strerror)
            return None
        except Damaged as error:
            log.info("A file of rows is deleted: %s.", error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        self._worth.read(found.stored.nbytes, time.perf_counter() - began)
        self._folder.used(path)
        return found

    def _sweep(self) -> None:
        with contextlib.suppress(OSError):
            self.held = self._folder.sweep()
