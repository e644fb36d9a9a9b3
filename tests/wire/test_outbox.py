"""An editor that reads late, or never: nobody waits, nothing is lost, what waits is bounded."""

from __future__ import annotations

import os
import socket
import sys
import threading

import pytest

from kvlsp.wire.outbox import MOST, Outbox


class Pipe:
    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.lost, self.room = threading.Event(), threading.Event()
        self.outbox = Outbox(self.writer, self.lost.set, self.room.set)

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += os.read(self.reader, count - len(data))
        return data


@pytest.fixture
def pipe():
    pipe = Pipe()
    yield pipe
    pipe.outbox.close(0)
    os.close(pipe.reader)  # a thread that waits in a write comes back
    os.close(pipe.writer)


def test_what_fits_goes_at_once_and_in_order(pipe):
    for word in (b"one ", b"two ", b"three"):
        pipe.outbox.write(word)
    assert pipe.read(13) == b"one two three"


def test_what_does_not_fit_waits_and_is_not_lost(pipe):
    messages = [bytes([65 + n % 26]) * 10_000 for n in range(100)]
    for message in messages:
        pipe.outbox.write(message)
    assert pipe.read(1_000_000) == b"".join(messages)
    assert not pipe.room.is_set()
    assert not pipe.lost.is_set()


def test_full_is_said_and_so_is_room(pipe):
    pipe.outbox.write(b"x" * (MOST + 1_000_000))
    assert pipe.outbox.full
    pipe.read(MOST + 1_000_000)
    assert pipe.room.wait(30)
    assert not pipe.outbox.full


def test_a_reader_that_has_gone_is_told_once_and_later_words_are_nobodys():
    told = []
    reader, writer = os.pipe()
    os.close(reader)
    outbox = Outbox(writer, lambda: told.append(1))
    for _ in range(3):
        outbox.write(b"x")
    assert told == [1]
    assert not outbox.full
    outbox.close()
    os.close(writer)


def test_a_reader_that_goes_while_something_waits(pipe):
    pipe.outbox.write(b"x" * (MOST + 1_000_000))
    os.close(pipe.reader)
    pipe.reader = os.open(os.devnull, os.O_RDONLY)
    assert pipe.lost.wait(30)
    assert not pipe.outbox.full


def test_the_end_waits_for_a_reader_but_not_for_ever(pipe):
    pipe.outbox.write(b"x" * 1_000_000)
    pipe.outbox.close(0.01)
    pipe.outbox.write(b"more")
    assert not pipe.outbox.full


def test_a_stream_in_non_blocking_mode():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    outbox = Outbox(writer, lambda: None)
    outbox.write(b"x" * 1_000_000)
    left = 1_000_000
    while left:
        left -= len(os.read(reader, left))
    outbox.close()
    os.close(reader)
    os.close(writer)


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are small there")
def test_it_waits_for_a_descriptor_of_any_number():
    import resource

    high = 1500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= high:
        pytest.skip("so many files may not be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, high + 1), hard))
    here, there = socket.socketpair()
    data = b"x" * (4 << 20)
    try:
        here.setblocking(False)
        there.settimeout(8)
        os.dup2(here.fileno(), high)
        outbox = Outbox(high, lambda: None)
        outbox.write(data)
        read = 0
        while read < len(data):
            read += len(there.recv(1 << 18))
        outbox.close()
        outbox.join()
        os.close(high)
    finally:
        here.close()
        there.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
