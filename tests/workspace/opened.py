"""Every path that Python opens or lists while a block runs, by the interpreter's own audit events."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_listening: list[list[tuple[str, str]]] = []
_hooked: list[bool] = []
_EVENTS = ("open", "os.scandir", "os.listdir")


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _listening and event in _EVENTS and isinstance(arguments[0], str | bytes | os.PathLike):
        for heard in _listening:
            heard.append((event, os.fsdecode(arguments[0])))


@contextmanager
def opened_below(root: Path) -> Iterator[list[tuple[str, str]]]:
    """(event, path relative to ``root``) of what lies below it, in order. A hook stays for good, so it is set once."""
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked.append(True)
    heard: list[tuple[str, str]] = []
    found: list[tuple[str, str]] = []
    _listening.append(heard)
    try:
        yield found
    finally:
        _listening.remove(heard)
        prefix = str(root)
        found += [(event, os.path.relpath(path, prefix).replace(os.sep, "/")) for event, path in heard
                  if path == prefix or path.startswith(prefix + os.sep)]
