"""The engine's log, kept short: an engine that stays for weeks and has something to say each second fills no disk."""

from __future__ import annotations

import os
import stat
from typing import Final

MOST: Final = 1 << 20
"""Bytes of the log; beyond them what is oldest goes."""
KEPT: Final = MOST // 4
DROPPED: Final = b"(Older lines were dropped.)\n"


def shorten(descriptor: int, most: int = MOST, kept: int = KEPT) -> None:
    """Leave the last ``kept`` bytes of a file that has more than ``most``, from the beginning of a line on.

    The file is open for reading and appending, by this process alone: what a thread writes at the same moment may be
    lost. Whatever is no such file, as where an engine was started by hand, is left alone.
    """
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode) or state.st_size <= most:
            return
        last = os.pread(descriptor, kept, state.st_size - kept)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, DROPPED + last[last.find(b"\n") + 1 :])
    except OSError:
        return
