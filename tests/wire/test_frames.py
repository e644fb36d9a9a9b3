"""Bytes into frames: whole ones whatever the pieces, and a sentence for everything else."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.errors import WireError
from kvlsp.wire import limits, schema
from kvlsp.wire.frames import FROM_CLIENT, FROM_ENGINE, Stream, pack

PINGS = st.lists(st.builds(schema.Ping, st.integers(0, 2**63 - 1)), max_size=5)


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def all_of(stream: Stream, kind) -> list:
    found = []
    while (frame := stream.take(kind)) is not None:
        found.append(frame)
    return found


@given(PINGS, st.lists(st.integers(1, 9), min_size=1))
def test_frames_come_out_whole_whatever_the_pieces(pings, sizes):
    data, stream, found = b"".join(map(pack, pings)), Stream(), []
    while data:
        size = sizes[len(found) % len(sizes)]
        stream.add(data[:size])
        data = data[size:]
        found += all_of(stream, FROM_CLIENT)
    assert found == pings


@given(st.binary(max_size=200))
def test_bytes_that_nobody_meant_are_refused_or_wait(data):
    for kind in (FROM_CLIENT, FROM_ENGINE):
        for sent in (data, framed(data)):
            stream = Stream()
            stream.add(sent)
            with suppress(WireError):
                all_of(stream, kind)


@given(PINGS.filter(bool), st.data())
def test_a_byte_changed_is_a_frame_or_a_clear_error(pings, data):
    sent = bytearray(b"".join(map(pack, pings)))
    sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    stream = Stream()
    stream.add(bytes(sent))
    with suppress(WireError):
        all_of(stream, FROM_CLIENT)


@given(st.recursive(st.none() | st.booleans() | st.integers(-2**63, 2**64 - 1) | st.floats() | st.binary(max_size=9)
                    | st.text(st.characters(exclude_categories=("Cs",)), max_size=9),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["frame", "uri", "ticket", "edits", "text", "version"]), inner, max_size=6)))
def test_values_of_any_shape_are_refused_or_are_frames(value):
    stream = Stream()
    stream.add(framed(msgspec.msgpack.encode(value)))
    with suppress(WireError):
        all_of(stream, FROM_CLIENT)


def test_a_length_beyond_the_bound_is_refused_before_anything_is_kept():
    stream = Stream()
    stream.add(b"GET / HTTP/1.1\r\n")
    with pytest.raises(WireError, match="does not speak this protocol"):
        stream.take(FROM_CLIENT)


def test_a_first_frame_is_short():
    stream = Stream()
    stream.add((limits.LONGEST_FIRST + 1).to_bytes(4, "big"))
    with pytest.raises(WireError):
        stream.opening()


def test_lists_nested_beyond_reason_are_refused():
    stream = Stream()
    stream.add(framed(b"\x91" * 100_000))
    with pytest.raises(WireError):
        stream.take(FROM_CLIENT)


@pytest.mark.parametrize("frame", [
    schema.Close(b"u" * (limits.LONGEST_NAME + 1)),
    schema.Ping(2**64),
    schema.Ping(2**63),
    schema.Ping(-1),
    schema.Edit(b"u", 1, 2, (schema.Edited(0, 0, b""),) * (limits.MOST_EDITS + 1), 0),
    schema.Ask(1, b"u", 1, 0, "automatic", float("nan"), None),
    schema.Ask(1, b"u", 1, 0, "automatic", -1.0, None),
    schema.Ask(1, b"u", 1, 0, "sometimes", 0.0, None),  # type: ignore[arg-type]
], ids=lambda frame: type(frame).__name__)
def test_nobody_sends_what_the_other_end_refuses(frame):
    with pytest.raises(WireError, match=type(frame).__name__):
        pack(frame)


def test_an_error_says_nothing_of_what_came():
    stream = Stream()
    stream.add(framed(msgspec.msgpack.encode({"frame": "my secret", "my other secret": 1})))
    with pytest.raises(WireError) as caught:
        stream.take(FROM_CLIENT)
    assert "secret" not in str(caught.value)
