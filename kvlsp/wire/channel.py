"""One socket's two directions: whoever has something to say never waits, one thread reads."""

from __future__ import annotations

import contextlib
import socket
from typing import Final, TypeVar

from msgspec.msgpack import Decoder

from kvlsp.wire.frames import Stream
from kvlsp.wire.limits import LONGEST_FRAME
from kvlsp.wire.outbox import Outbox
from kvlsp.wire.schema import Opening

_PIECE: Final = 1 << 18
_DRAINED: Final = 64
"""Pieces of a client's that was let go."""

Kind = TypeVar("Kind")


class Channel:
    """Over a connected stream socket, which belongs to it from here on. ``patience`` is in seconds."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._stream = Stream()
        self.longest = LONGEST_FRAME
        """Bytes of a frame that is read."""
        self._outbox = Outbox(connection.fileno(), lambda: None)

    @property
    def waiting(self) -> int:
        """Bytes that the other end has not read yet, beside those on their way."""
        return self._outbox.waiting

    @property
    def full(self) -> bool:
        """Whether the other end has not read for so long that more waits than should."""
        return self._outbox.full

    @property
    def length(self) -> int:
        """Bytes of the frame that was read last."""
        return self._stream.length

    def write(self, data: bytes) -> None:
        """Frames, packed; from any thread. Nothing happens when the other end has gone: :meth:`read` says so."""
        self._outbox.write(data)

    def read(self, kind: Decoder[Kind], patience: float | None) -> Kind | None:
        """The next frame; None when nothing whole came in time. :class:`EOFError` when nothing comes any more,
        :class:`kvlsp.errors.WireError` for what is no frame."""
        while (frame := self._stream.take(kind, self.longest)) is None:
            if not self._more(patience):
                return None
        return frame

    def read_opening(self, patience: float) -> tuple[Opening, bytes] | None:
        """The first frame (:meth:`kvlsp.wire.frames.Stream.opening`); else as :meth:`read`."""
        while (opening := self._stream.opening()) is None:
            if not self._more(patience):
                return None
        return opening

    def hang_up(self) -> None:
        """No more in either direction; whoever reads meets the end. From any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self, patience: float = 0.0) -> None:
        """Close the connection; called once, by the reader, when all is over. What waits gets ``patience`` seconds to
        go, and to be read: a connection that is closed on unread bytes takes the last words with it."""
        self._outbox.close(patience)
        if patience:
            self._drain(patience)
        self.hang_up()
        self._outbox.join()  # so that nobody writes to a number that will soon be another file's
        self._socket.close()

    def _drain(self, patience: float) -> None:
        """Read on, to throw away, for a while or until the other end has closed."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(patience)
            for _ in range(_DRAINED):
                if not self._socket.recv(_PIECE):
                    break

    def _more(self, patience: float | None) -> bool:
        self._socket.settimeout(patience)
        try:
            data = self._socket.recv(_PIECE)
        except TimeoutError:
            return False
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self._stream.add(data)
        return True
