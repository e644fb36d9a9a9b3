"""What the parser is given to read, and gets back from it.

tree-sitter's Python package (0.26.1) never lets go of the bytes that a reader returns: a daemon that parses some lines
with each suggestion would grow by all of them, and an index by all files. Whether the one that is installed does so is
found out once for each parser; where it does, they are let go of here.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import tree_sitter

CHUNK: Final = 1 << 16
"""Bytes that the parser is given at once."""


class Given:
    """Reads ``data`` for one parse; :meth:`let_go` when that has ended, however it has."""

    def __init__(self, data: bytes, parser: tree_sitter.Parser) -> None:
        self._data, self._parser = memoryview(data), parser
        self._given: list[bytes] = []

    def __call__(self, at: int, _: object) -> bytes:
        part = bytes(self._data[at:at + CHUNK])  # an object of its own: who holds it is known
        self._given.append(part)
        return part

    def let_go(self) -> None:
        if not _keeps(self._parser):
            return
        while self._given:
            part = self._given.pop()
            if len(part) > 1 and sys.getrefcount(part) == _OURS + 1:  # of one byte there is one in the whole process
                ctypes.pythonapi.Py_DecRef(ctypes.py_object(part))


def _held() -> int:
    """What ``sys.getrefcount`` says of a local object that nobody else has."""
    part = bytes(memoryview(b"some text"))
    return sys.getrefcount(part)


_OURS: Final = _held()


@cache
def _keeps(parser: tree_sitter.Parser) -> bool:
    """Whether the installed package still holds what it has read when the tree of it is gone."""
    if sys.implementation.name != "cpython":
        return False
    data = bytes(memoryview(b"some text"))
    tree = parser.parse(lambda at, _: data if not at else b"")
    del tree
    return sys.getrefcount(data) > _OURS
