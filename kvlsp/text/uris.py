"""Which file a URI names, in whichever spelling. Nothing here looks at a disk."""

from __future__ import annotations

import os
import re
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_DRIVE: Final = re.compile("/[A-Za-z]:")


def path_of(uri: str) -> str | None:
    """The path that a ``file:`` URI names, in its plainest spelling; None for any other, and for one with a fragment,
    which names a part of a file.

    A drive's letter is small, as editors write it in either way; a host other than this one is a share's. Escaped bytes
    that are no UTF-8 are in the path as Python's ``os`` has them (PEP 383).
    """
    parts = _split(uri)
    return None if parts is None or parts.scheme != "file" or parts.fragment else _path(parts)


def path_within(uri: str) -> str | None:
    """The absolute path in a URI of any scheme: that of a notebook in its cell's, of a file of another machine. None
    where there is none."""
    parts = _split(uri)
    if parts is None or not parts.path.startswith("/"):
        return None
    return _path(parts if parts.scheme == "file" else parts._replace(netloc=""))


def is_untitled(uri: str) -> bool:
    """A document that was never saved: ``untitled:`` of VS Code, and ``file://`` of Neovim's buffers without a name."""
    return uri.startswith("untitled:") or uri == "file://"


def file_of(uri: str) -> str:
    """One URI for all those of a file: other escapes, ``/./``, a host that is this one, VS Code's ``vscode-remote``
    beside ``file``. The same URI for any other."""
    parts = _split(uri)
    remote = parts is not None and parts.scheme == "vscode-remote" and not parts.fragment
    path = path_within(uri) if remote else path_of(uri)
    return uri if path is None else f"file://{path}"


def _split(uri: str) -> SplitResult | None:
    try:
        return urlsplit(uri)
    except ValueError:
        return None


def _path(parts: SplitResult) -> str | None:
    host, path = unquote(parts.netloc), unquote(parts.path, errors="surrogateescape")  # bytes, as `os` writes them
    if not path or "\0" in path:
        return None
    if host and host.lower() != "localhost":
        path = f"//{host}{path}"
    elif _DRIVE.match(path):
        path = path[1].lower() + path[2:]
    return os.path.normpath(path)
