"""A port of this machine: who comes in, who does not, and that nobody's connection costs the editor its daemon."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError
from kvlsp.server import connection as connections
from kvlsp.server.frames import FrameReader
from kvlsp.server.secret import SHORTEST, VARIABLE, Secret, secret_file
from kvlsp.server.transport import CALLERS, serve_tcp
from tests.support.fake_engine import FakeEngine
from tests.support.lsp_client import LspClient


def engine(settings: Settings, events: Any) -> FakeEngine:
    return FakeEngine(settings, events)


def framed(message: Any) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class Daemon:
    """A server on a port, in a thread."""

    def __init__(self) -> None:
        self.address: tuple[str, int] = ("", 0)
        self.codes: list[int] = []
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._listening.wait(30)

    def _serve(self) -> None:
        self.codes.append(serve_tcp(engine, Settings(), "127.0.0.1:0", self._say))

    def _say(self, host: str, port: int) -> None:
        self.address = (host, port)
        self._listening.set()

    @property
    def secret(self) -> str:
        return secret_file(*self.address).read_text(encoding="utf-8")

    def call(self) -> socket.socket:
        return socket.create_connection(self.address, 30)

    def client(self) -> LspClient:
        connection = self.call()
        return LspClient(connection.makefile("rb"), connection.makefile("wb"))

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        self._thread.join(30)
        return self.codes[0]

    def end(self, client: LspClient) -> None:
        client.ask("shutdown", None)
        client.notify("exit")
        assert self.ended() == 0


@pytest.fixture
def daemon(tmp_path, monkeypatch) -> Iterator[Daemon]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    daemon = Daemon()
    yield daemon
    if not daemon.codes:
        client = daemon.client()
        client.initialize({"token": daemon.secret})
        daemon.end(client)


def test_an_editor_that_knows_the_secret_is_served(daemon):
    file = secret_file(*daemon.address)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    client = daemon.client()
    client.initialize({"token": daemon.secret + "\n"})  # as it is read from a file, line end and all
    client.open("u:a", "x")
    assert client.answer_to(client.complete("u:a", 0, 1))["result"]
    with daemon.call() as second:
        assert second.recv(1) == b""  # one daemon serves one editor
    daemon.end(client)
    assert not file.exists()


@pytest.mark.parametrize("options", [None, {}, {"token": ""}, {"token": 7}, {"token": "wrong"}, {"token": ["x"]}, 7,
                                     {"kvlsp": {"token": "\ud83d"}}])
def test_who_does_not_know_it_is_told_so_and_turned_away(daemon, options):
    client = daemon.client()
    request = client.request("initialize", {"processId": None, "capabilities": {}, "initializationOptions": options})
    assert "initializationOptions.token" in client.answer_to(request)["error"]["message"]
    assert client.incoming.read() == b""


@pytest.mark.parametrize("messages", [220, 2000])
def test_the_end_of_an_editor_that_takes_no_answers_is_seen(daemon, monkeypatch, messages):
    """What it is answered fills all there is, and with ever more messages nobody sees what stands behind them."""
    monkeypatch.setattr(connections, "PATIENCE", 1.0)
    editor = daemon.call()
    first = {"processId": None, "capabilities": {}, "initializationOptions": {"token": daemon.secret}}
    editor.sendall(framed({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": first}))
    assert editor.recv(1)
    editor.settimeout(1)
    with contextlib.suppress(OSError):
        for _ in range(messages):
            editor.sendall(framed({"jsonrpc": "2.0", "id": "x" * 100_000, "method": "?"}))
    with contextlib.suppress(OSError):
        editor.shutdown(socket.SHUT_WR)
    assert daemon.ended() == 1
    editor.close()


def test_what_was_asked_before_the_end_of_the_stream_is_answered(daemon):
    editor = daemon.call()
    first = {"processId": None, "capabilities": {}, "initializationOptions": {"token": daemon.secret}}
    editor.sendall(framed({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": first})
                   + b"".join(framed({"jsonrpc": "2.0", "id": number, "method": "?"}) for number in range(2, 300)))
    editor.shutdown(socket.SHUT_WR)
    received = b""
    while data := editor.recv(1 << 16):
        received += data
    assert [f'"id": {number}, ' in received.decode() for number in range(1, 300)] == [True] * 299
    assert daemon.ended() == 1
    editor.close()


class Broken:
    """A stream of both kinds whose network fails, in reading or in writing."""

    def __init__(self, where: str) -> None:
        self.where, self.transport = where, self

    def set_write_buffer_limits(self, _: int) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    async def read(self, _: int) -> bytes:
        if self.where == "read":
            raise TimeoutError("no route")
        return await asyncio.Event().wait() and b""

    async def drain(self) -> None:
        if self.where == "drain":
            raise TimeoutError("no route")


@pytest.mark.parametrize("where", ["read", "drain"])
def test_a_network_that_fails_is_the_end_of_the_editor(where):
    """Not every error of one is of a connection; nobody would end the daemon."""
    broken = Broken(where)
    served = connections.serve(broken, broken, FrameReader(), [], lambda _: None)
    asyncio.run(asyncio.wait_for(served, 10))


def page(body: bytes) -> bytes:
    head = (f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\nOrigin: http://page.example\r\n"
            f"Referer: http://page.example/?content-length:{len(body)}\r\n\r\n")
    return head.encode() + body


INITIALIZE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}).encode()


@pytest.mark.parametrize("said", [
    page(INITIALIZE), b"GET / HTTP/1.0\r\n\r\n", b"\r\n", b"\x16\x03\x01\x02\x00", b"Content-Xylophone",
    b"Con\r\n", b"Content-Length: " + b"1" * (1 << 21),
], ids=["a page's POST", "GET", "a line break", "TLS", "a strange header", "half a header", "a header without end"])
def test_what_is_no_message_costs_its_own_connection_only(daemon, said):
    with daemon.call() as stranger:
        try:
            stranger.sendall(said)
            stranger.shutdown(socket.SHUT_WR)
            assert stranger.recv(1 << 16) == b""
        except OSError:
            pass  # it was closed before all was sent
    assert daemon.codes == []


@pytest.mark.parametrize("first", [
    {"jsonrpc": "2.0", "id": 1, "method": "kvlsp/statistics"}, {"jsonrpc": "2.0", "method": "initialize"}, [7], "x",
])
def test_the_first_message_is_initialize(daemon, first):
    client = daemon.client()
    client.send(first)
    assert client.answer_to(None if not isinstance(first, dict) else first.get("id"))["error"]
    assert client.incoming.read() == b""
    assert daemon.codes == []


@pytest.mark.parametrize("begun", [b"", b"Content-Length: 1", b"Content-Length: 1000\r\n\r\n{"])
def test_connections_that_say_nothing_keep_nobody_out(daemon, begun):
    silent = [daemon.call() for _ in range(2 * CALLERS + 5)]
    for connection in silent:
        with contextlib.suppress(OSError):  # the door is narrow: who has stood there longest has gone
            connection.sendall(begun)
    client = daemon.client()
    client.initialize({"kvlsp": {"token": daemon.secret}})
    daemon.end(client)
    for connection in silent:
        connection.close()


@pytest.mark.parametrize("address", ["", "4711", "localhost", "127.0.0.1:x", "127.0.0.1:99999", "0.0.0.0:0",
                                     "example.org:4711", "[::]:0", "127.0.0.1:-1"])
def test_addresses_that_will_not_do(address):
    with pytest.raises(ConfigurationError):
        serve_tcp(engine, Settings(), address)


def test_a_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match="choose another port"):
            serve_tcp(engine, Settings(), f"127.0.0.1:{taken.getsockname()[1]}")


# --- the secret ---


def test_a_secret_may_be_chosen_where_no_file_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    chosen = "correct horse battery"
    secret = Secret("127.0.0.1", 4711, {VARIABLE: chosen})
    assert secret.is_in({"token": chosen})
    assert not secret.is_in({"token": chosen[:-1]})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError, match="shorter"):
        Secret("127.0.0.1", 4711, {VARIABLE: "x" * (SHORTEST - 1)})


def test_the_file_of_a_daemon_that_was_killed_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = secret_file("::1", 4711)
    file.parent.mkdir(parents=True)
    target = tmp_path / "elsewhere"
    target.write_text("kept")
    file.symlink_to(target)
    secret = Secret("::1", 4711, {})
    assert secret.is_in({"token": file.read_text()})
    assert target.read_text() == "kept"
    secret.forget()
    secret.forget()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch):  # pragma: no cover - root runs CI
    tmp_path.chmod(0o500)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match=VARIABLE):
        Secret("127.0.0.1", 4711, {})


def test_a_place_that_is_no_folder_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match=VARIABLE):
        Secret("127.0.0.1", 4711, {})
