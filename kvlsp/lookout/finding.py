"""The other end: which daemons of this user there are, and what they say of themselves. Nothing is started for it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from kvlsp.errors import EngineUnreachable
from kvlsp.lookout.post import PREFIX
from kvlsp.remote.meeting_place import runtime_folder
from kvlsp.remote.peer import check_peer
from kvlsp.server.frames import Frame, FrameReader

PATIENCE: Final = 3.0
"""Seconds that a daemon has to say who it is."""

_WHO: Final = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}).encode("ascii")


@dataclass(frozen=True, slots=True)
class Daemon:
    """One that can be looked at, by what a person tells it from another."""

    socket: Path
    process: int
    editor: str
    folders: tuple[str, ...]
    documents: int

    @property
    def sentence(self) -> str:
        """For people, without a full stop."""
        where = f" in {', '.join(self.folders)}" if self.folders else ""
        documents = f"{self.documents} document{'' if self.documents == 1 else 's'}"
        return f"{self.editor or 'an editor'} (process {self.process}){where}, {documents}"

    def as_json(self) -> Mapping[str, Any]:
        return {**asdict(self), "socket": str(self.socket)}


def daemons(folder: Callable[[], Path] = runtime_folder) -> list[Daemon]:
    """Those that answer, the one that was started last first. What a killed one has left behind is tidied away."""
    if not (hasattr(os, "geteuid") and hasattr(socket, "AF_UNIX")):
        return []
    try:
        here = sorted(folder().glob(f"{PREFIX}*.sock"), key=_age)
    except EngineUnreachable:
        return []
    found = (_ask(path) for path in here)
    return [daemon for daemon in found if daemon is not None]


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:
        return 0.0


def _ask(path: Path) -> Daemon | None:
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
        connection.settimeout(PATIENCE)
        try:
            connection.connect(os.fspath(path))
            check_peer(connection)
            connection.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(_WHO), _WHO))
            return _read(path, connection)
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)  # nobody listens there any more
        except (OSError, EngineUnreachable, ValueError, KeyError, TypeError):
            pass  # of another version, or stuck
    return None


def _read(path: Path, connection: socket.socket) -> Daemon | None:
    frames = FrameReader()
    while data := connection.recv(1 << 16):
        for frame in frames.feed(data):
            if isinstance(frame, Frame):
                about = json.loads(frame.body)["result"]["about"]
                return Daemon(path, int(about["process"]), str(about["editor"]), tuple(map(str, about["folders"])),
                              int(about["documents"]))
    return None
