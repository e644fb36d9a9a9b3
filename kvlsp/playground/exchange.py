"""What a page says, as frames on a stream, and what comes back: until either end has gone."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from aiohttp import WSMsgType, web

from kvlsp.server.frames import Frame, FrameReader

CHUNK: Final = 1 << 16


async def exchange(socket: web.WebSocketResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry frames both ways until either end has gone. An end that does not read is not written to, so neither runs
    ahead."""
    inwards = asyncio.create_task(_inwards(socket, writer))
    outwards = asyncio.create_task(_outwards(socket, reader))
    try:
        await asyncio.wait({inwards, outwards}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (inwards, outwards):
            task.cancel()
        await asyncio.gather(inwards, outwards, return_exceptions=True)


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
