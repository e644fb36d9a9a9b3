"""The thread between editor, workspace and engine; the workspace's process is a fake one, time has always passed."""

from __future__ import annotations

from kvlsp.config import Settings
from kvlsp.crossfile.thread import CrossFile
from kvlsp.messages import ContextChunk, PlaceContext
from kvlsp.text.document import Document, Snapshot
from kvlsp.workspace.messages import Condition, Roots, Shown
from tests.support.clock import ManualClock
from tests.support.fake_workspace import FakeLink, FakeWorkspace, News

A, B = "file:///project/a.py", "file:///project/b.py"
CHUNKS = (Shown("lib.py", "x = 1\n"),)
PLACED = (ContextChunk("lib.py", "x = 1\n"),)
ON = Settings(cross_file="always", workspace_memory="off")


def snapshot(uri: str, text: str = "abc\n") -> Snapshot:
    return Document.open(uri, "python", 1, text).snapshot


def path_of(uri: str) -> str | None:
    return uri.removeprefix("file://") if uri.startswith("file:///") else None


class Clock(ManualClock):
    """Every look at it takes ``step`` seconds, so that no rest has to be waited for."""

    step = 1

    def __call__(self) -> float:
        self.pass_(self.step)
        return self.now


class Between:
    def __init__(self) -> None:
        self.workspace = FakeWorkspace(CHUNKS)
        self.engine, self.editor = News(), News()
        self.clock = Clock()
        self.cross_file = CrossFile(self.engine.add, self.editor.add, path_of, self.workspace.launch, self.clock)

    def start(self, settings: Settings | None = None, *open_documents: Snapshot) -> None:
        self.cross_file.folders(["/project"], settings or ON, open_documents)

    def placed(self, uri: str = A) -> PlaceContext:
        return self.engine.wait(PlaceContext, lambda message: message.uri == uri)

    def pass_(self, seconds: float) -> None:
        """Time passes, and something happens, so that the thread looks at its clock."""
        self.clock.pass_(seconds)
        self.cross_file.changed(["/project/x.py"])

    def problem(self, part: str) -> str:
        """The sentence with this part, once it is told."""
        told = self.editor.wait(Condition, lambda condition: any(part in problem for problem in condition.problems))
        return told.problems[0]

    def process(self, number: int) -> FakeLink:
        """The process with this number, once it has been told of the roots."""
        self.workspace.told.wait(Roots, lambda _roots: len(self.workspace.links) == number)
        return self.workspace.links[-1]
