"""One document's rows as a file: safetensors, so that they are mapped and not copied, with a checksum at its end.

It is written beside its place, readable by the user alone, layer by layer, and renamed when it is whole: a process that
is killed leaves the file that was there before, or none. What is read must have the shape that the model's caches have,
and its checksum; anything else is :class:`Damaged`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open

from kvlsp.bounded_folder import written
from kvlsp.cache.stored import Stored, StoredRows
from kvlsp.errors import KvlspError
from kvlsp.shelf.shelved import Book, Leaving, Shelved

FORMAT: Final = 1
"""To be raised when what is written, or what it means, changes."""
ENDING: Final = ".rows"
CHECKSUM: Final = "checksum"
_DIGEST: Final = 32
_PIECE: Final = 1 << 20
_LARGEST_HEADER: Final = 1 << 24
_TRIES: Final = 3

_NAMES: Final = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64"}
_KINDS: Final = {"ids": ("I32", np.int32), "markers": ("I64", np.int64), "changes": ("I64", np.int64),
                 "nearest": ("I64", np.int64), "waits": ("U8", np.uint8), "without_prefix": ("U8", np.uint8)}
Own = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.int64]], Stored]
"""Makes rows of the bytes that their engine wrote, and of the positions at which they stood."""
_Shapes = tuple[tuple[int, int, int], ...]
_FAR: Final = 1 << 27
"""Positions that no row stands at."""


class Damaged(KvlspError):
    """A file that holds no rows of this model: cut short, changed, foreign or of another format."""


@dataclass(frozen=True, slots=True)
class Label:
    """For which model: ``key`` is equal where rows are exchangeable, ``name`` is for people. ``per_row``: seconds that
    encoding a row took."""

    key: str
    name: str
    per_row: float = 0.0


def write(path: Path, rows: Leaving, label: Label) -> int:
    """Bytes of the file. Raises :class:`OSError`; what was at ``path`` is there then as before."""
    with written(path) as file:
        return _write(file, rows, label)


def read(path: Path, key: str, shapes: _Shapes, dtypes: frozenset[torch.dtype], vocabulary: int,
         own: Own | None = None) -> Shelved:
    """The rows of a cache with ``shapes``, or of an engine that makes its ``own`` of bytes. Keys and values lie in the
    file until they are used. Raises :class:`Damaged`, and :class:`OSError` where it cannot be read."""
    if own is not None:
        return _read(path, key, vocabulary, lambda file, book: _own(file, book, own))
    return _read(path, key, vocabulary, lambda file, book: _layers(file, book, shapes, dtypes))


def about(path: Path) -> dict[str, str]:
    """What a file says of itself, without looking at its rows; {} where it says nothing."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(_header_length(file)))["__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, Damaged):
        return {}
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


# --- writing -----------------------------------------------------------------------------------------------------


def _write(file: BinaryIO, rows: Leaving, label: Label) -> int:
    digest = hashlib.blake2b(digest_size=_DIGEST)
    size = 0
    for data in _parts(rows, label):
        for start in range(0, len(data), _PIECE):  # so that other threads have their turn
            digest.update(data[start : start + _PIECE])
            file.write(data[start : start + _PIECE])
        size += len(data)
    file.write(digest.digest())
    return size + _DIGEST


def _parts(rows: Leaving, label: Label) -> Iterator[memoryview]:
    book = rows.book
    arrays = {name: np.ascontiguousarray(getattr(book, name), dtype) for name, (_, dtype) in _KINDS.items()}
    header: dict[str, Any] = {"__metadata__": {
        "kvlsp": "rows", "format": str(FORMAT), "model": label.key, "name": label.name, "rows": str(len(book)),
        "frontier": str(book.frontier), "prefix": f"{book.prefix[0]} {book.prefix[1]}", "per_row": repr(label.per_row),
    }}  # fmt: skip
    end = 0

    def tensor(name: str, dtype: str, shape: tuple[int, ...], nbytes: int) -> None:
        nonlocal end
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (end, end + nbytes)}
        end += nbytes

    for name, array in arrays.items():
        tensor(name, _KINDS[name][0], array.shape, array.nbytes)
    own = rows.own() if rows.own is not None else None
    if own is not None:
        tensor("positions", "I64", (len(book),), own.positions.nbytes)
        tensor("data", "U8", (len(own.data),), own.data.nbytes)
    for layer, (heads, *widths) in enumerate(rows.shapes):
        for part, width in zip(("truth", "values"), widths, strict=True):
            shape = (heads, len(book), width)
            tensor(f"{part}.{layer}", _NAMES[rows.dtype], shape, heads * len(book) * width * rows.dtype.itemsize)
    tensor(CHECKSUM, "U8", (_DIGEST,), _DIGEST)
    written = json.dumps(header).encode()
    written += b" " * (-len(written) % 8)
    yield memoryview(len(written).to_bytes(8, "little") + written)
    for array in arrays.values():
        yield _bytes(array)
    if own is not None:
        yield _bytes(np.ascontiguousarray(own.positions))
        yield _bytes(own.data)
    for both in rows.layers():
        for one in both:
            yield _bytes(one.contiguous().view(torch.uint8).numpy())


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8).data)


