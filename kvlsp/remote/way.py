"""The ways on which an engine of another process is reached: that of this machine, or one at an address."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Protocol

from kvlsp.config import Settings
from kvlsp.remote.link import SHARED, Link
from kvlsp.remote.place import Place, elsewhere, meeting_place

Find = Callable[[Place, threading.Event], socket.socket]


class Way(Protocol):
    """``name`` begins sentences about the engine, ``again`` says that it is tried again, ``advice`` what one can do
    when that comes to nothing."""

    name: str
    again: str
    advice: str

    def settings(self, settings: Settings) -> Settings:
        """As the engine shall know them."""
        ...

    def link(self, settings: Settings, given_up: threading.Event, clock: Callable[[], float]) -> Link:
        """A conversation that has begun. Raises as :class:`Link` does."""
        ...

    def pause(self, seconds: float) -> float:
        """Seconds until the next try, where usually they are so many."""
        ...


class OfThisMachine:
    """The engine that the editors of this user share."""

    name = SHARED
    again = "the engine is started again"
    advice = ", and kvlsp engine status may say more"

    def __init__(self, find: Find) -> None:
        self._find = find

    def settings(self, settings: Settings) -> Settings:
        return elsewhere(settings)

    def link(self, settings: Settings, given_up: threading.Event, clock: Callable[[], float]) -> Link:
        return Link(self._find(meeting_place(settings), given_up), settings, clock)

    def pause(self, seconds: float) -> float:
        return seconds
