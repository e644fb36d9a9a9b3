"""The process that keeps the workspace: started by :func:`launch`, ended by the end of its input.

A process and not a thread: parsing and the index hold the interpreter's lock for milliseconds at a time, a model's
thread gives it back and takes it again at every operation, and low priority would make the holder the last to
run. Here the system's own scheduler sees to it that indexing yields.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from kvlsp.errors import WorkspaceError
from kvlsp.workspace.messages import FromWorkspace, ToWorkspace
from kvlsp.workspace.pipes import command, ends, read, write

if TYPE_CHECKING:
    from kvlsp.workspace.service import Service

log = logging.getLogger(__name__)

NICE: Final = 10
"""A tenth of what others get where all cores are busy."""
GRACE: Final = 2.0
"""Seconds to end by itself."""


class Link(Protocol):
    """A connection to a workspace's process."""

    def send(self, message: ToWorkspace) -> None:
        """Returns at once, whether the process reads or not. :class:`WorkspaceError` when it is gone."""

    def close(self) -> None:
        """End the process, by force if need be; returns when it has ended."""


Hear = Callable[[FromWorkspace | None], None]
"""Called from another thread with what comes back; None: the process has ended."""


def launch(hear: Hear) -> Link:
    """A new process. :class:`WorkspaceError` when it cannot be started."""
    return _Child(hear)


class _Child:
    def __init__(self, hear: Hear) -> None:
        low = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
        hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        try:
            self._process = subprocess.Popen(
                command(__name__), stdin=subprocess.PIPE, stdout=subprocess.PIPE, creationflags=low | hidden)
        except (OSError, ValueError) as error:
            raise WorkspaceError(f"The process that reads the workspace cannot be started ({error}); completions know "
                                 "the open document only.") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._outgoing: queue.SimpleQueue[ToWorkspace | None] = queue.SimpleQueue()  # None: no more comes
        self._gone = False
        self._hear = hear
        for name, work, stream in (("reader", self._listen, self._process.stdout),
                                   ("writer", self._speak, self._process.stdin)):
            threading.Thread(target=work, args=(stream,), name=f"kvlsp-workspace-{name}", daemon=True).start()

    def send(self, message: ToWorkspace) -> None:
        if self._gone:
            raise WorkspaceError("The process that reads the workspace has ended.")
        self._outgoing.put(message)

    def close(self) -> None:
        self._gone = True
        self._outgoing.put(None)
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _speak(self, outgoing: BinaryIO) -> None:
        """A thread of its own: a process that hangs reads nothing, and a full pipe holds up whoever writes."""
        with contextlib.suppress(OSError), outgoing:  # closing writes what is left
            while (message := self._outgoing.get()) is not None:
                write(outgoing, message)
        self._gone = True

    def _listen(self, incoming: BinaryIO) -> None:
        with incoming:
            while (message := read(incoming)) is not None:
                self._hear(message)
        self._hear(None)


def _act(service: Service, message: ToWorkspace) -> None:
    try:
        service.act(message)
    except Exception as error:  # a path that no system call takes, a defect: the others are served all the same
        log.error("The workspace failed on %s (%s) and goes on.", type(message).__name__, type(error).__name__)
        log.debug("What failed:", exc_info=True)


def main() -> None:
    """The process itself: messages on standard input, answers on standard output, until the input ends."""
    from kvlsp.workspace.reader import Reader
    from kvlsp.workspace.service import Service
    from kvlsp.workspace.watcher import Watcher
    from kvlsp.workspace.workspace import Workspace

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the daemon's to deal with
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(NICE)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    incoming, outgoing = ends()

    def send(message: FromWorkspace) -> None:
        try:
            write(outgoing, message)
        except OSError:
            os._exit(0)

    waiting: queue.SimpleQueue[ToWorkspace | None] = queue.SimpleQueue()  # None: the disk has changed

    def listen() -> None:
        while (message := read(incoming)) is not None:
            waiting.put(message)
        os._exit(0)  # whatever runs: an index outlives being killed

    threading.Thread(target=listen, name="kvlsp-listen", daemon=True).start()
    reader = Reader()
    service = Service(send, lambda exclude: Workspace(exclude, Watcher(wake=lambda: waiting.put(None)), outline=reader),
                      outline=reader)
    while True:
        due = service.due()
        try:
            message = waiting.get_nowait() if due == 0.0 else waiting.get(timeout=due)
        except queue.Empty:
            service.step()
            reader.tidy()
        else:
            if message is not None:
                _act(service, message)
