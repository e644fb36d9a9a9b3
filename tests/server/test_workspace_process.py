"""An editor, the server and the real process over a real folder; only the engine is a fake one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from kvlsp.messages import ContextChunk, Message, PlaceContext
from tests.support.fake_engine import FakeEngine
from tests.support.fake_workspace import News
from tests.support.lsp_client import LspClient, edit
from tests.workspace.trees import ALLOWED, write_tree

CIRCLE = ContextChunk("lib/shapes.py", ALLOWED["lib/shapes.py"])


class Editor:
    """``posted``: what the engine got."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.posted = News()
        posted = self.posted

        class Engine(FakeEngine):
            def post(self, message: Message) -> None:
                super().post(message)
                posted.add(message)

        self.client = LspClient.connect(Engine)
        self.client.ask("initialize", {"processId": os.getpid(), "rootUri": root.as_uri(), "capabilities": {},
                                       "initializationOptions": {"crossFile": "always", "status": True}})
        self.client.notify("initialized", {})
        self.uri = (root / "app.py").as_uri()

    def placed(self, *chunks: ContextChunk) -> PlaceContext:
        """Waits until the engine is told exactly these; what it was told before is forgotten."""
        message = self.posted.wait(PlaceContext, lambda message: message.chunks == chunks)
        self.posted.items.clear()
        return message

    def configure(self, **settings: Any) -> None:
        self.client.notify("workspace/didChangeConfiguration", {"settings": {"kvlsp": settings}})


@pytest.fixture
def editor(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = (tmp_path / "project").resolve()
    write_tree(root, ALLOWED)
    editor = Editor(root)
    editor.client.open(editor.uri, ALLOWED["app.py"])
    yield editor
    assert editor.client.close() == 0


def test_from_the_disk_to_the_engine(editor):
    placed = editor.placed(CIRCLE)
    assert (placed.uri, placed.repository, placed.path) == (editor.uri, "project", "app.py")
    write_tree(editor.root, {"lib/shapes.py": "class Circle:\n    edge = 0\n"})
    editor.placed(ContextChunk("lib/shapes.py", "class Circle:\n    edge = 0\n"))
    (editor.root / "lib/shapes.py").unlink()
    editor.placed()
    stands = editor.client.ask("kvlsp/statistics", {})["server"]["workspace"]
    assert (stands["folders"], stands["files"], stands["problems"]) == (1, len(ALLOWED) - 1, [])


def test_an_edit_that_needs_another_file(editor):
    editor.placed(CIRCLE)
    editor.client.change(editor.uri, edit(4, 0, 0, "    print(KEPT)\n"), edit(0, 0, 0, "from lib.kept import KEPT\n"))
    editor.placed(CIRCLE, ContextChunk("lib/kept.py", "KEPT = 1\n"))


def test_globs_and_the_switch_take_effect_at_once(editor):
    editor.placed(CIRCLE)
    editor.configure(exclude=["lib/"])
    editor.placed()
    editor.configure(exclude=[])
    editor.placed(CIRCLE)
    editor.configure(crossFile="never")
    editor.placed()
    editor.configure(crossFile="always")
    editor.placed(CIRCLE)


def test_another_document_that_is_open_and_where_it_was_edited(editor):
    editor.placed(CIRCLE)
    other = (editor.root / "lib/notes.py").as_uri()
    editor.client.open(other, "speed = 1\n")
    editor.client.change(other, edit(0, 8, 9, "2"))
    editor.client.change(editor.uri, edit(4, 0, 0, "    x = 1\n"))
    editor.placed(CIRCLE, ContextChunk("lib/notes.py", "speed = 2\n"))


def test_a_document_that_was_never_saved(editor):
    editor.placed(CIRCLE)
    editor.client.open("untitled:Untitled-1", ALLOWED["app.py"])
    placed = editor.placed(CIRCLE)
    assert (placed.uri, placed.repository, placed.path) == ("untitled:Untitled-1", "project", "untitled.py")


def test_a_folder_that_goes_away_is_a_sentence(editor):
    editor.placed(CIRCLE)
    shutil.rmtree(editor.root)
    told = editor.client.notification("kvlsp/status", lambda status: bool(status["problems"]))
    assert str(editor.root) in told["problems"][0]
    said = editor.client.notification("window/logMessage", lambda params: "is gone" in params["message"])
    assert str(editor.root) in said["message"]
    editor.placed()
