"""Streams to and from one editor: standard input and output, or one connection on a local port.

Reads whatever comes and hands over whole frames; ends when the conversation does or the stream is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError
from kvlsp.server import connection
from kvlsp.server.door import first_frames
from kvlsp.server.frames import FrameReader
from kvlsp.server.intake import Intake
from kvlsp.server.secret import Secret
from kvlsp.server.server import KvlspServer, MakeBeside, MakeEngine, Nobody
from kvlsp.server.signals import end_at_once_on_signals, end_on_signals
from kvlsp.wire.outbox import Outbox

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "localhost", "::1")

CALLERS = 16
"""Connections that may stand at the door at a time; for one more the one that has stood there longest goes."""


def serve_stdio(make_engine: MakeEngine, settings: Settings, beside: MakeBeside = Nobody) -> int:
    """Serve the editor that started this process; returns the exit code.

    The protocol gets the two streams for itself: what anything else prints goes to standard error, and a
    child process finds an empty standard input. ``beside`` is open as long as the conversation.
    """
    sys.stdout.flush()
    incoming, outgoing = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return serve_pipes(make_engine, settings, incoming, outgoing, beside)


def serve_pipes(make_engine: MakeEngine, settings: Settings, incoming: int, outgoing: int,
                beside: MakeBeside = Nobody) -> int:
    """Serve over two file descriptors; returns the exit code.

    ``incoming`` is given away (see :class:`~kvlsp.server.intake.Intake`).
    """
    return asyncio.run(_serve_pipes(make_engine, settings, incoming, outgoing, beside))


def serve_tcp(make_engine: MakeEngine, settings: Settings, address: str,
              listening: Callable[[str, int], None] = lambda host, port: None, beside: MakeBeside = Nobody) -> int:
    """Serve one editor on ``HOST:PORT`` of this machine and end with it; returns the exit code.

    The editor is the first that sends the secret of ``kvlsp.server.secret`` with ``initialize``; all others are turned
    away. ``listening`` is told the address (port 0 lets the system choose) once the secret stands in its file. Raises
    :class:`ConfigurationError` for an address that is none, is taken, or that other machines could reach.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigurationError(f"{address} is not an address; write it like 127.0.0.1:4711.")
    if host.strip("[]") not in LOOPBACK:
        raise ConfigurationError(f"kvlsp listens on this machine only (127.0.0.1), not on {host}: whoever "
                                 "reaches the port could read what is being written.")
    return asyncio.run(_serve_tcp(make_engine, settings, host.strip("[]"), int(port), listening, beside))


def serve_dialled(make_engine: MakeEngine, settings: Settings, place: int | str, beside: MakeBeside = Nobody) -> int:
    """Serve the editor that has started this process and listens at ``place``: a port of this machine, or the path of a
    socket; returns the exit code. Raises :class:`ConfigurationError` where nobody listens.

    No secret is asked for: whoever started this process has named the place.
    """
    return asyncio.run(_serve_dialled(make_engine, settings, place, beside))


async def _serve_dialled(make_engine: MakeEngine, settings: Settings, place: int | str, beside: MakeBeside) -> int:
    where = f"127.0.0.1:{place}" if isinstance(place, int) else place
    if isinstance(place, str) and sys.platform == "win32":
        raise ConfigurationError("kvlsp cannot open a named pipe of Windows. Start it with --stdio or --socket.")
    try:
        reader, writer = await (asyncio.open_connection("127.0.0.1", place) if isinstance(place, int)
                                else asyncio.open_unix_connection(place))
    except (OSError, ValueError, OverflowError) as error:  # a port beyond all, a path that no disk can have
        odd = "ports are numbers up to 65535" if isinstance(place, int) else "no socket can have that path"
        why = error.strerror if isinstance(error, OSError) and error.strerror else odd
        raise ConfigurationError(f"No editor can be reached at {where} ({why}). --socket and --pipe name where the "
                                 "editor listens; for a port at which kvlsp listens there is --tcp.") from error
    server = _server(make_engine, settings, beside)
    server.protocol.write = writer.write

    async def serve() -> None:
        await connection.serve(reader, writer, FrameReader(), [], server.receive)
        server.finish()

    serving = asyncio.ensure_future(serve())
    code = await _until_finished(server)
    serving.cancel()
    writer.close()
    return code


async def _serve_pipes(make_engine: MakeEngine, settings: Settings, incoming: int, outgoing: int,
                       beside: MakeBeside) -> int:
    server = _server(make_engine, settings, beside)

    def lost() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            server.loop.call_soon_threadsafe(server.finish)

    outbox = Outbox(outgoing, lost, lambda: intake.resume())
    intake = Intake(incoming, server.loop, server.receive, server.finish, lambda: outbox.full)
    server.protocol.write = outbox.write
    intake.start()
    code = await _until_finished(server)
    outbox.close()
    return code


async def _serve_tcp(make_engine: MakeEngine, settings: Settings, host: str, port: int,
                     listening: Callable[[str, int], None], beside: MakeBeside) -> int:
    server = _server(make_engine, settings, beside)
    taken = False
    callers: list[asyncio.StreamWriter] = []
    secret: Secret | None = None

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        if taken or secret is None:
            log.warning("a second editor connected and was turned away: one daemon serves one editor")
            writer.close()
            return
        callers.append(writer)
        if len(callers) > CALLERS:  # so many say nothing: an editor would have spoken by now
            callers.pop(0).transport.abort()
        try:
            frames = FrameReader()
            first = await first_frames(reader, writer, frames, secret)
            if first is None or taken or writer.transport.is_closing():
                return
            taken = True
            callers.remove(writer)
            server.protocol.write = writer.write
            await connection.serve(reader, writer, frames, first, server.receive)
            server.finish()
        finally:
            if writer in callers:
                callers.remove(writer)
            writer.close()

    try:
        listener = await asyncio.start_server(connected, host, port)
    except OSError as error:
        raise ConfigurationError(f"kvlsp cannot listen on {host}:{port} ({error.strerror}); "
                                 "choose another port.") from error
    address = listener.sockets[0].getsockname()[:2]
    try:
        secret = Secret(*address)
        listening(*address)
        await server.finished.wait()
        secret.forget()  # what follows may take a while, and be ended
        return await _until_finished(server)
    finally:
        listener.close()
        if secret is not None:
            secret.forget()


def _server(make_engine: MakeEngine, settings: Settings, beside: MakeBeside) -> KvlspServer:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    server = KvlspServer(make_engine, settings, loop)
    server.beside = beside(server)
    end_on_signals(loop, server.finish)
    return server


async def _until_finished(server: KvlspServer) -> int:
    await server.finished.wait()
    end_at_once_on_signals(server.loop)
    server.cross_file.stop()
    server.onlookers.close()
    server.choosing.close()
    server.beside.close()
    if server.engine is not None:
        server.engine.stop()
    return server.exit_code or 0


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """asyncio's own report would print arguments, hence the user's code."""
    error = context.get("exception")
    if isinstance(error, asyncio.CancelledError):
        return  # whoever stood at the door when the conversation ended
    places = "".join(traceback.format_tb(error.__traceback__)) if error is not None else ""
    log.error("the server's loop met %s\n%s", type(error).__name__, places)
