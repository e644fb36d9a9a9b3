"""Streams to and from one editor: standard input and output, or one connection on a local port.

Reads whatever comes and hands over whole frames; ends when the conversation does or the stream is closed.
This module knows no method of the protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError
from kvlsp.server.frames import FrameReader
from kvlsp.server.server import KvlspServer, MakeEngine

log = logging.getLogger(__name__)

CHUNK = 1 << 16
"""Bytes of one read."""

CHUNKS_AHEAD = 1024
"""Reads that may wait for the loop: a bound on memory, far above what an editor sends at once."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve_stdio(make_engine: MakeEngine, settings: Settings) -> int:
    """Serve the editor that started this process; returns the exit code.

    The protocol gets the two streams for itself: what anything else prints goes to standard error, and a
    child process finds an empty standard input.
    """
    sys.stdout.flush()
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return serve_pipes(make_engine, settings, incoming, outgoing)


def serve_pipes(make_engine: MakeEngine, settings: Settings, incoming: int, outgoing: int) -> int:
    """Serve over two file descriptors; returns the exit code.

    ``incoming`` is given away: the thread that reads it closes it, which may be after the conversation. Closed
    by anybody else, its number could belong to another stream by the next read, and that stream would lose it.
    """
    return asyncio.run(_serve_pipes(make_engine, settings, incoming, outgoing))


def serve_tcp(make_engine: MakeEngine, settings: Settings, address: str,
              listening: Callable[[str, int], None] = lambda host, port: None) -> int:
    """Serve one editor on ``HOST:PORT`` of this machine and end with it; returns the exit code.

    ``listening`` is told the address (port 0 lets the system choose). Raises :class:`ConfigurationError` for
    an address that is none, is taken, or that other machines could reach.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigurationError(f"{address} is no address; write it like 127.0.0.1:4711.")
    if host.strip("[]") not in LOOPBACK:
        raise ConfigurationError(f"kvlsp listens on this machine only (127.0.0.1), not on {host}: whoever "
                                 "reaches the port could read what is being written.")
    return asyncio.run(_serve_tcp(make_engine, settings, host.strip("[]"), int(port), listening))


class _PipeWriter:
    """Writes whole messages; a reader that has gone away ends the conversation instead of raising."""

    def __init__(self, descriptor: int, lost: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._lost = lost
        self._broken = False

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest and not self._broken:
            try:
                rest = rest[os.write(self._descriptor, rest):]
            except OSError:
                self._broken = True
                self._lost()

    def close(self) -> None:
        """The descriptor belongs to whoever opened it."""


async def _serve_pipes(make_engine: MakeEngine, settings: Settings, incoming: int, outgoing: int) -> int:
    server = _server(make_engine, settings)
    loop, frames = server.loop, FrameReader()
    room = threading.BoundedSemaphore(CHUNKS_AHEAD)

    def take(data: bytes) -> None:
        room.release()
        for frame in frames.feed(data):
            server.receive(frame)

    def read() -> None:
        with os.fdopen(incoming, "rb", buffering=0), contextlib.suppress(RuntimeError):  # the loop has ended
            while data := _read(incoming):
                room.acquire()
                loop.call_soon_threadsafe(take, data)
            loop.call_soon_threadsafe(server.finish)

    server.protocol.set_writer(_PipeWriter(outgoing, server.finish))
    # A thread, because not every kind of standard input can be watched by a loop on every system; a daemon,
    # because it may wait in a read for ever.
    threading.Thread(target=read, name="kvlsp-reader", daemon=True).start()
    return await _until_finished(server)


async def _serve_tcp(make_engine: MakeEngine, settings: Settings, host: str, port: int,
                     listening: Callable[[str, int], None]) -> int:
    server = _server(make_engine, settings)
    taken = False

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        if taken:
            log.warning("a second editor connected and was turned away: one daemon serves one editor")
            writer.close()
            return
        taken = True
        frames = FrameReader()
        server.protocol.set_writer(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                for frame in frames.feed(data):
                    server.receive(frame)
        server.finish()
        writer.close()

    try:
        listener = await asyncio.start_server(connected, host, port)
    except OSError as error:
        raise ConfigurationError(f"kvlsp cannot listen on {host}:{port} ({error.strerror}); "
                                 "choose another port.") from error
    listening(*listener.sockets[0].getsockname()[:2])
    async with listener:
        return await _until_finished(server)


def _server(make_engine: MakeEngine, settings: Settings) -> KvlspServer:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    return KvlspServer(make_engine, settings, loop)


async def _until_finished(server: KvlspServer) -> int:
    await server.finished.wait()
    server.cross_file.stop()
    if server.engine is not None:
        server.engine.stop()
    return server.exit_code or 0


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, CHUNK)
    except OSError:
        return b""


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """asyncio's own report would print arguments, hence the user's code."""
    error = context.get("exception")
    places = "".join(traceback.format_tb(error.__traceback__)) if error is not None else ""
    log.error("the server's loop met %s\n%s", type(error).__name__, places)
