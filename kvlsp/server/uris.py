"""Which file on the disk a ``file:`` URI names. Nothing here looks at a disk."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import unquote, urlsplit

_DRIVE: Final = re.compile("/[A-Za-z]:")


def path_of(uri: str) -> str | None:
    """The path that a ``file:`` URI names, in its plainest spelling; None for any other.

    A drive's letter is small, as editors write it in either way; a host other than this one is a share's. Escaped bytes
    that are no UTF-8 are in the path as Python's ``os`` has them (PEP 383).
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    host, path = unquote(parts.netloc), unquote(parts.path, errors="surrogateescape")  # bytes, as `os` writes them
    if parts.scheme != "file" or not path or "\0" in path:
        return None
    if host and host.lower() != "localhost":
        path = f"//{host}{path}"
    elif _DRIVE.match(path):
        path = path[1].lower() + path[2:]
    return os.path.normpath(path)
