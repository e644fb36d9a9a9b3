"""A workspace's process that is none: it remembers what it is told, and says what a test wants it to say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from kvlsp.errors import WorkspaceError
from kvlsp.workspace.messages import Ask, FromWorkspace, Retrieved, Shown, ToWorkspace
from kvlsp.workspace.process import Hear

T = TypeVar("T")
TIMEOUT = 30.0
"""Seconds after which a test has failed; nothing waits that long unless it is broken."""


class News:
    """A list that tests can wait on."""

    def __init__(self) -> None:
        self.items: list[object] = []
        self._arrived = threading.Condition()

    def add(self, item: object) -> None:
        with self._arrived:
            self.items.append(item)
            self._arrived.notify_all()

    def wait(self, kind: type[T], fits: Callable[[T], bool] = lambda item: True) -> T:
        """The first item of this kind, already there or to come, that fits."""
        found: list[T] = []

        def look() -> bool:
            found[:] = [item for item in list(self.items) if isinstance(item, kind) and fits(item)][:1]
            return bool(found)

        with self._arrived:
            if not self._arrived.wait_for(look, TIMEOUT):
                raise TimeoutError(f"no {kind.__name__} that fits among {self.items[-20:]}")
        return found[0]

    def of(self, kind: type[T]) -> list[T]:
        return [item for item in list(self.items) if isinstance(item, kind)]


class FakeWorkspace:
    """Is its own launcher. ``chunks`` answer every question; None: questions stay open."""

    def __init__(self, chunks: tuple[Shown, ...] | None = ()) -> None:
        self.chunks = chunks
        self.told = News()
        self.links: list[FakeLink] = []
        self.broken = False

    def launch(self, hear: Hear) -> FakeLink:
        if self.broken:
            raise WorkspaceError("The process cannot be started (no more processes).")
        self.links.append(FakeLink(self, hear))
        return self.links[-1]

    def say(self, message: FromWorkspace | None) -> None:
        self.links[-1].hear(message)


class FakeLink:
    def __init__(self, workspace: FakeWorkspace, hear: Hear) -> None:
        self.workspace, self.hear = workspace, hear
        self.closed = threading.Event()

    def send(self, message: ToWorkspace) -> None:
        if self.closed.is_set():
            raise WorkspaceError("The process has ended.")
        self.workspace.told.add(message)
        if isinstance(message, Ask) and self.workspace.chunks is not None:
            self.hear(Retrieved(message.number, self.workspace.chunks, (0, 10**6), "project", "a.py"))

    def close(self) -> None:
        self.closed.set()