# --- reading -----------------------------------------------------------------------------------------------------


def _read(path: Path, key: str, vocabulary: int, rows: Callable[[Any, Book], Stored]) -> Shelved:
    """What a file holds, mapped, whose bytes have been checked. Others read and replace it meanwhile: what was checked
    is held open, so that its number is no other file's."""
    for _ in range(_TRIES):
        with open(path, "rb") as checked:
            _check(checked)
            try:
                with safe_open(path, "pt") as file:
                    if not os.path.samestat(os.fstat(checked.fileno()), path.stat()):
                        continue
                    about = file.metadata() or {}
                    if about.get("format") != str(FORMAT) or about.get("model") != key:
                        raise Damaged("it is of another model or another version of kvlsp")
                    book = _book({name: file.get_tensor(name).numpy() for name in _KINDS}, about, vocabulary)
                    return Shelved(book, rows(file, book), float(about.get("per_row", 0.0)))
            except (SafetensorError, ValueError, KeyError, TypeError) as error:
                raise Damaged("it does not hold what it should") from error
    raise OSError(errno.EBUSY, "they are written again and again")


def _layers(file: Any, book: Book, shapes: _Shapes, dtypes: frozenset[torch.dtype]) -> StoredRows:
    parts = [tuple(file.get_tensor(f"{part}.{layer}") for layer in range(len(shapes))) for part in ("truth", "values")]
    for part, width in zip(parts, (1, 2), strict=True):
        for tensor, shape in zip(part, shapes, strict=True):
            if tensor.shape != (shape[0], len(book), shape[width]) or tensor.dtype not in dtypes:
                raise Damaged("its arrays are not those of this model")
    return StoredRows(*parts)


def _own(file: Any, book: Book, own: Own) -> Stored:
    data, positions = file.get_tensor("data").numpy(), file.get_tensor("positions").numpy()
    if data.ndim != 1 or data.dtype != np.uint8 or positions.shape != (len(book),) or positions.dtype != np.int64 or (
        positions[0] < 0 or positions[-1] >= _FAR or np.any(np.diff(positions) <= 0)
    ):
        raise Damaged("it does not hold what it should")
    return own(data, positions)


def _check(file: BinaryIO) -> None:
    """That the bytes are those that were written."""
    left = os.fstat(file.fileno()).st_size - _DIGEST
    if left <= 0:
        raise Damaged("it is cut short")
    digest = hashlib.blake2b(digest_size=_DIGEST)
    while left:
        data = file.read(min(_PIECE, left))
        if not data:
            raise Damaged("it is cut short")
        digest.update(data)
        left -= len(data)
    if file.read(_DIGEST) != digest.digest():
        raise Damaged("its checksum does not fit")


def _header_length(file: BinaryIO) -> int:
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= _LARGEST_HEADER:
        raise Damaged("it is not a file of rows")
    return length


def _book(arrays: Mapping[str, npt.NDArray[Any]], about: Mapping[str, str], vocabulary: int) -> Book:
    count = int(about["rows"])
    first, end = map(int, about["prefix"].split())
    frontier = int(about["frontier"])
    for name, (_, dtype) in _KINDS.items():
        if arrays[name].shape != (count,) or arrays[name].dtype != dtype:
            raise Damaged("it does not hold what it should")
    ids, markers = arrays["ids"], arrays["markers"]
    named = markers[markers != 0]
    if not (0 <= first <= end <= count and 0 <= frontier <= count and count) or (
        ids.min() < 0 or ids.max() >= vocabulary or markers.max() > 0 or len(np.unique(named)) < len(named)
        or np.any(arrays["changes"][:frontier]) or min(arrays["changes"].min(), arrays["nearest"].min()) < 0
    ):
        raise Damaged("it does not hold what it should")
    return Book(ids.copy(), markers.copy(), arrays["changes"].copy(), arrays["nearest"].copy(),
                arrays["waits"].astype(np.bool_), arrays["without_prefix"].astype(np.bool_), (first, end), frontier)
