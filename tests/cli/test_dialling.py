"""Clients that listen and tell the daemon where: ``--socket=PORT`` and ``--pipe=PATH`` of vscode-languageclient."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kvlsp.cli.daemon import VARIABLE
from tests.support.lsp_client import LspClient

TIMEOUT = 60.0


def place(kind: str, folder: Path) -> tuple[socket.socket, str]:
    """A listening editor, and the option that tells where."""
    if kind == "socket":
        listener = socket.create_server(("127.0.0.1", 0))
        return listener, f"--socket={listener.getsockname()[1]}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / "editor.sock"))
    listener.listen()
    return listener, f"--pipe={folder / 'editor.sock'}"


def daemon(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "kvlsp", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env={**os.environ, VARIABLE: "own", "OMP_NUM_THREADS": "1"})


@pytest.mark.skipif(os.name == "nt", reason="sockets in the file system")
@pytest.mark.parametrize(("kind", "words"), [("socket", ["serve"]), ("socket", []), ("pipe", ["serve"]), ("pipe", [])])
def test_the_editor_is_dialled_and_served_without_a_secret(tmp_path, kind, words):
    listener, option = place(kind, tmp_path)
    process = daemon(*words, option, f"--clientProcessId={os.getpid()}")
    listener.settimeout(TIMEOUT)
    connection, _ = listener.accept()
    listener.close()
    client = LspClient(connection.makefile("rb"), connection.makefile("wb"))
    client.initialize({"engine": "own"})
    client.open("u:a", "x = 1")
    assert client.state("u:a")["characters"] == 5
    client.ask("shutdown", None)
    client.notify("exit")
    said, warned = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, said, warned) == (0, b"", b"")
    connection.close()


@pytest.mark.skipif(os.name == "nt", reason="sockets in the file system")
def test_the_daemon_ends_when_the_editor_hangs_up(tmp_path):
    listener, option = place("pipe", tmp_path)
    process = daemon("serve", option)
    listener.settimeout(TIMEOUT)
    listener.accept()[0].close()
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1


@pytest.mark.parametrize(("words", "part"), [
    (["--socket=1"], "127.0.0.1:1"), (["--socket=99999"], "numbers up to 65535"), (["--socket=-1"], "127.0.0.1:-1"),
    (["--pipe=/nowhere/at.sock"], "/nowhere/at.sock"), (["--pipe="], "No editor can be reached"),
    (["--pipe=" + "x" * 500], "no socket can have that path"), (["--socket=1", "--pipe=a"], "--socket and --pipe"),
    (["serve", "--tcp=127.0.0.1:0", "--socket=1"], "--tcp and --socket"),
    (["--stdio", "--pipe=a"], "--stdio and --pipe"),
])  # fmt: skip
@pytest.mark.skipif(os.name == "nt", reason="sockets in the file system")
def test_where_nobody_listens_that_is_a_sentence(words, part):
    process = daemon(*words)
    _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert said.decode().startswith("kvlsp: ")
    assert part in said.decode()
    assert "Traceback" not in said.decode()
