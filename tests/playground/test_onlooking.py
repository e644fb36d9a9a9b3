"""A page beside an editor: its daemon opens it on request, answers what it asks, and lets it change nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from kvlsp.server.looking import READS
from tests.support.fake_engine import FakeEngine
from tests.support.lsp_client import LspClient

URI = "file:///a.py"


@pytest.fixture
def editor():
    client = LspClient.connect(FakeEngine)
    client.initialize()
    client.open(URI, "x = 1\n")
    yield client
    client.close()


def visited(address: str, visit: Callable[[Any], Awaitable[None]]) -> None:
    async def run() -> None:
        origin = {"Origin": address.rstrip("/").rpartition("/")[0]}
        async with (aiohttp.ClientSession() as session,
                    session.ws_connect(address + "lsp", headers=origin) as page):
            await asyncio.wait_for(visit(page), 30)

    asyncio.run(run())


async def asked(page: Any, method: str, params: Any) -> Any:
    await page.send_str(json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}))
    answer = json.loads(await page.receive_str())
    assert answer["id"] == 7
    return answer.get("result", answer.get("error"))


def opened(editor: LspClient) -> str:
    address: str = editor.ask("workspace/executeCommand", {"command": "kvlsp.inspect"})["address"]
    assert address.startswith("http://127.0.0.1:")
    return address


def test_nothing_of_the_folder_that_is_open_is_run(tmp_path, monkeypatch):
    for name in ("aiohttp", "typer", "kvlsp"):
        (tmp_path / f"{name}.py").write_text("open('was_run', 'w').close()\nraise ImportError\n")
    monkeypatch.chdir(tmp_path)
    client = LspClient.connect(FakeEngine)
    try:
        client.initialize()
        opened(client)
    finally:
        client.close()
    assert not (tmp_path / "was_run").exists()


def test_what_is_no_message_is_passed_over(editor: LspClient):
    async def visit(page: Any) -> None:
        await page.send_str("[1, 2]")
        await page.send_str("7")
        assert await asked(page, "kvlsp/tokens", {"ids": [3]}) == ["<3>"]

    visited(opened(editor), visit)


def test_the_page_is_shown_what_the_engine_of_the_editor_holds(editor: LspClient):
    async def visit(page: Any) -> None:
        assert "capabilities" in await asked(page, "initialize", {})
        view = await asked(page, "kvlsp/watch", {"since": 4, "uri": URI})
        assert view == {"turn": 5, "document": {"uri": URI, "ids": "AQAAAA=="}}
        assert await asked(page, "kvlsp/tokens", {"ids": [3]}) == ["<3>"]
        assert (await asked(page, "kvlsp/documentState", {"uri": URI}))["characters"] == 6

    visited(opened(editor), visit)


@pytest.mark.parametrize("method", ["textDocument/didOpen", "textDocument/inlineCompletion", "workspace/executeCommand",
                                    "shutdown", "workspace/didChangeConfiguration"])
def test_it_can_change_nothing(editor: LspClient, method: str):
    async def visit(page: Any) -> None:
        for message in ({"jsonrpc": "2.0", "method": method, "params": {}}, {"jsonrpc": "2.0", "method": "exit"}):
            await page.send_str(json.dumps(message))
        refused = await asked(page, method, {"textDocument": {"uri": URI}})
        assert refused["message"] == "This page can only watch."

    assert method not in READS
    visited(opened(editor), visit)
    assert editor.ask("kvlsp/documentState", {"uri": URI})["characters"] == 6


def test_who_asks_again_is_told_the_same_address_and_a_newer_page_takes_over(editor: LspClient):
    address = opened(editor)
    assert opened(editor) == address

    async def run() -> None:
        origin = {"Origin": address.rstrip("/").rpartition("/")[0]}
        async with aiohttp.ClientSession() as session:
            first = await session.ws_connect(address + "lsp", headers=origin)
            second = await session.ws_connect(address + "lsp", headers=origin)
            assert (await first.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            assert "capabilities" in await asked(second, "initialize", {})

    asyncio.run(asyncio.wait_for(run(), 30))


def test_it_ends_with_the_daemon():
    client = LspClient.connect(FakeEngine)
    client.initialize()
    address = opened(client)
    client.close()

    async def gone() -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(200):
                try:
                    async with session.get(address):
                        await asyncio.sleep(0.05)
                except aiohttp.ClientError:
                    return
        raise AssertionError("the page is still there")

    asyncio.run(gone())
