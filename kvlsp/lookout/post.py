"""A daemon's end: a socket in the user's runtime folder, through which it can be watched and not changed.

Folder and socket are open to this user alone, and whoever connects has to be a process of this user. The engine may be
in this process or be shared: shown is what this editor has of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kvlsp.errors import EngineUnreachable
from kvlsp.remote.meeting_place import runtime_folder
from kvlsp.remote.peer import check_peer
from kvlsp.server import looking
from kvlsp.server.frames import Frame, FrameReader
from kvlsp.server.intake import CHUNK
from kvlsp.server.server import KvlspServer

log = logging.getLogger(__name__)

PREFIX: Final = "editor-"

ONLOOKERS: Final = 8
"""Connections at a time."""

LONGEST: Final = 100
"""Bytes of a socket's path; systems take from 104 on."""


class Post:
    """Of one daemon; used by the editor's thread only. Where no socket can be had there is none, and nothing fails."""

    def __init__(self, ls: KvlspServer, folder: Callable[[], Path] = runtime_folder) -> None:
        self._ls, self._folder = ls, folder
        self._opening: asyncio.Task[None] | None = None
        self._listening: asyncio.Server | None = None
        self._path: Path | None = None
        self._here: set[asyncio.StreamWriter] = set()

    def open(self) -> None:
        if self._opening is None and hasattr(os, "geteuid") and hasattr(socket, "AF_UNIX"):
            self._opening = self._ls.loop.create_task(self._open())

    def close(self) -> None:
        """Nobody finds it from here on."""
        if self._opening is not None:
            self._opening.cancel()
        if self._listening is not None:
            self._listening.close()
        for writer in self._here:
            writer.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    async def _open(self) -> None:
        try:
            path = self._folder() / f"{PREFIX}{os.getpid()}.sock"
            if len(os.fsencode(path)) > LONGEST:
                raise EngineUnreachable("The path of the runtime folder is too long for a socket.")
            listener = _listen(path)
        except (OSError, EngineUnreachable) as error:
            log.debug("kvlsp inspect will not find this daemon (%s)", type(error).__name__)
            return
        self._path = path
        self._listening = await asyncio.start_unix_server(self._met, sock=listener)
        threading.Thread(target=tidy, args=(path.parent,), name="kvlsp-tidy", daemon=True).start()

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            check_peer(writer.get_extra_info("socket"))
        except EngineUnreachable:
            log.warning("a viewer was turned away: it is another user's process")
            writer.close()
            return
        if len(self._here) >= ONLOOKERS:
            writer.close()
            return
        self._here.add(writer)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, ValueError) as error:
            log.debug("a viewer has gone (%s)", type(error).__name__)
        finally:
            self._here.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader()
        while data := await reader.read(CHUNK):
            for frame in frames.feed(data):
                if not isinstance(frame, Frame):
                    raise ValueError("no message")
                looking.receive(self._ls, json.loads(frame.body), writer)
            await writer.drain()  # who does not take the answers is not asked for more questions


def tidy(folder: Path) -> None:
    """Take away what daemons have left here that were killed: sockets at which nobody listens."""
    for path in folder.glob(f"{PREFIX}*.sock"):
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
            connection.setblocking(False)
            try:
                if path.is_socket() and not _runs(path.stem.removeprefix(PREFIX)):
                    connection.connect(os.fspath(path))
            except ConnectionRefusedError:
                with contextlib.suppress(OSError):
                    path.unlink()
            except OSError:
                pass  # somebody listens there


def _runs(process: str) -> bool:
    """Whether a process of this number is there; not seen from here is one in another container."""
    try:
        os.kill(int(process), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except OSError:
        pass
    return True


def _listen(path: Path) -> socket.socket:
    """A socket that stands at the path when it listens, for this user alone."""
    begun = path.with_suffix(".begun")
    begun.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(os.fspath(begun))
        begun.chmod(0o600)
        listener.listen()
        begun.rename(path)
    except OSError:
        listener.close()
        with contextlib.suppress(OSError):
            begun.unlink(missing_ok=True)
        raise
    return listener
