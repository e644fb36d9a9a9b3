"""Real streams: a server in a thread or a process, a raw client."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading

import pytest

from kvlsp.config import Settings
from kvlsp.server.parent import watch_parent
from kvlsp.server.transport import serve_pipes
from tests.support.fake_engine import FakeEngine
from tests.support.lsp_client import LspClient, edit, python_module


class Engines:
    """Makes fake engines and keeps them."""

    def __init__(self, *texts: str) -> None:
        self.made: list[FakeEngine] = []
        self.texts = texts or ("pass",)

    def __call__(self, settings: Settings, events: object) -> FakeEngine:
        self.made.append(FakeEngine(settings, events, self.texts))
        return self.made[-1]


@pytest.fixture
def client() -> LspClient:
    return LspClient.connect(Engines())


def test_a_whole_conversation(client):
    client.initialize()
    client.open("file:///a.py", "def f():\n    \n")
    assert client.answer_to(client.complete("file:///a.py", 1, 4))["result"][0]["insertText"] == "pass"
    client.change("file:///a.py", edit(1, 4, 4, "pass"))
    assert client.state("file:///a.py")["version"] == 2
    assert client.close() == 0


def test_requests_and_changes_keep_their_order(client):
    """A request between two changes sees the text between them, however fast they follow."""
    client.initialize()
    client.open("u:a", "")
    numbers = []
    for version in range(2, 202):
        client.change("u:a", edit(0, 0, 0, "x"), version=version)
        # a position after all x: clamped, or the answer's range would say so
        numbers.append((version - 1, client.request("kvlsp/documentState", {"uri": "u:a"})))
        numbers.append(
            (
                version - 1,
                client.request(
                    "textDocument/inlineCompletion",
                    {
                        "textDocument": {"uri": "u:a"},
                        "position": {"line": 0, "character": 999},
                        "context": {"triggerKind": 2},
                    },
                ),
            )
        )
    shown = refused = 0
    for length, number in numbers:
        answer = client.answer_to(number)
        if "error" in answer:
            refused += 1  # superseded by what came next: right, too
        elif isinstance(answer["result"], list):
            shown += 1
            assert answer["result"][0]["range"]["start"]["character"] == length
        else:
            assert answer["result"]["characters"] == length
    assert shown >= 1
    assert shown + refused == 200
    assert client.close() == 0


def test_garbage_between_messages_is_survived(client):
    client.initialize()
    client.open("u:a", "kept")
    for garbage in (
        b"hello\n",
        b"\r\n\r\n\r\n",
        b"Content-Length: 5\r\n\r\n{{{{{",
        b"Content-Length: nan\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        os.urandom(5000) + b"\r\n\r\n",
        b"Content-Length: 3\r\n\r\n[1]",
    ):
        client.send_raw(garbage)
        assert client.state("u:a")["characters"] == 4
    assert len(client.answers_to(None)) >= 4
    assert client.close() == 0


def test_a_message_in_two_halves(client):
    client.initialize()
    body = json.dumps({"jsonrpc": "2.0", "id": "half", "method": "kvlsp/statistics", "params": {}}).encode()
    client.send_raw(b"Content-Length: %d\r\n\r\n%b" % (len(body), body[:20]))
    client.send_raw(body[20:])
    assert client.answer_to("half")["result"]


@pytest.mark.parametrize("polite", [False, True])
def test_a_closed_stream_ends_the_server(client, polite):
    client.initialize()
    if polite:
        client.ask("shutdown", None)
    client.hang_up()
    assert client.exit_code() == (0 if polite else 1)


def test_a_client_that_stops_reading_ends_the_server():
    engines = Engines()
    server_in, to_server = os.pipe()
    from_server, server_out = os.pipe()
    os.close(from_server)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}).encode()
    os.write(to_server, b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    assert serve_pipes(engines, Settings(), server_in, server_out) == 1
    assert engines.made[0].stopped.is_set()
    os.close(to_server)
    os.close(server_out)


def test_an_editor_that_reads_late_loses_nothing_and_keeps_nobody():
    """It sends more than a pipe holds answers for, then ends its input: the server ends though nobody has read."""
    server_in, to_server = os.pipe()
    from_server, server_out = os.pipe()
    requests = b"".join(frame({"jsonrpc": "2.0", "id": n, "method": "nobody/knows" + "x" * 200, "params": {}})
                        for n in range(2, 2002))
    begin = frame({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}})
    codes: list[int] = []

    def serve() -> None:
        codes.append(serve_pipes(Engines(), Settings(), server_in, server_out))

    served = threading.Thread(target=serve, daemon=True)
    served.start()
    with os.fdopen(to_server, "wb", buffering=0) as stream:
        stream.write(begin + requests)
    served.join(30)
    assert codes == [1]
    os.close(server_out)
    os.close(from_server)


def frame(message: object) -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no such mode there")
def test_streams_in_non_blocking_mode():
    """What the editor's side does to a pair of sockets holds for ours."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    codes: list[int] = []
    served = threading.Thread(target=lambda: codes.append(
        serve_pipes(Engines(), Settings(), os.dup(ours.fileno()), ours.fileno())), daemon=True)
    served.start()
    client = LspClient(theirs.makefile("rb"), theirs.makefile("wb"))
    client.initialize()
    for _ in range(3):
        assert client.ask("kvlsp/statistics", {})
    client.ask("shutdown", None)
    client.notify("exit")
    served.join(30)
    assert codes == [0]
    ours.close()


