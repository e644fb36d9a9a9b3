"""A daemon behind each page: a WebSocket's messages to its standard input, and back. It knows no method.

A page is served like any editor, by a process of its own: what happens to that, or to the page, ends with the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from aiohttp import WSMsgType, web

from kvlsp.server.frames import Frame, FrameReader

log = logging.getLogger(__name__)

LONGEST: Final = 64 << 20
"""Bytes of a message from a page."""

CHUNK: Final = 1 << 16

PATIENCE: Final = 5.0
"""Seconds that a daemon has to end by itself once nobody speaks to it."""


async def carry(socket: web.WebSocketResponse, command: Sequence[str]) -> None:
    """Until either end has gone. Who does not read is not written to: neither end runs ahead of the other."""
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE,
                                                   stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    inwards = asyncio.create_task(_inwards(socket, process.stdin))
    outwards = asyncio.create_task(_outwards(socket, process.stdout))
    try:
        await asyncio.wait({inwards, outwards}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (inwards, outwards):
            task.cancel()
        await asyncio.gather(inwards, outwards, return_exceptions=True)
        await _end(process)
        with contextlib.suppress(ConnectionError):
            await socket.close()


async def _inwards(socket: web.WebSocketResponse, stream: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                return
            body = message.data.encode("utf-8", "surrogatepass")
            stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            await stream.drain()


async def _outwards(socket: web.WebSocketResponse, stream: asyncio.StreamReader) -> None:
    frames = FrameReader()
    with contextlib.suppress(ConnectionError):
        while data := await stream.read(CHUNK):
            for frame in frames.feed(data):
                if isinstance(frame, Frame):
                    await socket.send_str(frame.body.decode("utf-8", "replace"))


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
