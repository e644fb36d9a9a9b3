"""A daemon behind each page: a WebSocket's messages go to its standard input, and back.

A page is served like any editor, by a process of its own: what happens to that, or to the page, ends with the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from kvlsp.playground.exchange import exchange

log = logging.getLogger(__name__)

LONGEST: Final = 64 << 20
"""Bytes of a message from a page."""

PATIENCE: Final = 5.0
"""Seconds that a daemon has to end by itself once nobody speaks to it."""


async def carry(socket: web.WebSocketResponse, command: Sequence[str]) -> None:
    """Until either end has gone."""
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE,
                                                   stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await exchange(socket, process.stdout, process.stdin)
    finally:
        await _end(process)
        with contextlib.suppress(ConnectionError):
            await socket.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), PATIENCE)
    except asyncio.TimeoutError:
        log.warning("a daemon of the playground did not end by itself and was ended")
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
