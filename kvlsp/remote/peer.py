"""Who is at the other end of a Unix socket: a process of this user, or nobody to talk to."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import time
from typing import Final

from kvlsp.errors import EngineUnreachable

_CREDENTIALS: Final = struct.Struct("3i")


def check_peer(connection: socket.socket) -> int:
    """The other end's process id, 0 where it is not known. :class:`EngineUnreachable` for another user's process.

    Where the system does not tell (it does on Linux), the folder's and the socket's permissions have to do.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return 0
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _group = _CREDENTIALS.unpack(data)
    if user != os.geteuid():
        raise EngineUnreachable("The process at the other end of the socket is another user's; kvlsp does not talk to "
                                "it.")
    return int(process)


class Handle:
    """A process by its identity, where the system has that: its number may be another's once it has ended."""

    def __init__(self, process: int) -> None:
        self.process = process
        self._handle = -1
        if process > 0 and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._handle = os.pidfd_open(process)

    def kill(self) -> None:
        """End it at once; nothing happens when it has ended, or is not known."""
        with contextlib.suppress(OSError):
            if self._handle >= 0:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            elif self.process > 0 and not hasattr(os, "pidfd_open"):
                os.kill(self.process, signal.SIGKILL)

    def ended(self, patience: float) -> bool:
        """Waits up to ``patience`` seconds until it has ended; whether it has. One that is not known has."""
        if self._handle >= 0:
            watched = select.poll()
            watched.register(self._handle, select.POLLIN)
            return bool(watched.poll(1000 * patience))
        until = time.monotonic() + patience
        while self.process > 0 and not hasattr(os, "pidfd_open"):
            try:
                os.kill(self.process, 0)
            except OSError:
                break
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
