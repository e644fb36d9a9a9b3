"""An ASGI application behind real WebSockets of this machine, without the server that runs it in earnest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


@contextmanager
def listening(application: Any) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """Its address, and the loop that it runs in."""
    loop = asyncio.new_event_loop()
    started: asyncio.Future[str] = loop.create_future()
    over = asyncio.Event()

    async def connected(connection: ServerConnection) -> None:
        await application(*_asgi(connection))

    async def run() -> None:
        async with serve(connected, "127.0.0.1", 0, max_size=1 << 20, close_timeout=1) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            started.set_result(f"ws://127.0.0.1:{port}/")
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(_result(started), loop).result(10), loop
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


async def _result(future: asyncio.Future[str]) -> str:
    return await future


def _asgi(connection: ServerConnection) -> tuple[Any, Any, Any]:
    request = connection.request
    assert request is not None
    headers = [(name.lower().encode(), value.encode()) for name, value in request.headers.raw_items()]
    begun = False

    async def receive() -> dict[str, Any]:
        nonlocal begun
        if not begun:
            begun = True
            return {"type": "websocket.connect"}
        try:
            data = await connection.recv()
        except ConnectionClosed as error:
            return {"type": "websocket.disconnect", "code": error.rcvd.code if error.rcvd else 1006}
        return {"type": "websocket.receive", **({"text": data} if isinstance(data, str) else {"bytes": data})}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            await connection.send(message["bytes"])
        elif message["type"] == "websocket.close":
            await connection.close(message["code"])

    return {"type": "websocket", "headers": headers}, receive, send
