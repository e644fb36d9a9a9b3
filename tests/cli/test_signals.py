"""Signals that ask the daemon to end: it ends in order, says nothing odd and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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
