"""The engine of another process as if it were here: messages in, events out, and nothing lost when it ends.

    engine = RemoteEngine(settings, events)
    engine.start(); engine.post(message); engine.stop()

Texts live on this side. While there is no engine (it is started, it has died, it was stopped) edits are noted,
completions are answered with "not ready", and whoever comes to be the next engine is told all that is open.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from kvlsp.config import Settings
from kvlsp.errors import ConfigurationError, EngineRefuses, KvlspError, WireError
from kvlsp.messages import (
    Complete,
    Completed,
    Configure,
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    EditDocument,
    Event,
    Message,
    NextEdit,
    Notice,
    OpenDocument,
    Reason,
    Shutdown,
    StatusChanged,
)
from kvlsp.remote.finding import find as find_here
from kvlsp.remote.kept import Kept, without_engine
from kvlsp.remote.link import Link
from kvlsp.remote.way import Find, OfThisMachine, Way
from kvlsp.wire import schema
from kvlsp.wire.events import event as to_event

log = logging.getLogger(__name__)

PAUSES: Final = (0.0, 0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the next try, by how many in a row came to nothing."""
STEADY: Final = 30.0
"""Seconds of a conversation after which those before it that came to nothing are forgotten."""
UNHURRIED: Final = 2
"""So many of them make the first pause."""
TOLD: Final = 3
"""The user is not told of so few of them."""

_ANSWERED: Final = (Complete, NextEdit, DescribeDocument, DescribeEngine, DescribeTokens)
"""All questions but those of watchers, who wait for the next engine."""


