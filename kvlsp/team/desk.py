"""What one client finds at a replica: a seat at the model, within what its token allows, and counted.

The model, its device and the bounds of memory are the replica's, whatever a client's settings say; nothing of a client
is written to the replica's disk.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from kvlsp.config import Settings
from kvlsp.errors import EngineRefuses
from kvlsp.host.seat import Seat
from kvlsp.host.thread import ModelThread
from kvlsp.messages import (
    CloseDocument,
    Complete,
    Completed,
    Configure,
    EditDocument,
    Event,
    Feedback,
    Message,
    NextEdit,
    OpenDocument,
    PlaceContext,
    Reason,
    StatusChanged,
)
from kvlsp.team.audit import Record
from kvlsp.team.tokens import Grant
from kvlsp.team.usage import Usage
from kvlsp.wire.limits import LONGEST_FRAME, LONGEST_VALUES

OURS: Final = ("model", "device", "dtype", "order", "threads", "cache_mib", "context_tokens", "repair_budget")
"""Settings that are the replica's."""
BYTES_PER_CHARACTER: Final = 4
_NEVER: Final[Mapping[str, Any]] = {"engine": "auto", "disk_mib": 0, "unload_minutes": 0, "full_prefill": False,
                                    "trace": "off", "workspace_memory": "off"}


class Metrics(Protocol):
    """What is counted for all clients together."""

    def sessions(self, count: int) -> None: ...

    def answered(self, seconds: float, offered: bool) -> None: ...

    def limited(self) -> None: ...


class Desk:
    """The desk of one session: its client's :class:`kvlsp.host.client.Desk`."""

    process = os.getpid()

    def __init__(self, thread: ModelThread, settings: Settings, grant: Grant, usage: Usage, record: Record,
                 metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._thread, self._settings, self._metrics = thread, settings, metrics
        self.grant, self.usage, self.record, self.clock = grant, usage, record, clock
        self.asked: dict[int, float] = {}
        """Requests without an answer, and when they came."""
        self._events: Callable[[Event], None] = lambda event: None
        self._status: StatusChanged | None = None
        self._paused = False

    @property
    def busy(self) -> float:
        return self._thread.busy

    @property
    def longest(self) -> int:
        """Nothing larger is received than a text can be that the grant allows."""
        return min(LONGEST_FRAME, LONGEST_VALUES + BYTES_PER_CHARACTER * self.grant.characters)

    def sit(self, settings: Settings, events: Callable[[Event], None], failed: Callable[[], None]) -> LimitedSeat:
        self._events = events
        return LimitedSeat(self, self._thread.sit(self.served(settings), self.tell, failed))

    def leave(self, seat: LimitedSeat, *, returns: bool) -> None:
        self._thread.leave(seat.inner)

    def report(self) -> Mapping[str, Any]:
        return {"model": self._settings.model or "the default model", "clients": self._thread.clients}

    def end(self, why: str) -> None:
        """Refused: a team's engine cannot be ended from an editor."""
        raise EngineRefuses("The engine of a team cannot be ended from an editor.")

    def served(self, settings: Settings) -> Settings:
        """A client's settings as its engine here has them."""
        ours = {name: getattr(self._settings, name) for name in OURS}
        return dataclasses.replace(settings, **ours, **_NEVER)

    def tell(self, event: Event) -> None:
        """From any thread."""
        if isinstance(event, StatusChanged):
            self._status = event
            if self._paused and event.kind != "error":
                return
        elif isinstance(event, Completed):
            came = self.asked.pop(event.ticket, None)
            if came is not None:
                self.record.offered += bool(event.items)
                self._metrics.answered(self.clock() - came, bool(event.items))
        self._events(event)

    def asks(self, ticket: int) -> bool:
        """Whether a request may go to the engine; it has its answer, else."""
        self.record.requests += 1
        wait = self.usage.request(self.grant)
        if not wait:
            self.asked[ticket] = self.clock()
            if self._paused:
                self._paused = False
                if self._status is not None:
                    self._events(self._status)
            return True
        self.record.limited += 1
        self._metrics.limited()
        self._events(Completed(ticket, (), Reason.LIMIT, {}))
        if not self._paused:
            self._paused = True
            self._events(StatusChanged("paused", f"The engine allows {self.grant.requests_per_minute} suggestions "
                                                 f"a minute to {self.grant.user or 'you'}, and they are used up; more "
                                                 "come by themselves within a minute."))
        return False


class LimitedSeat:
    """A seat whose messages are counted, and looked at for what the grant allows. One thread posts."""

    def __init__(self, desk: Desk, inner: Seat) -> None:
        self._desk, self.inner = desk, inner
        self.backlog = inner.backlog
        self._lengths: dict[str, int] = {}
        self._contexts: dict[str, int] = {}
        self._characters = 0

    def post(self, message: Message, nbytes: int = 0) -> None:
        """:class:`EngineRefuses` for texts beyond the grant."""
        desk = self._desk
        match message:
            case Complete(ticket) | NextEdit(ticket):
                if not desk.asks(ticket):
                    return
            case OpenDocument(snapshot):
                desk.record.documents += 1
                self._measure(self._lengths, snapshot.uri, len(snapshot.text))
            case EditDocument(uri, after=after):
                desk.record.edits += 1
                self._measure(self._lengths, uri, len(after.text))
            case PlaceContext(uri, chunks):
                if uri not in self._lengths:  # it was closed meanwhile, and nobody would close it again
                    return
                self._measure(self._contexts, uri, sum(len(chunk.text) for chunk in chunks))
            case CloseDocument(uri):
                for lengths in (self._lengths, self._contexts):
                    self._measure(lengths, uri, 0)
                    del lengths[uri]
            case Configure(settings):
                message = Configure(desk.served(settings))
            case Feedback(kind=kind):
                desk.record.accepted += kind == "accepted"
        self.inner.post(message, nbytes)

    def wait(self, timeout: float = 2.0) -> None:
        self.inner.wait(timeout)

    def _measure(self, lengths: dict[str, int], uri: str, length: int) -> None:
        self._characters += length - lengths.get(uri, 0)
        lengths[uri] = length
        if self._characters > self._desk.grant.characters:
            raise EngineRefuses(f"The open documents, with what is shown of other files, have more than "
                                f"{self._desk.grant.characters:,} characters, which is what this engine allows: close "
                                "some.")
