"""One client's WebSocket, as an ASGI server hands it over, tied to the thread that serves a client of a socket.

Its messages are pieces of the stream that a socket would carry, so its client is treated like one of a socket
(:mod:`kvlsp.host.client`): one that breaks the protocol, or does not read, is told so and disconnected.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final

from kvlsp.host.client import Client
from kvlsp.team.desk import Desk
from kvlsp.wire import schema
from kvlsp.wire.frames import pack
from kvlsp.wire.words import to_bytes

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

PIECE: Final = 1 << 18
FINISHING: Final = 2.0
"""Seconds in which open requests are answered before a client is sent away."""

NORMAL, ELSEWHERE, TEXT, REFUSED = 1000, 1012, 1003, 1008
"""Codes of a WebSocket's end; the second: come again, somebody else will serve you."""


async def refuse(send: Send, why: str) -> None:
    """A sentence for the user, and the end."""
    with contextlib.suppress(Exception):  # it has gone
        await send({"type": "websocket.send", "bytes": pack(schema.Refused(to_bytes(why)))})
        await send({"type": "websocket.close", "code": REFUSED})


class Session:
    """``run`` is its whole life."""

    def __init__(self, desk: Desk, receive: Receive, send: Send) -> None:
        self._desk, self._receive, self._send = desk, receive, send
        front, back = socket.socketpair()
        self._front = front
        self._client = Client(back, desk)
        self._code = NORMAL
        self._refusal = ""
        self.why = "it left"

    async def run(self) -> None:
        """From the first frame to the last."""
        reader, writer = await asyncio.open_connection(sock=self._front)
        loop, served = asyncio.get_running_loop(), asyncio.Event()

        def serve() -> None:
            try:
                self._client.serve()
            finally:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(served.set)

        threading.Thread(target=serve, name="kvlsp-client", daemon=True).start()
        bring = asyncio.create_task(self._bring(writer))
        try:
            await self._take(reader)
        finally:
            bring.cancel()
            await asyncio.gather(bring, return_exceptions=True)
            writer.close()
            await served.wait()

    async def part(self) -> None:
        """The replica ends: the client is sent elsewhere, when what it has asked is answered."""
        loop = asyncio.get_running_loop()
        until = loop.time() + FINISHING
        while self._desk.asked and loop.time() < until:
            await asyncio.sleep(0.02)
        self._code, self.why = ELSEWHERE, "the replica ended"
        self._client.hang_up()

    def refuse(self, why: str) -> None:
        """End the session, for this reason."""
        self._refusal, self.why = why, "it was refused"
        self._client.hang_up()

    async def _bring(self, writer: asyncio.StreamWriter) -> None:
        """From the client to the engine."""
        try:
            while (message := await self._receive())["type"] == "websocket.receive":
                data = message.get("bytes")
                if data is None:
                    self._code, self.why = TEXT, "it sent a text"
                    break
                writer.write(data)
                await writer.drain()
        except (ConnectionError, OSError):
            pass
        finally:
            with contextlib.suppress(OSError):
                if writer.can_write_eof():
                    writer.write_eof()

    async def _take(self, reader: asyncio.StreamReader) -> None:
        """From the engine to the client."""
        try:
            while data := await reader.read(PIECE):
                await self._send({"type": "websocket.send", "bytes": data})
        except ConnectionError:
            pass
        except Exception:  # each server has its own for a client that has gone
            return
        if self._refusal:
            await refuse(self._send, self._refusal)
            return
        with contextlib.suppress(Exception):
            await self._send({"type": "websocket.close", "code": self._code})
