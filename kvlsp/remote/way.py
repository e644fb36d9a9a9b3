"""The ways on which an engine of another process is reached: that of this machine, or one at an address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Final, Protocol

from kvlsp.config import Settings
from kvlsp.errors import EngineUnreachable
from kvlsp.remote.link import SHARED, Link
from kvlsp.remote.meeting_place import MeetingPlace, elsewhere, meeting_place

UNREACHED: Final = 2

Find = Callable[[MeetingPlace, threading.Event], socket.socket]


class Way(Protocol):
    """``name`` begins sentences about the engine, ``again`` says that it is tried again, ``advice`` what one can do
    when that comes to nothing."""

    name: str
    again: str
    advice: str

    def settings(self, settings: Settings) -> Settings:
        """The settings as the engine should know them."""
        ...

    def link(self, settings: Settings, given_up: threading.Event, clock: Callable[[], float]) -> Link:
        """A conversation that has begun. Raises as :class:`Link` does."""
        ...

    def pause(self, seconds: float) -> float:
        """Seconds until the next try, where usually they are so many."""
        ...


class OfThisMachine:
    """The engine that the editors of this user share. ``given_up`` is called with a sentence when :data:`UNREACHED`
    tries in a row have not even found one: then there is none to be had."""

    name = SHARED
    again = "the engine is started again"
    advice = ", and kvlsp engine status may say more"

    def __init__(self, find: Find, given_up: Callable[[str], None] = lambda why: None) -> None:
        self._find, self._given_up = find, given_up
        self._unreached = 0

    def settings(self, settings: Settings) -> Settings:
        return elsewhere(settings)

    def link(self, settings: Settings, given_up: threading.Event, clock: Callable[[], float]) -> Link:
        try:
            connection = self._find(meeting_place(settings), given_up)
        except EngineUnreachable as error:
            self._unreached += 1
            if self._unreached >= UNREACHED and not given_up.is_set():
                self._given_up(str(error))
            raise
        self._unreached = 0
        return Link(connection, settings, clock)

    def pause(self, seconds: float) -> float:
        return seconds
