"""An engine behind a wire without a socket: whatever goes either way becomes a frame's bytes and is read from them."""

from __future__ import annotations

import time
from collections.abc import Callable

from kvlsp.config import Settings
from kvlsp.errors import WireError
from kvlsp.messages import Complete, Completed, Configure, DocumentDescribed, EngineDescribed, Event, Message, NextEdit
from kvlsp.server.server import EngineLike
from kvlsp.wire import events as wire_events
from kvlsp.wire import schema
from kvlsp.wire.frames import FROM_CLIENT, FROM_ENGINE, Stream, pack
from kvlsp.wire.messages import Incoming, Outgoing
from kvlsp.wire.words import of_settings, to_settings


class Wired:
    """The engine that ``make`` makes. One thread posts; events come on whichever the engine's are."""

    def __init__(self, make: Callable[[Settings, Callable[[Event], None]], EngineLike], settings: Settings,
                 events: Callable[[Event], None]) -> None:
        self._events = events
        self._outgoing, self._incoming = Outgoing(time.monotonic), Incoming(time.monotonic)
        self._here, self._there = Stream(), Stream()
        self._engine = make(to_settings(of_settings(settings)), self._tell)

    def start(self) -> None:
        self._engine.start()

    def post(self, message: Message) -> None:
        if isinstance(message, Complete | NextEdit):
            message.cancel.tell(lambda: self._carry(pack(schema.Cancel(message.ticket))))
        try:
            self._carry(self._outgoing.pack(message))
        except WireError:
            assert not isinstance(message, Configure)

    def stop(self) -> None:
        self._engine.stop()

    def _carry(self, data: bytes) -> None:
        self._there.add(data)
        frame = self._there.take(FROM_CLIENT)
        assert frame is not None
        message = self._incoming.message(frame)
        if message is not None:
            self._engine.post(message)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Completed | DocumentDescribed | EngineDescribed):
            self._incoming.answered(event.ticket)
        self._here.add(pack(wire_events.frame(event)))
        frame = self._here.take(FROM_ENGINE)
        assert frame is not None
        told = wire_events.event(frame)
        assert told is not None
        self._events(told)
