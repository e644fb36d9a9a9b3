"""The page beside an editor: its daemon has started this process and speaks over standard input and output.

Ends when the daemon does. One page at a time: a newer one takes the place of an older.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Final

from aiohttp import WSMsgType, web

from kvlsp.playground import pages
from kvlsp.server.frames import Frame, FrameReader

DOCUMENT: Final = {"name": "what you have open", "inspect": True}

CHUNK: Final = 1 << 16


class Relay:
    """Between the daemon and the page that was opened last."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._page: web.WebSocketResponse | None = None

    def say(self, body: bytes) -> None:
        self._writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async def carry(self, page: web.WebSocketResponse) -> None:
        """What the page says, until it goes."""
        before, self._page = self._page, page
        if before is not None:
            await before.close()
        async for message in page:
            if message.type is not WSMsgType.TEXT or self._page is not page:
                return
            self.say(message.data.encode("utf-8", "surrogatepass"))
            await self._writer.drain()

    async def answer(self, reader: asyncio.StreamReader) -> None:
        """What the daemon says, until it goes."""
        frames = FrameReader()
        while data := await reader.read(CHUNK):
            for frame in frames.feed(data):
                page = self._page
                if isinstance(frame, Frame) and page is not None and not page.closed:
                    await page.send_str(frame.body.decode("utf-8", "replace"))


async def serve() -> None:
    """Until the daemon has gone."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout.buffer)
    relay = Relay(asyncio.StreamWriter(transport, protocol, None, loop))

    def listening(address: str) -> None:
        relay.say(json.dumps({"jsonrpc": "2.0", "method": "kvlsp/opened", "params": {"address": address}}).encode())

    serving = asyncio.ensure_future(pages.serve(DOCUMENT, relay.carry, 0, None, listening))
    await relay.answer(reader)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
