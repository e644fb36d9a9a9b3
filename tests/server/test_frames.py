"""Framing: any split of the bytes gives the same frames, and garbage costs at most what it damaged."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kvlsp.server.frames import LONGEST_BODY, BadFrame, Frame, FrameReader


def frame(body: bytes, header: bytes = b"Content-Length: %d\r\n\r\n") -> bytes:
    return header % len(body) + body


def read(*pieces: bytes) -> list[Frame | BadFrame]:
    reader = FrameReader()
    return [found for piece in pieces for found in reader.feed(piece)]


def bodies(*pieces: bytes) -> list[bytes]:
    return [found.body for found in read(*pieces) if isinstance(found, Frame)]


def complaints(*pieces: bytes) -> list[str]:
    return [found.why for found in read(*pieces) if isinstance(found, BadFrame)]


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(0, 400), max_size=8))
def test_the_split_of_the_stream_does_not_matter(messages, cuts):
    stream = b"".join(map(frame, messages))
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert read(*pieces) == [Frame(body) for body in messages]


def test_headers_in_any_spelling():
    for header in (
        b"content-length:%d\r\n\r\n",
        b"CONTENT-LENGTH: %d \r\n\r\n",
        b"Content-Length: %d\n\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
    ):
        assert read(frame(b"{}", header)) == [Frame(b"{}")]


def test_lines_between_two_messages_are_reported_and_cost_nothing():
    stream = frame(b"one") + b"a line printed to the wrong stream\n" + frame(b"two")
    assert bodies(stream) == [b"one", b"two"]
    assert len(complaints(stream)) == 1


def test_a_header_without_a_length_is_reported():
    assert complaints(b"Content-Type: x\r\n\r\n") == ["A message header came without a valid Content-Length."]
    assert bodies(b"Content-Type: x\r\n\r\n", frame(b"next")) == [b"next"]
    assert bodies(b"Content-Length: -5\r\n\r\n", frame(b"next")) == [b"next"]
    assert bodies(b"Content-Length: five\r\n\r\n", frame(b"next")) == [b"next"]


def test_an_absurd_length_is_not_waited_for():
    for length in (LONGEST_BODY + 1, 10**17, 10**40):
        stream = b"Content-Length: %d\r\n\r\n{}" % length + frame(b"next")
        assert bodies(stream) == [b"next"]
        assert complaints(stream)


def test_a_length_that_is_too_small_costs_that_message():
    stream = b'Content-Length: 3\r\n\r\n{"a": 1}' + frame(b"next") + frame(b"last")
    assert bodies(stream) == [b'{"a', b"next", b"last"]


def test_a_length_that_is_too_large_costs_that_message_and_the_next():
    stream = b"Content-Length: 12\r\n\r\n{}" + frame(b"eaten") + frame(b"next") + frame(b"last")
    assert bodies(stream)[-2:] == [b"next", b"last"]


@given(st.binary(max_size=20_000))
def test_after_any_garbage_frames_are_found_again(garbage):
    # a garbage that ends inside an announced body would swallow what follows: rightly so
    if b"content-length" in garbage.lower():
        return
    stream = garbage + b"\r\n\r\n" + frame(b"next") + frame(b"last")
    assert bodies(stream)[-2:] == [b"next", b"last"]


def test_a_flood_of_garbage_is_reported_once_and_not_kept():
    reader = FrameReader()
    found = [item for _ in range(200) for item in reader.feed(b"x" * 10_000)]
    assert len(found) == 1
    assert len(reader._buffer) < 20_000
    assert reader.feed(b"\r\n\r\n" + frame(b"next"))[-1] == Frame(b"next")
