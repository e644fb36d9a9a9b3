"""A file's bytes, where it is a plain one: no device that never ends, no pipe that nobody fills, no more than fits.

What lies under a name that somebody gives, or in a folder that somebody passes on, may be anything.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_PIECE: Final = 1 << 20
"""Bytes of a read: room for as many is made before there are any."""


def read(path: Path, longest: int, *, pipes: bool = False) -> bytes:
    """All of it. :class:`OSError` where it cannot be read or is no plain file, :class:`ValueError` for more than
    ``longest`` bytes. With ``pipes`` one that somebody writes into, or has written into, is read to its end too."""
    with open(os.open(path, _FLAGS), "rb") as file:
        kind = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(kind) and not (pipes and stat.S_ISFIFO(kind)):
            raise OSError("it is not a plain file")
        if not stat.S_ISREG(kind):
            os.set_blocking(file.fileno(), True)
        data = bytearray()
        while len(data) <= longest and (piece := file.read(min(_PIECE, longest + 1 - len(data)))) != b"":
            if piece is None:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            data += piece
    if len(data) > longest:
        raise ValueError(f"it is larger than {longest >> 20} MB")
    return bytes(data)
