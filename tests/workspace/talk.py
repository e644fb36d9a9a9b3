"""A workspace's service that is talked to: what it is told, and all that it says."""

from __future__ import annotations

from pathlib import Path

from kvlsp.workspace.burst import QUIET
from kvlsp.workspace.messages import (
    Ask,
    Condition,
    DocumentClosed,
    DocumentText,
    FromWorkspace,
    Retrieved,
    Shown,
    Visited,
)
from kvlsp.workspace.service import Service
from kvlsp.workspace.workspace import Workspace
from tests.support.clock import ManualClock
from tests.workspace.test_watcher import StillObserver, Watcher
from tests.workspace.trees import ALLOWED

CIRCLE = Shown("lib/shapes.py", ALLOWED["lib/shapes.py"])


class Talk:
    """The service with a clock of its own; ``said`` is all that came back."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.said: list[FromWorkspace] = []
        self.made: list[Workspace] = []
        self.service = Service(self.said.append, lambda exclude: self.make(exclude, folder), self.clock)

    def make(self, exclude, folder: Path) -> Workspace:
        self.made.append(Workspace(exclude, Watcher(self.clock, StillObserver), folder))
        return self.made[-1]

    def tell(self, *messages) -> None:
        for message in messages:
            self.service.act(message)

    def rest(self) -> Condition:
        """Until the indexes are up to date; what was said last of them."""
        self.clock.pass_(QUIET)
        while self.service.due() == 0.0:
            self.service.step()
        return [one for one in self.said if isinstance(one, Condition)][-1]

    def ask(self, path: Path, offset: int, budget: int = 1000, places: tuple[Visited, ...] = ()) -> Retrieved:
        self.tell(Ask(len(self.said), str(path), offset, budget, places))
        answer = self.said[-1]
        assert isinstance(answer, Retrieved)
        return answer

    def ask_new(self, path: Path, text: str) -> tuple[Shown, ...]:
        """A document that is opened for this question."""
        self.tell(DocumentText(str(path), text))
        answer = self.ask(path, len(text))
        self.tell(DocumentClosed(str(path)))
        return answer.chunks or ()


def opened(talk: Talk, root: Path, path: str = "app.py", text: str | None = None) -> str:
    text = ALLOWED[path] if text is None else text
    talk.tell(DocumentText(str(root / path), text))
    return text
