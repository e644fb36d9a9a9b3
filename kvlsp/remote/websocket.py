"""Frames over a WebSocket, whose messages are pieces of the stream that a socket would carry."""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec.msgpack import Decoder
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from kvlsp.address import Address
from kvlsp.errors import EngineUnreachable, WireError
from kvlsp.remote.link import SentElsewhere
from kvlsp.wire.frames import Stream

PIECE: Final = 1 << 18
"""Bytes of a message at most, so that nothing between the two ends refuses it."""
_LOG: Final = logging.getLogger(f"{__name__}.frames")
_LOG.setLevel(logging.WARNING)  # below, it holds the token and pieces of texts
_OPENING: Final = 10.0
_CLOSING: Final = 2.0

Kind = TypeVar("Kind")


def reach(address: Address, headers: Mapping[str, str]) -> WebSocketLine:
    """:class:`EngineUnreachable` with a sentence where nobody answers as an engine would."""
    where = f"The engine at {address.host}"
    try:
        return WebSocketLine(connect(
            address.url, additional_headers=headers, open_timeout=_OPENING, close_timeout=_CLOSING, compression=None,
            max_size=4 * PIECE, logger=_LOG, proxy=None if address.loopback else True))
    except ssl.SSLCertVerificationError as error:
        raise EngineUnreachable(f"{where} shows a certificate that this machine does not trust "
                                f"({error.verify_message}). If your team has an authority of its own, set "
                                "SSL_CERT_FILE to its certificate.") from error
    except InvalidStatus as error:
        raise EngineUnreachable(f"{where} cannot be reached: what answers there is not an engine, or none is ready "
                                f"(HTTP status {error.response.status_code}).") from error
    except (InvalidHandshake, EOFError) as error:
        raise EngineUnreachable(f"{where} cannot be reached: what answers there is not an engine.") from error
    except OSError as error:  # of time that has run out, too
        why = error.strerror or ("it does not answer" if isinstance(error, TimeoutError) else type(error).__name__)
        raise EngineUnreachable(f"{where} cannot be reached ({why}).") from error


class WebSocketLine:
    """Whoever has something to say never waits, one thread reads; the connection belongs to it from here on."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._stream = Stream()
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._written = self._sent = 0
        """Bytes, since the beginning."""
        self._thread = threading.Thread(target=self._run, name="kvlsp-team-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Bytes that were written and not sent yet; none once the other end has gone."""
        return self._written - self._sent if self._thread.is_alive() else 0

    def write(self, data: bytes) -> None:
        """Frames, packed; from any thread. Nothing happens when the other end has gone: :meth:`read` says so."""
        with self._lock:
            self._written += len(data)
        self._waiting.put(data)

    def read(self, kind: Decoder[Kind], patience: float | None) -> Kind | None:
        """As :meth:`kvlsp.wire.channel.Channel.read`."""
        while (frame := self._stream.take(kind)) is None:
            try:
                data = self._connection.recv(patience)
            except TimeoutError:
                return None
            except ConnectionClosed as error:
                sent = error.rcvd is not None and error.rcvd.code == CloseCode.SERVICE_RESTART
                raise (SentElsewhere if sent else EOFError) from error
            except OSError as error:
                raise EOFError from error
            if not isinstance(data, bytes):
                raise WireError("A message came that is not a piece of a frame.")
            self._stream.add(data)
        return frame

    def hang_up(self) -> None:
        """What was written before still goes, if it is taken at all; then whoever reads meets the end. From any
        thread."""
        self._waiting.put(None)
        threading.Thread(target=self._insist, name="kvlsp-team-end", daemon=True).start()

    def close(self) -> None:
        """Close the connection; called by the reader, when all is over."""
        self._waiting.put(None)
        self._insist()

    def _insist(self) -> None:
        """Where nothing is taken any more (the network is gone, the other end stands still) a write waits for as long
        as the system thinks fit, and the end behind it."""
        self._thread.join(2 * _CLOSING)
        if self._thread.is_alive():
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._connection.socket, socket.SHUT_RDWR)  # below TLS, whose own would wait

    def _run(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            while (data := self._waiting.get()) is not None:
                for begin in range(0, len(data), PIECE):
                    piece = data[begin:begin + PIECE]
                    self._connection.send(piece)
                    self._sent += len(piece)
        self._connection.close()
