"""One connection of the engine's process: a daemon that types, or somebody who wants to know or to end something.

A client that does not hold to the protocol is told so in a sentence and let go, one that does not read is let go;
nothing else happens.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from kvlsp.config import Settings
from kvlsp.errors import KvlspError, WireError
from kvlsp.host.backlog import Backlog
from kvlsp.messages import (
    Completed,
    DocumentDescribed,
    EngineDescribed,
    Event,
    Message,
    Reason,
    Shutdown,
    TokensDescribed,
    Watched,
)
from kvlsp.remote.peer import check_peer
from kvlsp.wire import handshake, schema
from kvlsp.wire.channel import Channel
from kvlsp.wire.events import frame as to_frame
from kvlsp.wire.frames import FROM_CLIENT, pack
from kvlsp.wire.messages import Incoming
from kvlsp.wire.words import to_bytes, to_settings, to_values

log = logging.getLogger(__name__)

GREETING: Final = 10.0
"""Seconds in which a client has to say who it is."""
SIGN: Final = 5.0
"""Seconds between two signs of life for a client that is not read from."""


class Listener(Protocol):
    """A place at a desk; :class:`kvlsp.host.thread.Seat` is one."""

    @property
    def backlog(self) -> Backlog: ...

    def post(self, message: Message, nbytes: int = 0) -> None: ...

    def wait(self, timeout: float = 2.0) -> None: ...


class Desk(Protocol):
    """What a client finds. ``leave`` has what ``sit`` gave; ``longest`` are the bytes of a frame at most."""

    process: int

    @property
    def busy(self) -> float: ...

    @property
    def longest(self) -> int: ...

    def sit(self, settings: Settings, events: Callable[[Event], None], failed: Callable[[], None]) -> Listener: ...

    def leave(self, seat: Any, *, returns: bool) -> None: ...

    def report(self) -> Mapping[str, Any]: ...

    def end(self, why: str) -> None: ...


class Client:
    """``serve`` is a thread's whole work."""

    def __init__(self, connection: socket.socket, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        self._connection, self._desk = connection, desk
        self._channel = Channel(connection)
        self._incoming = Incoming(clock)
        self._over = False
        self.unknown = True
        """Whether it has not said yet what it has come for: one that has come to type has its seat when it has."""

    def serve(self) -> None:
        """From the first frame to the last; returns when the connection is closed."""
        try:
            check_peer(self._connection)
            self._greeted()
        except EOFError:
            pass
        except KvlspError as error:
            log.warning("A client was disconnected: %s", error)
            self._channel.write(pack(schema.Refused(to_bytes(str(error)))))
        finally:
            self._over, self.unknown = True, False
            self._channel.close(patience=1.0)

    def say_goodbye(self, why: str) -> None:
        """The engine ends because somebody wants that; from any thread."""
        self._channel.write(pack(schema.Goodbye(to_bytes(why))))

    def hang_up(self) -> None:
        """Close the connection; from any thread."""
        self._channel.hang_up()

    # ---------------------------------------------------------------------------------------------------------

    def _greeted(self) -> None:
        opening = self._channel.read_opening(GREETING)
        if opening is None:
            raise WireError(f"No message came for {GREETING:.0f} s.")
        match handshake.understood(*opening):
            case schema.Hello(settings=settings):
                self._converse(to_settings(settings))
            case schema.AskStatus():
                self._channel.write(pack(schema.Report(to_values(self._desk.report()))))
                self.unknown = False
            case schema.AskEnd():
                self._desk.end("the engine was stopped")
                self.say_goodbye("the engine was stopped")

    def _converse(self, settings: Settings) -> None:
        self._channel.write(pack(handshake.welcome(self._desk.process)))
        self._channel.longest = self._desk.longest
        seat = self._desk.sit(settings, self._tell, self.hang_up)
        self.unknown = False
        model, returns = settings.names_model, True
        try:
            while True:
                frame = self._channel.read(FROM_CLIENT, None)
                if isinstance(frame, schema.Ping):
                    self._write(pack(schema.Pong(frame.number, self._desk.busy)))
                    continue
                message = None if frame is None else self._incoming.message(frame)
                if message is not None:
                    _check(message, model)
                    self._wait_for_room(seat.backlog)
                    seat.post(message, self._channel.length)
                if isinstance(message, Shutdown):
                    returns = message.returns
                    seat.wait()
                    return
        finally:
            self._incoming.cancel_all()
            self._desk.leave(seat, returns=returns)

    def _wait_for_room(self, backlog: Backlog) -> None:
        """Nothing is read from a client that is too far ahead of its engine, so it would ask in vain whether anybody is
        there."""
        while not backlog.room(SIGN):
            self._write(pack(schema.Pong(0, self._desk.busy)))

    def _tell(self, event: Event) -> None:
        """From the model's thread; never waits."""
        if self._over:
            return
        if isinstance(event, Completed | DocumentDescribed | EngineDescribed):
            self._incoming.answered(event.ticket)
        try:
            data = pack(to_frame(event))
        except WireError as error:
            log.error("An event could not be sent: %s", error)
            answer = _untold(event)
            if answer is None:
                return
            data = pack(to_frame(answer))
        self._write(data)

    def _write(self, data: bytes) -> None:
        """One frame may be larger than what should wait; it is what comes after it that nobody reads."""
        if self._channel.full:
            log.warning("A client that does not read was disconnected.")
            self._channel.hang_up()
            return
        self._channel.write(data)


def _untold(event: Event) -> Event | None:
    """What is told in place of an event that no frame can hold; None where nobody waits for it."""
    match event:
        case Completed(ticket):
            return Completed(ticket, (), Reason.MODEL_ERROR, {})
        case DocumentDescribed(ticket):
            return DocumentDescribed(ticket, None)
        case EngineDescribed(ticket):
            return EngineDescribed(ticket, {"model": "what there is to say is too long"})
        case TokensDescribed(ticket):
            return TokensDescribed(ticket, ())
        case Watched(ticket):
            return Watched(ticket, {})
    return None


def _check(message: Message, model: object) -> None:
    """The model is that of all clients."""
    settings = getattr(message, "settings", None)
    if isinstance(settings, Settings) and settings.names_model != model:
        raise WireError("Settings came that name another model than this engine serves.")
