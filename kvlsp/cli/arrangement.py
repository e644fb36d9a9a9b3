"""Where a daemon's engine is: in the process that all editors of the user share, or in its own; and how it moves.

The setting ``engine`` says which. With ``auto`` it is the shared one where the system allows it; if none can be
reached, it is the daemon's own from then on. A move is a pause for whoever posts messages and nothing else: the next
engine is told all that is open.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

from kvlsp.address import is_address
from kvlsp.config import Settings
from kvlsp.errors import EngineUnreachable
from kvlsp.messages import (
    CloseDocument,
    Configure,
    EditDocument,
    EngineDescribed,
    Event,
    Message,
    OpenDocument,
    PlaceContext,
    Remember,
    StatusChanged,
)
from kvlsp.remote.kept import Kept
from kvlsp.remote.meeting_place import meeting_folder
from kvlsp.server.server import EngineLike, MakeEngine

log = logging.getLogger(__name__)

MakeShared = Callable[[Settings, Callable[[Event], None], Callable[[str], None]], "SharedLike"]
"""Settings, where events go, and what is called with a sentence when no engine can be reached."""

_LASTING = (OpenDocument, EditDocument, CloseDocument, PlaceContext, Remember, Configure)
"""What the next engine has to know."""


class SharedLike(EngineLike, Protocol):
    """An engine elsewhere. ``process`` is its id, 0 while there is none."""

    process: int

    def stop(self, timeout: float = 2.0, *, returns: bool = True) -> None: ...


class Arranged:
    """An engine like any other. ``can_share`` raises :class:`EngineUnreachable` where none can be shared."""

    def __init__(self, settings: Settings, events: Callable[[Event], None], shared: MakeShared, own: MakeEngine,
                 can_share: Callable[[], object] = meeting_folder) -> None:
        self._events, self._make_shared, self._make_own, self._can_share = events, shared, own, can_share
        self._lock = threading.RLock()  # engines answer within post
        self._kept = Kept(settings)
        self._started = self._stopped = self._alone = False
        self._shared: SharedLike | None = None
        """The engine, if it is a shared one."""
        self._engine = self._make()

    def start(self) -> None:
        with self._lock:
            self._started = True
            self._engine.start()

    def post(self, message: Message) -> None:
        with self._lock:
            if isinstance(message, _LASTING):
                self._kept.note(message)
            if isinstance(message, Configure) and self._wants() != (self._shared is not None):
                self._move()
            else:
                self._engine.post(message)

    def stop(self) -> None:
        with self._lock:
            self._stopped, engine = True, self._engine
        engine.stop()

    # ---------------------------------------------------------------------------------------------------------

    def _wants(self) -> bool:
        """Whether the engine shall be shared, and can be. An address that comes late changes nothing: nobody's text
        leaves the machine because of what a workspace has configured."""
        wish = self._kept.settings.engine
        if is_address(wish):
            return self._shared is not None
        if wish == "own" or (wish == "auto" and self._alone):
            return False
        try:
            self._can_share()
        except EngineUnreachable as error:
            log.log(logging.WARNING if wish == "shared" else logging.INFO, "%s", error)
            return False
        return True

    def _make(self) -> EngineLike:
        if not self._wants():
            self._shared = None
            return self._make_own(self._kept.settings, self._hearing([]))
        made: list[SharedLike] = []
        self._shared = shared = self._make_shared(self._kept.settings, self._hearing(made),
                                                  partial(self._given_up, made))
        made.append(shared)
        return shared

    def _hearing(self, made: list[SharedLike]) -> Callable[[Event], None]:
        """A function for the events of one engine (in ``made``, if it is shared): it adds where the engine is, and
        keeps back the status of an engine that was left."""

        def hear(event: Event) -> None:
            shared = made[0] if made else None
            if isinstance(event, StatusChanged):
                if self._shared is shared:
                    detail = {**event.detail, "engine": _where(shared)}
                    self._events(dataclasses.replace(event, detail=detail))
            elif isinstance(event, EngineDescribed):
                self._events(EngineDescribed(event.ticket, {**event.statistics, "engine": _where(shared)}))
            else:
                self._events(event)

        return hear

    def _given_up(self, made: list[SharedLike], why: str) -> None:
        """From the thread of an engine that cannot be reached."""
        with self._lock:
            if self._stopped or not made or self._shared is not made[0] or self._kept.settings.engine != "auto":
                return
            log.warning("%s The model is loaded for this editor alone.", why)
            self._alone = True
            self._move()

    def _move(self) -> None:
        """Move to an engine of the other kind; the one that is left answers the open questions."""
        old, shared = self._engine, self._shared
        self._engine = self._make()
        if self._started:
            self._engine.start()
        for message in self._kept.again():
            self._engine.post(message)
        leave = old.stop if shared is None else partial(shared.stop, returns=False)
        threading.Thread(target=leave, name="kvlsp-leaving", daemon=True).start()  # may wait for the disk


def _where(shared: SharedLike | None) -> str:
    if shared is None:
        return "in this editor's daemon"
    return f"shared, process {shared.process}" if shared.process else "shared"