class RemoteEngine:
    """``events`` is called from several threads, one at a time for one question. ``way`` leads to the engine: without
    any to that of this machine, which ``find`` connects to."""

    def __init__(self, settings: Settings, events: Callable[[Event], None],
                 clock: Callable[[], float] = time.monotonic, find: Find = find_here, way: Way | None = None) -> None:
        self._events, self._clock = events, clock
        self._way = way or OfThisMachine(find)
        self._lock = threading.Lock()
        self._kept = Kept(self._way.settings(settings))
        self._link: Link | None = None
        self._meanwhile: list[Message] | None = None
        """What was said while a new engine is being told all that is open; None when none is."""
        self._stopped = threading.Event()
        self._wanted = threading.Event()
        self._wanted.set()
        self._moved = False
        """Whether the settings ask for another engine than the one that is spoken with."""
        self._failures = 0
        self.process = 0
        """The engine's; 0 while there is none."""
        self._said: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="kvlsp-engine-link", daemon=True)

    def start(self) -> None:
        """Begin to look for an engine."""
        self._events(StatusChanged("loading", "starting"))
        self._thread.start()

    def post(self, message: Message) -> None:
        """Hand over a message; never waits."""
        if isinstance(message, Configure):
            message = Configure(self._way.settings(message.settings))
        with self._lock:
            moves = isinstance(message, Configure) and message.settings.names_model != self._kept.settings.names_model
            self._kept.note(message)
            if moves and self._link is not None:
                self._moved = True
                self._link.part(Shutdown(returns=False))
                self._link.hang_up()
                self._link = None
            if self._link is not None and self._link.behind:  # told anew, the next one knows all the same
                self._link.give_up_behind()
                self._link = None
            if isinstance(message, Complete | NextEdit):
                message.cancel.tell(partial(self._cancel, message.ticket))
            told = [] if self._link is None else self._say(self._link, message)
            if self._link is None:
                told += self._kept.answers(Reason.NOT_READY)
                if self._meanwhile is not None and not isinstance(message, _ANSWERED):
                    self._meanwhile.append(message)
        if isinstance(message, OpenDocument | EditDocument | Complete | NextEdit):
            self._wanted.set()
        for event in told:
            self._events(event)

    def stop(self, timeout: float = 2.0, *, returns: bool = True) -> None:
        """Answer what waits, end the conversation; the engine goes on for others, and for a while if this one may
        return."""
        self._stopped.set()
        self._wanted.set()
        with self._lock:
            link = self._link
            if link is not None:
                link.part(Shutdown(returns))
                link.hang_up()
            answers = self._kept.answers(Reason.SHUTTING_DOWN)
        for event in answers:
            self._events(event)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def join(self, timeout: float) -> None:
        """Wait until nothing is tried any more."""
        self._thread.join(timeout)

    # --- either thread ---------------------------------------------------------------------------------------

    def _say(self, link: Link, message: Message) -> list[Event]:
        """A message that no frame can carry is left out, and that is told once; a question is answered by that."""
        told: list[Event] = []
        try:
            link.send(message)
        except WireError as error:
            if isinstance(message, _ANSWERED):
                told.append(without_engine(message, Reason.NOT_READY))
                self._kept.answered(told[0])
            if str(error) not in self._said:
                self._said.add(str(error))
                told.append(Notice(str(error)))
        return told

    def _cancel(self, ticket: int) -> None:
        with self._lock:
            if self._link is not None and self._kept.waits(ticket):
                self._link.cancel(ticket)

    # --- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopped.wait(self._way.pause(PAUSES[min(self._failures, len(PAUSES) - 1)])):
            self._wanted.wait()
            try:
                self._converse()
            except (ConfigurationError, EngineRefuses) as error:
                self._refused(str(error))
            except KvlspError as error:
                self._failed(str(error))
            except Exception as error:  # edits are noted all the same
                log.error("The connection to the engine failed (%s).", type(error).__name__)
                log.debug("What failed:", exc_info=True)
                self._failed(f"The connection to the engine failed ({type(error).__name__}).")

    def _converse(self) -> None:
        """From the first frame to the last."""
        if self._stopped.is_set():
            return
        settings = self._kept.settings
        link = self._way.link(settings, self._stopped, self._clock)
        try:
            said: list[schema.FromEngine] = []
            if not self._tell_all(link, settings, said):
                link.close()
                return
        except BaseException:
            link.close()
            raise
        finally:
            self._meanwhile = None
        began = self._clock()
        try:
            for frame in said:
                self._hear(frame)
            link.listen(self._hear)
        finally:
            if self._clock() - began >= STEADY:
                self._failures = 0
            self._parted(link)

    def _tell_all(self, link: Link, settings: Settings, said: list[schema.FromEngine]) -> bool:
        """Tell an engine that knows these settings all that is open, and have it be the one that is spoken with; False
        where another one is wanted by now. The texts can be many: whoever types does not wait for that. What the engine
        has ``said`` meanwhile is to be heard then: that it is ready, say."""
        with self._lock:
            waiting = list(self._kept.again())
            if self._kept.settings != settings:
                waiting.insert(0, Configure(self._kept.settings))
            self._meanwhile = []
        while True:
            link.wait(self._stopped, said.append)
            with self._lock:
                if self._stopped.is_set() or self._kept.settings.names_model != settings.names_model:
                    return False
                if not waiting:
                    waiting, self._meanwhile = self._meanwhile, []
                if not waiting:
                    self._link, self._moved, self._meanwhile = link, False, None
                    self.process = link.process
                    return True
            for event in self._say(link, waiting.pop(0)):
                self._events(event)

    def _parted(self, link: Link) -> None:
        with self._lock:
            self._link, self.process = None, 0
            moved, answers = self._moved, self._kept.answers(Reason.NOT_READY)
            if link.on_purpose:
                self._wanted.clear()
        for event in answers:
            self._events(event)
        if self._stopped.is_set():
            return
        if link.on_purpose:
            self._events(StatusChanged("paused", f"{link.why}; it is started again when you type"))
        elif moved:
            self._events(StatusChanged("loading", "switching to another model"))
        elif link.elsewhere:
            self._failures = max(self._failures, UNHURRIED)
            self._events(StatusChanged("loading", self._way.again))
        elif link.refused:
            self._refused(link.why)
        else:
            self._failed(f"{self._way.name} {link.why}.")

    def _refused(self, why: str) -> None:
        """The engine refuses this client: trying again at once would change nothing."""
        if self._stopped.is_set():
            return
        self._failures = len(PAUSES)
        log.warning("%s", why)
        self._events(StatusChanged("error", why))

    def _failed(self, why: str) -> None:
        if self._stopped.is_set():
            return
        self._failures += 1
        log.warning("%s", why)
        if self._failures > TOLD:
            self._events(StatusChanged("error", f"{why} That makes {self._failures} failures in a row; it is tried "
                                                f"again{self._way.advice}."))
        else:
            self._events(StatusChanged("loading", self._way.again))

    def _hear(self, frame: schema.FromEngine) -> None:
        event = to_event(frame)
        if event is None:
            return
        if isinstance(event, Completed) and event.items:
            self._failures = 0
        with self._lock:
            wanted = self._kept.answered(event)
        if wanted:
            self._events(event)
