"""``kvlsp inspect`` and the daemons: each is found by its socket, tells what it holds, and lets nobody change it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kvlsp.errors import EngineUnreachable
from kvlsp.lookout.finding import daemons
from kvlsp.lookout.post import ONLOOKERS, Post, tidy
from kvlsp.playground import attached, pages
from kvlsp.playground.onlooking import DOCUMENT
from kvlsp.server.frames import Frame, FrameReader
from kvlsp.server.looking import READS
from tests.support.fake_engine import FakeEngine
from tests.support.lsp_client import LspClient

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")

URI = "file:///a.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def editor(folder: Path) -> Iterator[LspClient]:
    client = LspClient.connect(FakeEngine, beside=lambda ls: Post(ls, lambda: folder))
    client.initialize(name="an editor", root="file:///home/me/project")
    client.open(URI, "x = 1\n")
    client.ask("kvlsp/documentState", {"uri": URI})
    until(lambda: daemons(lambda: folder))
    yield client
    with contextlib.suppress(AssertionError, OSError):
        client.close()


def until(holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + 30
    while not (found := holds()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


class Onlooker:
    """Speaks with the one daemon of a folder."""

    def __init__(self, folder: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(30)
        [path] = folder.glob("*.sock")
        self.socket.connect(os.fspath(path))
        self.frames = FrameReader()

    def say(self, message: Any) -> None:
        body = json.dumps(message).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def ask(self, method: str, params: Any) -> Any:
        self.say({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
        while data := self.socket.recv(1 << 16):
            for frame in self.frames.feed(data):
                assert isinstance(frame, Frame)
                answer = json.loads(frame.body)
                return answer.get("result", answer.get("error"))
        return None

    @property
    def hung_up(self) -> bool:
        try:
            return not self.socket.recv(1)
        except ConnectionError:
            return True


def test_a_daemon_is_found_with_what_tells_it_from_others(editor: LspClient, folder: Path):
    [found] = daemons(lambda: folder)
    assert (found.process, found.editor, found.folders, found.documents) == (os.getpid(), "an editor", ("project",), 1)
    assert found.sentence == f"an editor (process {os.getpid()}) in project, 1 document"


def test_only_this_user_can_reach_it_and_it_goes_with_the_daemon(editor: LspClient, folder: Path):
    [path] = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert editor.close() == 0
    assert not list(folder.iterdir())


def test_it_is_told_what_the_engine_of_the_editor_holds(editor: LspClient, folder: Path):
    onlooker = Onlooker(folder)
    assert onlooker.ask("initialize", {})["about"]["editor"] == "an editor"
    assert onlooker.ask("kvlsp/watch", {"since": 4, "uri": URI}) == {
        "turn": 5, "document": {"uri": URI, "ids": "AQAAAA=="}}
    assert onlooker.ask("kvlsp/tokens", {"ids": [3]}) == ["<3>"]
    assert onlooker.ask("kvlsp/documentState", {"uri": URI})["characters"] == 6


@pytest.mark.parametrize("method", ["textDocument/didOpen", "textDocument/didChange", "textDocument/inlineCompletion",
                                    "workspace/executeCommand", "workspace/didChangeConfiguration", "shutdown"])
def test_it_can_change_nothing(editor: LspClient, folder: Path, method: str):
    assert method not in READS
    onlooker = Onlooker(folder)
    for message in ({"jsonrpc": "2.0", "method": method, "params": {}}, {"jsonrpc": "2.0", "method": "exit"}, [1], 7):
        onlooker.say(message)
    assert onlooker.ask(method, {"textDocument": {"uri": URI}})["message"] == "This page can only watch."
    assert editor.ask("kvlsp/documentState", {"uri": URI})["characters"] == 6


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"Content-Length: 3\r\n\r\n{{{", b"\x00" * 9000])
def test_what_is_no_message_ends_the_connection_and_nothing_else(editor: LspClient, folder: Path, data: bytes):
    onlooker = Onlooker(folder)
    onlooker.socket.sendall(data)
    assert onlooker.hung_up
    assert Onlooker(folder).ask("kvlsp/tokens", {"ids": [3]}) == ["<3>"]


def test_another_users_process_is_turned_away(editor: LspClient, folder: Path, monkeypatch: pytest.MonkeyPatch):
    def other(connection: object) -> int:
        raise EngineUnreachable("The process at the other end of the socket is another user's.")

    monkeypatch.setattr("kvlsp.lookout.post.check_peer", other)
    assert Onlooker(folder).hung_up


def test_onlookers_are_bounded(editor: LspClient, folder: Path):
    here = [Onlooker(folder) for _ in range(ONLOOKERS)]
    assert all(one.ask("kvlsp/tokens", {"ids": [3]}) == ["<3>"] for one in here)
    assert Onlooker(folder).hung_up


def test_what_a_killed_daemon_left_behind_is_tidied_away(folder: Path):
    path = folder / "editor-4711.sock"
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as left:
        left.bind(os.fspath(path))
    assert daemons(lambda: folder) == []
    assert not path.exists()


def test_the_next_daemon_tidies_away_what_killed_ones_have_left(folder: Path):
    gone, stuck, ours = (folder / f"editor-{number}.sock" for number in (2**31 - 1, 2**31 - 2, os.getppid()))
    (folder / "editor-x.sock").write_text("no socket")
    (folder / "editor.token").write_text("nothing of ours")
    with contextlib.ExitStack() as closing:
        listeners = [closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) for _ in range(3)]
        for listener, path in zip(listeners, (gone, stuck, ours), strict=True):
            listener.bind(os.fspath(path))
        listeners[0].close()
        listeners[1].listen()
        listeners[2].close()
        tidy(folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            [stuck.name, ours.name, "editor-x.sock", "editor.token"])


def test_where_no_socket_can_be_had_the_daemon_serves_all_the_same(tmp_path: Path):
    def nowhere() -> Path:
        raise EngineUnreachable("The folder belongs to somebody else.")

    for folder in (nowhere, lambda: tmp_path / "is" / "not" / "there", lambda: tmp_path / ("long" * 30)):
        client = LspClient.connect(FakeEngine, beside=lambda ls, folder=folder: Post(ls, folder))
        client.initialize()
        client.open(URI, "x = 1\n")
        assert client.ask("kvlsp/documentState", {"uri": URI})["characters"] == 6
        assert client.close() == 0
    assert daemons(nowhere) == []


def test_a_page_is_carried_to_the_daemon_and_without_one_it_is_let_go(editor: LspClient, folder: Path):
    def find() -> Path | None:
        here = daemons(lambda: folder)
        return here[0].socket if here else None

    async def run() -> None:
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(pages.serve(DOCUMENT, lambda page: attached.carry(page, find), 0, None,
                                                  address.set_result))
        own = await address
        headers = {"Origin": own.rstrip("/").rpartition("/")[0]}
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(own + "lsp", headers=headers) as page:
                await page.send_str('{"jsonrpc": "2.0", "id": 1, "method": "kvlsp/tokens", "params": {"ids": [3]}}')
                assert json.loads(await page.receive_str())["result"] == ["<3>"]
                await asyncio.to_thread(editor.close)
                assert (await page.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            async with session.ws_connect(own + "lsp", headers=headers) as page:
                assert (await page.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 60))
