"""The workspace's folders as the editor speaks of them, and what the editor is told of them."""

from __future__ import annotations

import pytest

from kvlsp.messages import PlaceContext
from kvlsp.server.folders import folders_of
from kvlsp.workspace.messages import Condition, FilesChanged, Roots, Shown
from tests.support.conversation import Conversation
from tests.support.fake_workspace import FakeWorkspace


class Talk(Conversation):
    """A conversation whose workspace is a fake one."""

    def __init__(self) -> None:
        self.workspace = FakeWorkspace((Shown("lib.py", "x = 1\n"),))
        super().__init__(launch_workspace=self.workspace.launch)

    def begin(self, **params: object) -> None:
        self.ask("initialize", {"capabilities": {"window": {"workDoneProgress": True}},
                                "initializationOptions": {"crossFile": "always", "workspaceMemory": "off",
                                                           "status": True}, **params})
        self.notify("initialized", {})

    def roots(self, *paths: str) -> Roots:
        return self.workspace.told.wait(Roots, lambda roots: roots.paths == paths)

    def stands(self, condition: Condition) -> None:
        """What comes from the workspace's thread."""
        self.server._on_workspace(condition)
        self.loop.run()


@pytest.fixture
def talk():
    talk = Talk()
    yield talk
    talk.server.cross_file.stop()


def folder(path: str) -> dict[str, str]:
    return {"uri": f"file://{path}", "name": "n"}


@pytest.mark.parametrize(("params", "roots"), [
    ({"workspaceFolders": [folder("/one"), folder("/two")], "rootUri": "file:///three"}, ("/one", "/two")),
    ({"workspaceFolders": None, "rootUri": "file:///with%20space"}, ("/with space",)),
    ({"rootUri": "file:///three"}, ("/three",)),
    ({"workspaceFolders": [], "rootUri": "file:///four"}, ("/four",)),
    ({"rootUri": None, "rootPath": "/five %41"}, ("/five %41",)),
    ({"rootUri": "file:///three", "rootPath": "/five"}, ("/three",)),
    ({"workspaceFolders": [folder("/one"), folder("/one/"), folder("/%6fne")]}, ("/one",)),
])
def test_folders_at_the_beginning(talk, params, roots):
    talk.begin(**params)
    talk.roots(*roots)


@pytest.mark.parametrize("path", ["five", "", 5, "/\ud800"])
def test_a_path_that_is_none_is_no_folder(path):
    assert folders_of({"rootPath": path}) == []


@pytest.mark.parametrize("params", [
    {}, {"workspaceFolders": [], "rootUri": None}, {"rootUri": None}, {"rootUri": "vscode-vfs://github/x"},
    {"workspaceFolders": [{"name": "no uri"}, 7]},
])
def test_no_folder_no_thread(talk, params):
    talk.begin(**params)
    assert talk.server.cross_file._thread is None


def test_folders_come_and_go(talk):
    talk.begin(workspaceFolders=[folder("/one")])
    talk.notify("workspace/didChangeWorkspaceFolders", {
        "event": {"added": [folder("/two")], "removed": [folder("/one"), folder("/never")]}})
    talk.roots("/two")
    talk.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": [folder("/two")]}})
    assert talk.workspace.links[0].closed.wait(10)


def test_a_folder_that_comes_later_finds_the_open_documents(talk):
    talk.begin()
    talk.open("file:///late/a.py", "abc")
    talk.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [folder("/late")], "removed": []}})
    talk.roots("/late")
    talk.server.cross_file.stop()
    placed = [message for message in talk.engine.messages if isinstance(message, PlaceContext)]
    assert [message.uri for message in placed] in ([], ["file:///late/a.py"])
    assert talk.workspace.told.items[1].text == "abc"


