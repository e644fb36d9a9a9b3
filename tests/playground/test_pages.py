"""The page over real HTTP, with a stand-in for the daemon that sends each message back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kvlsp.errors import ConfigurationError
from kvlsp.playground import daemon, document, pages

TOKEN = "a-token-of-enough-characters"
ECHO = [sys.executable, "-c", """
import sys
from kvlsp.server.frames import FrameReader
frames, stdin, stdout = FrameReader(), sys.stdin.buffer.raw, sys.stdout.buffer
while data := stdin.read(65536):
    for frame in frames.feed(data):
        if b'"end"' in frame.body:
            sys.exit(3)
        stdout.write(b"Content-Length: %d\\r\\n\\r\\n%b" % (len(frame.body), frame.body))
        stdout.flush()
"""]
OPENED = {"name": "a.py", "uri": "file:///a.py", "language": "python", "text": "x = 1\n", "sample": False}

def test_a_file_that_never_ends_is_no_text():
    with pytest.raises(ConfigurationError, match="cannot be read"):
        document.read(Path("/dev/zero"))


Visit = Callable[[aiohttp.ClientSession, str], Awaitable[None]]


def visited(visit: Visit, command: list[str] = ECHO) -> None:
    async def run() -> None:
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(pages.serve(OPENED, lambda page: daemon.carry(page, command), 0, TOKEN,
                                                  address.set_result))
        try:
            async with aiohttp.ClientSession() as session:
                await asyncio.wait_for(visit(session, await address), 60)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(run())


def own(address: str) -> dict[str, str]:
    return {"Origin": address.rpartition("/" + TOKEN)[0]}


def test_the_page_and_what_it_is_made_of():
    async def visit(session, address):
        nonces = set()
        for name, kind in (("", "text/html"), ("page.js", "text/javascript"), ("page.css", "text/css"),
                           ("document", "application/json")):
            async with session.get(address + name) as answer:
                assert (answer.status, answer.content_type) == (200, kind)
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                if not name:
                    text = await answer.text()
        for _ in range(2):
            async with session.get(address) as answer:
                policy, text = answer.headers["Content-Security-Policy"], await answer.text()
                nonce = policy.partition("'nonce-")[2].partition("'")[0]
                assert f'nonce="{nonce}"' in text
                nonces.add(nonce)
        assert len(nonces) == 2
        async with session.get(address + "document") as answer:
            assert await answer.json() == OPENED

    visited(visit)


def test_nothing_else_is_there():
    async def visit(session, address):
        for name in ("..%2fdoor.py", "%2e%2e/door.py", "nothing.js", "sources", "page.js/", ".html"):
            async with session.get(address + name, allow_redirects=False) as answer:
                assert answer.status == 404, name
                assert "Content-Security-Policy" in answer.headers

    visited(visit)


@pytest.mark.parametrize(("change", "status"), [
    ({"path": "/"}, 404), ({"path": "/wrong-token/"}, 404), ({"path": "/wrong-token/lsp"}, 404),
    ({"headers": {"Host": "rebound.example"}}, 421), ({"headers": {"Origin": "https://hostile.example"}}, 403),
    ({"headers": {"Sec-Fetch-Site": "cross-site"}}, 403), ({"method": "POST"}, 405),
    ({"method": "POST", "headers": {"Origin": "https://hostile.example", "Content-Type": "text/plain"}}, 405),
])
def test_who_is_turned_away(change, status):
    async def visit(session, address):
        root = address.rpartition("/" + TOKEN)[0]
        url = root + change.get("path", f"/{TOKEN}/document")
        body = '{"jsonrpc": "2.0", "id": 1, "method": "initialize"}'
        async with session.request(change.get("method", "GET"), url, headers=change.get("headers"),
                                   data=body if "method" in change else None) as answer:
            assert answer.status == status
            assert (await answer.text()).endswith(".")

    visited(visit)


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://hostile.example"}, {"Origin": "null"}])
def test_a_socket_from_elsewhere_is_refused_and_starts_nothing(headers, tmp_path):
    started = tmp_path / "started"

    async def visit(session, address):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(address + "lsp", headers=headers)
        assert refused.value.status == 403

    visited(visit, [sys.executable, "-c", f"open({str(started)!r}, 'w')"])
    assert not started.exists()


def test_messages_go_to_the_daemon_and_back():
    async def visit(session, address):
        async with session.ws_connect(address + "lsp", headers=own(address)) as socket:
            for text in ("{}", json.dumps({"text": "é😀" * 50_000}, ensure_ascii=False), '{"last": 1}'):
                await socket.send_str(text)
            assert [len(await socket.receive_str()) for _ in range(3)] == [2, 100_012, 11]

    visited(visit)


def test_a_daemon_that_ends_ends_the_socket_and_the_next_one_is_new():
    async def visit(session, address):
        for _ in range(2):
            async with session.ws_connect(address + "lsp", headers=own(address)) as socket:
                await socket.send_str('"end"')
                assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    visited(visit)


def test_a_page_that_goes_ends_its_daemon(tmp_path):
    ended = tmp_path / "ended"
    program = f"import sys; sys.stdin.read(); open({str(ended)!r}, 'w')"

    async def visit(session, address):
        async with session.ws_connect(address + "lsp", headers=own(address)):
            pass
        while not ended.exists():
            await asyncio.sleep(0.05)

    visited(visit, [sys.executable, "-c", program])


def test_pages_are_bounded():
    async def visit(session, address):
        sockets = [await session.ws_connect(address + "lsp", headers=own(address)) for _ in range(pages.PAGES)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(address + "lsp", headers=own(address))
        assert refused.value.status == 503
        for socket in sockets:
            await socket.close()

    visited(visit)


def test_a_port_that_is_taken_is_said(tmp_path):
    async def visit(session, address):
        port = int(address.split(":")[2].split("/")[0])
        with pytest.raises(ConfigurationError, match="choose another"):
            await pages.serve(OPENED, lambda page: daemon.carry(page, ECHO), port, None, lambda address: None)

    visited(visit)


def test_only_this_machine_is_listened_on():
    def listening(address: str) -> None:
        assert address.startswith("http://127.0.0.1:")

    async def visit(session: Any, address: str) -> None:
        listening(address)

    visited(visit)


def test_a_file_is_read_with_its_language(tmp_path: Path):
    file = tmp_path / "näme.py"
    file.write_bytes(b"x = 1\r\ny = \xff\r\n")
    assert dict(document.read(file)) == {
        "name": "näme.py", "uri": file.as_uri(), "language": "python", "text": "x = 1\ny = \ufffd\n", "sample": False}
    assert document.read(None)["sample"]


@pytest.mark.parametrize("name", ["nothing.py", "."])
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        document.read(tmp_path / name)
