"""The editor's process: when it dies without a word, so does the daemon.

A closed stream says the same and is seen at once; this is for streams that somebody else keeps open. Where
the system can tell when a process ends (Linux) nothing is polled.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from typing import Final

from kvlsp.server.shape import whole

log = logging.getLogger(__name__)

_LARGEST: Final = 2**31 - 1
"""Numbers beyond it are no process of any system: an unsigned -1, a hash."""

INTERVAL = 15.0
"""Seconds between two looks where the system cannot tell."""


def watch_parent(process_id: object, loop: asyncio.AbstractEventLoop, died: Callable[[], None]) -> None:
    """Calls ``died`` once when the process has ended.

    Does nothing for a process that is not there now: the editor may run on another machine or in another
    container, where its number means nothing here.
    """
    process_id = whole(process_id)
    if process_id is None or not 0 < process_id <= _LARGEST:
        return
    if sys.platform == "win32":
        return  # there, asking for a process by signal would end it; the closed stream has to do
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(process_id)
        except OSError:
            log.info("the editor's process %d is not on this machine; it is not watched", process_id)
            return
        loop.add_reader(handle, _ended, handle, loop, died)
    elif _alive(process_id):
        loop.call_later(INTERVAL, _look, process_id, loop, died)


def _ended(handle: int, loop: asyncio.AbstractEventLoop, died: Callable[[], None]) -> None:
    loop.remove_reader(handle)
    os.close(handle)
    log.warning("the editor's process has ended; so does the server")
    died()


def _look(process_id: int, loop: asyncio.AbstractEventLoop, died: Callable[[], None]) -> None:
    if _alive(process_id):
        loop.call_later(INTERVAL, _look, process_id, loop, died)
    else:
        log.warning("the editor's process has ended; so does the server")
        died()


def _alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