def test_watched_files(talk):
    talk.begin(rootUri="file:///one")
    talk.notify("workspace/didChangeWatchedFiles", {"changes": [
        {"uri": "file:///one/a.py", "type": 2}, {"uri": "untitled:b", "type": 1},
        {"uri": "file:///one/c.py", "type": 3}]})
    assert talk.workspace.told.wait(FilesChanged).paths == ("/one/a.py", "/one/c.py")


def test_indexing_shows_progress_and_ends_it(talk):
    talk.begin()
    talk.stands(Condition(1, 0, 0, indexing=True))
    talk.stands(Condition(1, 10, 9, indexing=True, done=10, total=5000))
    talk.loop.advance(1)
    [asked] = [m for m in talk.sent if m.get("method") == "window/workDoneProgress/create"]
    talk.send({"jsonrpc": "2.0", "id": asked["id"], "result": None})
    talk.stands(Condition(1, 2500, 9, indexing=True, done=2500, total=5000))
    talk.stands(Condition(1, 5000, 9, settled=True))
    values = [params["value"] for params in talk.notified("$/progress")]
    assert [value["kind"] for value in values] == ["begin", "report", "end"]
    assert values[0]["title"] == "kvlsp: reading the workspace"
    assert (values[1]["message"], values[1]["percentage"]) == ("2500 of 5000 files", 50)


def test_statistics_show_what_is_indexed_and_what_is_wrong(talk):
    talk.begin()
    for _ in range(2):
        talk.stands(Condition(1, 12, 34, problems=("The folder x is gone.",), settled=True))
    assert talk.ask("kvlsp/statistics", {})["server"]["workspace"] == {
        "folders": 1, "files": 12, "definitions": 34, "indexing": False, "done": 0, "total": None,
        "problems": ["The folder x is gone."], "failures": {"ended": 0, "silent": 0}}
    assert [said["message"] for said in talk.notified("window/logMessage")] == ["The folder x is gone."]


def test_the_status_tells_what_is_wrong_as_long_as_it_is(talk):
    talk.begin()
    before = talk.notified("kvlsp/status")
    for done in range(20):
        talk.stands(Condition(1, 12, 34, indexing=True, done=done, total=20))
    assert talk.notified("kvlsp/status") == before
    for done in range(20):
        talk.stands(Condition(1, 12, 34, indexing=True, done=done, total=20, problems=("The folder x is gone.",)))
    [gone] = talk.notified("kvlsp/status")[len(before):]
    assert gone == {**before[-1], "problems": ["The folder x is gone."]}
    talk.stands(Condition(1, 12, 34, settled=True))
    assert talk.notified("kvlsp/status")[len(before) + 1:] == [before[-1]]
    assert before[-1]["problems"] == []


def test_shutdown_ends_the_thread(talk):
    talk.begin(rootUri="file:///one")
    talk.roots("/one")
    talk.ask("shutdown")
    talk.server.cross_file._thread.join(10)
    assert not talk.server.cross_file._thread.is_alive()


SPELLINGS = ("file:///x/one", "file:///x/one/", "file:///x/%6fne", "file:/x/one", "file://localhost/x/one",
             "file:///x/./one", "FILE:///x/one")


@pytest.mark.parametrize("added", SPELLINGS)
@pytest.mark.parametrize("removed", SPELLINGS)
def test_a_folder_is_removed_in_whatever_spelling(talk, added, removed):
    talk.begin(workspaceFolders=[folder("/x/two"), {"uri": added, "name": "n"}])
    talk.roots("/x/two", "/x/one")
    talk.notify("workspace/didChangeWorkspaceFolders", {
        "event": {"added": [], "removed": [{"uri": removed, "name": "n"}]}})
    talk.roots("/x/two")


def test_folders_of_other_schemes_are_told_apart_as_they_are_written(talk):
    talk.begin(workspaceFolders=[{"uri": "vscode-vfs://a/x", "name": "n"}, {"uri": "vscode-vfs://b/x", "name": "n"}])
    assert talk.server.folders == ["vscode-vfs://a/x", "vscode-vfs://b/x"]
