"""A page that shows what the daemon of an editor does, through that daemon's socket (:mod:`kvlsp.lookout`)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from kvlsp.playground.exchange import exchange

log = logging.getLogger(__name__)


async def carry(socket: web.WebSocketResponse, find: Callable[[], Path | None]) -> None:
    """Until either end has gone. ``find`` is asked for each connection, in a thread: an editor may have been closed and
    opened again; None where there is none, and the page tries again."""
    path = await asyncio.to_thread(find)
    try:
        if path is None:
            return
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            await exchange(socket, reader, writer)
        finally:
            writer.close()
    except OSError as error:
        log.debug("the daemon cannot be reached (%s)", type(error).__name__)
    finally:
        with contextlib.suppress(ConnectionError):
            await socket.close()
