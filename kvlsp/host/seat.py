"""A client's place at the model, and how the model's time is divided among those who wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from kvlsp.config import MEBIBYTE, Settings
from kvlsp.host.backlog import Backlog
from kvlsp.host.division import Use, shares
from kvlsp.messages import Complete, DescribeDocument, Event, Message, NextEdit, Question, Reason
from kvlsp.remote.kept import without_engine

if TYPE_CHECKING:
    from kvlsp.engine.engine import Engine

AHEAD: Final = 0.02
"""Seconds of turns that one waiting client may be ahead of another. So a long file that one opens for the first time,
in forwards of some tens of milliseconds, takes half of the time from another's keys, in forwards of a few milliseconds,
and not most of it.
"""


class Seat:
    """One client's place at the model. What comes before there is an engine waits; not so completions, nor questions
    about a document: its daemon knows the text."""

    def __init__(self, settings: Settings, events: Callable[[Event], None], failed: Callable[[], None]) -> None:
        self.settings, self.events, self.failed = settings, events, failed
        self.engine: Engine | None = None
        self.backlog = Backlog()
        self.left = False
        self.held = (0, 0)
        """Bytes of its rows after its last turn, on the device and in host memory."""
        self.turned = 0
        """By the count of all turns, when it had its last."""
        self.used: float | None = None
        """Seconds of its turns since it began to wait, beside what the others had then; None while nobody waits."""
        self._lock = threading.Lock()
        self._waiting: list[Message] = []
        self._over = False
        self._ended = threading.Event()

    def post(self, message: Message, nbytes: int = 0) -> None:
        """From any thread; never waits. What an engine is to take, a frame of ``nbytes``, is in the backlog before it
        can be taken; what has its answer without one never is, for no engine would say that it has it."""
        with self._lock:
            if self.engine is not None:
                self.backlog.add(nbytes)
                self.engine.post(message)
                return
            if not self._over and not isinstance(message, Complete | NextEdit | DescribeDocument):
                self.backlog.add(nbytes)
                self._waiting.append(message)
                return
        self._answer(message)

    def take(self, engine: Engine) -> None:
        """The engine is there."""
        engine.load()
        with self._lock:
            self.engine = engine
            for message in self._waiting:
                engine.post(message)
            self._waiting.clear()

    def wait(self, timeout: float = 2.0) -> None:
        """Until what waited has its answer."""
        self._ended.wait(timeout)

    def end(self) -> None:
        """There is no engine any more: what is asked is answered all the same, nothing else is kept."""
        with self._lock:
            self.engine, self._over = None, True
            waiting, self._waiting = self._waiting, []
        for message in waiting:
            self._answer(message)
        self.backlog.end()
        self._ended.set()

    def _answer(self, message: Message) -> None:
        """The answer where there is no engine. Watchers, who would ask again at once, wait for the next one."""
        if isinstance(message, Complete | NextEdit | Question):
            self.events(without_engine(message, Reason.NOT_READY))


Guard: TypeAlias = "Callable[[Seat, Engine, Callable[[], None]], object]"
"""Does what it is given, which is about this engine; whatever that raises stays with it."""


def _unguarded(_seat: Seat, _engine: Engine, act: Callable[[], None]) -> None:
    act()


def divide(present: list[tuple[Seat, Engine]], bound: int, host_bound: int, guarded: Guard = _unguarded) -> None:
    """Give each their share of the memory for rows; who holds more gives way. Bounds of 0: no model was loaded yet."""
    if not bound:
        return
    held: list[_Held] = []
    for seat, engine in present:
        guarded(seat, engine, partial(_ask, seat, engine, held))
    on_device = shares([one.on_device for one in held], bound)
    on_host = shares([one.on_host for one in held], host_bound)
    for one, *given in zip(held, on_device, on_host, strict=True):
        guarded(one.seat, one.engine, partial(_give, one, *given))


class _Held(NamedTuple):
    seat: Seat
    engine: Engine
    on_device: Use
    on_host: Use


def _ask(seat: Seat, engine: Engine, held: list[_Held]) -> None:
    use = Use(seat.held[0], engine.rest, engine.documents.settings.cache_mib * MEBIBYTE)
    held.append(_Held(seat, engine, use, Use(seat.held[1], use.rest)))


def _give(one: _Held, on_device: int, on_host: int) -> None:
    seat, engine = one.seat, one.engine
    engine.documents.share, engine.documents.host_bound = on_device, on_host
    if seat.held[0] > on_device or seat.held[1] > on_host:
        engine.give_way(rests=one.on_device.rests)
        seat.held = engine.held


def level(present: list[tuple[Seat, Engine]], owing: list[tuple[Seat, Engine]]) -> None:
    """A client that begins to wait starts level with the last of those that wait already: time at rest is not saved
    up."""
    floor = min((seat.used for seat, _ in owing if seat.used is not None), default=0.0)
    waiting = {id(seat) for seat, _ in owing}
    for seat, _ in present:
        if id(seat) not in waiting:
            seat.used = None
        elif seat.used is None:
            seat.used = floor


def behind(due: list[tuple[Seat, Engine]]) -> list[tuple[Seat, Engine]]:
    """Those of ``due`` that are not too far ahead of the others."""
    least = min((seat.used or 0.0 for seat, _ in due), default=0.0)
    return [(seat, engine) for seat, engine in due if (seat.used or 0.0) <= least + AHEAD]