# --- processes ---


def spawn(*arguments: str, **options: object) -> LspClient:
    return LspClient.spawn(python_module("tests.support.fixed_answer_server", *arguments), **options)


def test_what_is_printed_does_not_get_into_the_protocol():
    code = (
        "import os, sys, tests.support.fake_engine as fake\n"
        "def start(self):\n"
        "    print('printed'); sys.stdout.flush(); os.system('echo from a child; cat')\n"
        "fake.FakeEngine.start = start\n"
        "import tests.support.fixed_answer_server as server; sys.exit(server.main())"
    )
    client = LspClient.spawn([sys.executable, "-c", code], stderr=subprocess.PIPE)
    client.initialize()
    assert client.close() == 0
    assert b"printed" in client.process.stderr.read()


def test_an_editor_that_is_killed_takes_the_server_along():
    """The editor's process ends while somebody else keeps its streams open."""
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    client = spawn(stderr=subprocess.DEVNULL)
    client.ask("initialize", {"processId": editor.pid, "capabilities": {}})
    client.ask("kvlsp/statistics", {})
    editor.kill()
    editor.wait()
    assert client.exit_code() == 1


def test_an_editor_on_another_machine_is_not_watched():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    loop = asyncio.new_event_loop()
    try:
        died: list[bool] = []
        for process_id in (gone.pid, None, "x", True, 0, -1):
            watch_parent(process_id, loop, lambda: died.append(True))
        assert not loop._scheduled  # type: ignore[attr-defined]
        assert died == []
    finally:
        loop.close()


def test_the_users_code_stays_out_of_the_log():
    client = spawn("--fake-answer", "SECRET_ANSWER", stderr=subprocess.PIPE)
    client.initialize()
    client.notify("$/setTrace", {"value": "messages"})
    client.open("u:a", "SECRET_TEXT")
    client.answer_to(client.complete("u:a", 0, 3))
    client.change("u:a", edit(0, 0, 0, "SECRET_CHANGE"), version=0)
    client.notify("textDocument/didOpen", {"textDocument": {"uri": "u:b", "text": "SECRET_MALFORMED"}})
    client.request("textDocument/inlineCompletion", {"textDocument": "SECRET_PARAMS"})
    client.send_raw(b'Content-Length: 20\r\n\r\n{"SECRET_JSON": nope}')
    assert client.close() == 0
    log = client.process.stderr.read().decode()
    assert "do not fit" in log
    assert "SECRET" not in log
