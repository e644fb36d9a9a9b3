"""Standard error that nobody reads stops nobody."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from kvlsp.server.stderr import Carrier

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="standard error stays as it is there")


class Stderr:
    """What we write to, and the editor's end."""

    def __init__(self) -> None:
        source, self.ours = os.pipe()
        self.editors, target = os.pipe()
        self.carrier = Carrier(source, target)

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.ours, data):]

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += os.read(self.editors, count - len(data))
        return data


def written(stderr: Stderr, data: bytes) -> bool:
    """Whether it could be written without waiting for a reader."""
    thread = threading.Thread(target=stderr.write, args=(data,), daemon=True)
    thread.start()
    thread.join(30)
    return not thread.is_alive()


def test_what_is_written_arrives():
    stderr = Stderr()
    stderr.write(b"one line\n")
    stderr.carrier.flush(30)
    assert stderr.read(9) == b"one line\n"


def test_nobody_reads():
    stderr = Stderr()
    assert written(stderr, b"a line of the log\n" * 100_000)
    stderr.carrier.flush(0)


def test_who_reads_late_is_told_what_was_lost():
    stderr = Stderr()
    assert written(stderr, b"x" * 2_000_000)
    read = b""
    while b"lost here" not in read[-200_000:]:
        assert len(read) < 20_000_000
        assert written(stderr, b"more\n" * 1000)
        read += os.read(stderr.editors, 1 << 16)


def test_the_reader_goes():
    stderr = Stderr()
    stderr.write(b"x" * 100_000)
    os.close(stderr.editors)
    assert written(stderr, b"x" * 2_000_000)
    stderr.carrier.flush(30)
