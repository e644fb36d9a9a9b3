"""Signals that ask the daemon to end: it ends in order, says nothing odd and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals there")

INITIALIZE = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"capabilities":{}}}'


def daemon(tmp_path: Path, *arguments: str, ignores: bool = False) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "kvlsp", *arguments]
    if ignores:
        command = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *command]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_without_a_word(tmp_path, number):
    process = daemon(tmp_path)
    process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(INITIALIZE), INITIALIZE))
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"Content-Length")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_secret_of_a_port_goes_with_it(tmp_path, number):
    process = daemon(tmp_path, "serve", "--tcp", "127.0.0.1:0")
    process.stderr.readline(), process.stderr.readline()
    [secret] = (tmp_path / "kvlsp" / "tcp").iterdir()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said, secret.exists()) == (1, b"", False)


def test_what_was_to_be_ignored_is_ignored(tmp_path):
    process = daemon(tmp_path, ignores=True)
    process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(INITIALIZE), INITIALIZE))
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    process.stdin.close()
    process.stdin = None
    process.communicate(timeout=60)
    assert process.returncode == 1


HANGS = """
import sys, threading
from kvlsp.config import Settings
from kvlsp.server.transport import serve_stdio

class Hanging:
    def start(self): pass
    def post(self, message): pass
    def stop(self):
        print("stopping", file=sys.stderr, flush=True)
        threading.Event().wait()

serve_stdio(lambda settings, events: Hanging(), Settings())
"""


def test_the_secret_of_a_port_is_gone_before_what_may_hang(tmp_path):
    hangs = HANGS.replace("serve_stdio", "serve_tcp").replace("Settings())\n", "Settings(), '127.0.0.1:0')\n")
    process = subprocess.Popen([sys.executable, "-c", hangs], stderr=subprocess.PIPE,
                               env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)})
    while not (found := list(tmp_path.glob("kvlsp/tcp/*.token"))) or not found[0].read_text():
        assert process.poll() is None
        time.sleep(0.01)
    with socket.create_connection(("127.0.0.1", int(found[0].stem.rpartition("-")[2])), 30) as connection:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "capabilities": {}, "initializationOptions": {"token": found[0].read_text()}}}).encode()
        connection.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        assert connection.recv(1)
    assert process.stderr.readline() == b"stopping\n"
    assert not found[0].exists()
    process.kill()
    process.communicate(timeout=60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_asks_once_more_does_not_wait_for_what_hangs(number):
    process = subprocess.Popen([sys.executable, "-c", HANGS], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(INITIALIZE), INITIALIZE))
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"Content-Length")
    process.send_signal(number)
    assert process.stderr.readline() == b"stopping\n"
    for _ in range(300):  # what comes right behind the first one is the same wish
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    else:
        process.kill()
    _, said = process.communicate()
    assert (process.returncode, said) == (-number, b"")


@pytest.mark.parametrize("arguments", [["--stdio"], ["serve", "--stdio"], []])
def test_it_ends_with_the_process_that_an_option_names(tmp_path, arguments):
    """As the protocol wants it of a server, for an editor that dies before it has said anything."""
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = daemon(tmp_path, *arguments, f"--clientProcessId={editor.pid}")
    process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(INITIALIZE), INITIALIZE))
    process.stdin.flush()
    assert process.stdout.readline().startswith(b"Content-Length")
    editor.communicate(b"\n", timeout=60)
    assert process.wait(60) == 1
    process.communicate()
