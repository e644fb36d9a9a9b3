"""Standard streams that are closed, full or gone: a wrapper that starts us with ``<&-``, a disk without room.

Python has None for a closed stream, and the next file that is opened would get its number.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Final

INPUT, OUTPUT, ERRORS = "standard input", "standard output", "standard error"

_CANNOT_BE_WRITTEN: Final = (errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF, errno.EDQUOT)


def closed_streams() -> list[str]:
    """The standard streams that are closed, in words. Each is opened on nothing."""
    missing = []
    for number, name in enumerate((INPUT, OUTPUT, ERRORS)):
        try:
            os.fstat(number)
        except OSError:
            missing.append(name)
            nothing = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is the one that is missing
            if nothing != number:  # pragma: no cover - only where a system counts otherwise
                os.dup2(nothing, number)
                os.close(nothing)
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    return missing


def print_anything() -> None:
    """What standard output has no characters for (another locale, a file's name that is no text) is written as an
    escape, as on standard error, and not a reason to fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def is_about_output(error: OSError) -> bool:
    """Whether the error is about writing a standard stream: one about a file would name the file."""
    return error.filename is None and error.errno in _CANNOT_BE_WRITTEN


def forget_output() -> None:
    """Drop what still waits for standard output: it could not be written before, and would fail again at exit."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)
