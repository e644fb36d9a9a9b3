"""Frames on a stream: four bytes of length, then the frame in MessagePack.

    data = pack(Ping(1))                       # checked as the other end will check it
    stream.add(data)                           # as it arrives, in pieces of any size
    while (frame := stream.take(FROM_CLIENT)) is not None:
        ...

Whatever is no frame of the expected kind is a :class:`WireError`; after it a stream is of no use any more.
"""

from __future__ import annotations

import struct
from typing import Final, TypeVar

from msgspec import DecodeError
from msgspec.msgpack import Decoder, Encoder

from kvlsp.errors import WireError
from kvlsp.wire.limits import LONGEST_FIRST, LONGEST_FRAME
from kvlsp.wire.schema import AnyFrame, First, FromClient, FromEngine, Opening

FIRST: Final[Decoder[First]] = Decoder(First)
FROM_CLIENT: Final[Decoder[FromClient]] = Decoder(FromClient)
FROM_ENGINE: Final[Decoder[FromEngine]] = Decoder(FromEngine)

_OPENING: Final = Decoder(Opening)
_ANY: Final[Decoder[AnyFrame]] = Decoder(AnyFrame)
_ENCODER: Final = Encoder()
_LENGTH: Final = struct.Struct(">I")

Kind = TypeVar("Kind")


def pack(frame: AnyFrame) -> bytes:
    """Bytes for the stream. :class:`WireError` where the other end would refuse them."""
    name = type(frame).__name__
    try:
        body = _ENCODER.encode(frame)
        if len(body) <= LONGEST_FRAME:
            _ANY.decode(body)
            return _LENGTH.pack(len(body)) + body
    except (OverflowError, ValueError, TypeError) as error:
        raise WireError(f"A frame of kind {name} holds what no such frame can: a text, a list or a number of it is "
                        "too long.") from error
    raise WireError(f"A frame of kind {name} has {len(body)} bytes; at most {LONGEST_FRAME} fit.")


class Stream:
    """What has arrived and was not taken yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.length = 0
        """Bytes of the frame that was taken last."""

    def add(self, data: bytes) -> None:
        self._buffer += data

    def take(self, kind: Decoder[Kind], longest: int = LONGEST_FRAME) -> Kind | None:
        """The next frame, of ``longest`` bytes at most; None while it is not whole."""
        body = self._body(longest)
        return None if body is None else _decoded(kind, body)

    def opening(self) -> tuple[Opening, bytes] | None:
        """The first frame, as far as that of any version can be read, and its bytes, which :func:`first` reads on."""
        body = self._body(LONGEST_FIRST)
        return None if body is None else (_decoded(_OPENING, body), body)

    def _body(self, longest: int) -> bytes | None:
        buffer = self._buffer
        if len(buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(buffer)
        if length > longest:
            raise WireError(f"A frame of {length:,} bytes was announced where at most {longest:,} fit: a text is too "
                            "long for this engine, or whoever sent it does not speak this protocol.")
        end = _LENGTH.size + length
        if len(buffer) < end:
            return None
        with memoryview(buffer) as whole:
            body = bytes(whole[_LENGTH.size : end])
        del buffer[:end]
        self.length = end
        return body


def first(body: bytes) -> First:
    """The first frame of a client that speaks our version."""
    return _decoded(FIRST, body)


def _decoded(kind: Decoder[Kind], body: bytes) -> Kind:
    try:
        return kind.decode(body)
    except (DecodeError, ValueError, RecursionError) as error:  # whose own words may be the sender's
        raise WireError("A frame came that is none of this protocol.") from error

