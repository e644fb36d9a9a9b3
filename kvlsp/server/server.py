"""The language server: one client's conversation tied to one engine.

The editor's thread (the asyncio loop) owns texts, versions and open requests; the engine's thread owns model
and caches. Between them go frozen messages: ``post`` in one direction, ``on_event`` in the other, handed over
to the loop. What each method does stands in ``handlers``; this module only holds the parts together.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

from kvlsp.config import Settings
from kvlsp.crossfile.process import Launch
from kvlsp.crossfile.thread import NOTHING, CrossFile
from kvlsp.messages import Event, Message, Notice, PrefillProgress, StatusChanged
from kvlsp.server import folders, handlers, logs, lsp, protocol
from kvlsp.server.answers import Answer
from kvlsp.server.choosing import Choosing
from kvlsp.server.configuration import Configuration
from kvlsp.server.documents import Documents
from kvlsp.server.features import ClientFeatures
from kvlsp.server.frames import BadFrame, Frame
from kvlsp.server.notebooks import Notebooks
from kvlsp.server.onlookers import Onlookers
from kvlsp.server.pause import Pause
from kvlsp.server.progress import Progress
from kvlsp.server.status import Status
from kvlsp.server.tickets import Ticket, Tickets
from kvlsp.server.typing_at import LastKeys
from kvlsp.text.uris import path_of
from kvlsp.workspace.messages import Condition
from kvlsp.workspace.process import launch

log = logging.getLogger(__name__)

LOADING = "loading"

_NUMBER = re.compile(r"\d+")

PREFILL_WORTH_TELLING = 1024
"""Rows below which nobody is told how far a prefill is."""

PREFILL_GIVEN_UP = 3.0
"""Seconds of silence after which a prefill was interrupted and is not shown any more."""


class EngineLike(Protocol):
    """What the server needs of an engine; ``kvlsp.engine.engine.Engine`` is one. Messages may come before ``start``."""

    def start(self) -> None: ...

    def post(self, message: Message) -> None: ...

    def stop(self) -> None: ...


MakeEngine = Callable[[Settings, Callable[[Event], None]], EngineLike]
"""Settings, and where events go (callable from any thread)."""


class Beside(Protocol):
    """What is there beside a conversation, from ``initialized`` on to its end."""

    def open(self) -> None: ...

    def close(self) -> None: ...


class Nobody:
    """Nothing beside it."""

    def __init__(self, ls: KvlspServer) -> None:
        pass

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass


MakeBeside = Callable[["KvlspServer"], Beside]


class KvlspServer:
    """One conversation. Everything but ``on_event`` runs in the thread of ``loop``."""

    def __init__(self, make_engine: MakeEngine, base: Settings, loop: asyncio.AbstractEventLoop,
                 launch: Launch = launch) -> None:
        """``launch`` starts the process that keeps the workspace, once there is a folder."""
        self.protocol = protocol.Protocol()
        self.make_engine = make_engine
        self.loop = loop
        self.settings = base
        """Those that hold; ``configuration`` knows where they come from."""
        self.configuration = Configuration(base)
        self.client = ClientFeatures()
        self.engine: EngineLike | None = None
        self.begun_with = ""
        """The setting ``engine`` of the start."""
        self.documents = Documents()
        self.notebooks = Notebooks()
        self.keys = LastKeys()
        self.tickets = Tickets(loop.call_later)
        self.status = Status(self._tell)
        self.pause = Pause(loop.call_later, self.status.paused)
        self.onlookers = Onlookers(self)
        self.choosing = Choosing(self)
        self.beside: Beside = Nobody(self)
        self.work = Progress(self.protocol.ask, self._tell, loop.call_later)
        self.folders: list[str] = []
        """URIs of the workspace's folders."""
        self.indexed = NOTHING
        """How the index of the workspace stands."""
        self.cross_file = CrossFile(self._post_to_engine, self._on_workspace, path_of, launch)
        self.exit_code: int | None = None
        self.finished = asyncio.Event()
        self.protocol.exit = self.finish
        self._logged: set[str] = set()
        """Errors of the engine, numbers aside, that the log has since it was last ready."""
        self._shown: set[str] = set()
        """Those that the user was shown since a model was last loaded."""
        self._loaded_anew = False
        """Whether a load was begun since the engine was last ready."""
        self.started = time.monotonic()
        handlers.register(self)

    # --- the engine --------------------------------------------------------------------------------------

    def start_engine(self) -> None:
        """Messages go to an engine from here on. It begins to work, which is to import what runs a model, once the
        editor has its answer: a thread that imports takes turns with this one."""
        self.engine, self.begun_with = self.make_engine(self.settings, self.on_event), self.settings.engine
        self.loop.call_soon(self._begin, self.engine)

    def _begin(self, engine: EngineLike) -> None:
        if not self.finished.is_set():
            engine.start()

    def post(self, message: Message) -> None:
        self.cross_file.note(message)
        self._post_to_engine(message)

    def _post_to_engine(self, message: Message) -> None:
        if self.engine is not None:
            self.engine.post(message)

    def _on_workspace(self, condition: Condition) -> None:
        """From the workspace's thread: hands it over to the loop."""
        try:
            self.loop.call_soon_threadsafe(self._workspace_stands, condition)
        except RuntimeError:
            log.debug("a word about the workspace came after the loop had ended")

    def _workspace_stands(self, condition: Condition) -> None:
        if not self.finished.is_set():
            folders.workspace_stands(self, condition)

    def ask_engine(self, ticket: Ticket, question: Message) -> Answer:
        """Posts a question; its answer settles the ticket."""
        try:
            self.post(question)
        except Exception as error:
            log.error("the engine takes no messages (%s)", type(error).__name__)
            self.tickets.engine_gone(ticket)
        return ticket.answer

    def on_event(self, event: Event) -> None:
        """From the engine's thread, or any other: hands the event over to the loop."""
        try:
            self.loop.call_soon_threadsafe(self._handle, event)
        except RuntimeError:
            log.debug("an event came after the loop had ended")

    def _handle(self, event: Event) -> None:
        if self.finished.is_set():
            return
        if isinstance(event, StatusChanged):
            self._status_changed(event)
        elif isinstance(event, PrefillProgress):
            self._prefill(event)
        elif isinstance(event, Notice):
            self.show(lsp.MessageType.WARNING, f"kvlsp: {event.text}")
        else:
            self.tickets.settle(event)

    def _status_changed(self, event: StatusChanged) -> None:
        if event.kind == "loading":
            if event.percent != 100:  # what is left then takes no time that a person would see
                self.work.report(LOADING, "kvlsp", event.message, event.percent)
        else:
            self.work.end(LOADING)
        self._tell_error(event)
        self.status.changed(event)

    def _tell_error(self, event: StatusChanged) -> None:
        """Nobody else tells what the engine reports. A fault that stays comes again with every message, or with every
        try, perhaps with other numbers: it is logged once until the engine is ready again, and shown once until a model
        has been loaded anew or other settings hold."""
        if event.kind == "error":
            sentence = _NUMBER.sub("#", event.message)
            if sentence not in self._logged:
                self._logged.add(sentence)
                log.error("%s", event.message)
            if sentence not in self._shown:
                self._shown.add(sentence)
                self.show(lsp.MessageType.ERROR, f"kvlsp: {event.message}")
        elif event.kind == "ready":
            self._logged.clear()
            if self._loaded_anew:
                self._shown.clear()
            self._loaded_anew = False
        elif event.kind == "loading":
            self._loaded_anew = True

    def _prefill(self, event: PrefillProgress) -> None:
        if event.done >= event.total:
            self.work.end(event.uri)
        elif event.total >= PREFILL_WORTH_TELLING:
            self.work.report(event.uri, "kvlsp: reading the file",
                                 f"{event.done} of {event.total} tokens", 100 * event.done / event.total,
                                 expires=PREFILL_GIVEN_UP)

    # --- the client --------------------------------------------------------------------------------------

    def apply_settings(self) -> bool:
        """What is configured now holds from here on; whether that changes anything."""
        old, self.settings = self.settings, self.configuration.settings
        if self.settings.trace != old.trace:
            logs.set_level(self.settings.trace)
        if self.settings != old:
            self._shown.clear()
        return self.settings != old

    def receive(self, frame: Frame | BadFrame) -> None:
        if not self.finished.is_set():
            self.protocol.receive(frame)

    def finish(self) -> None:
        """Ends the conversation, however it came to an end; without ``shutdown`` that is a failure."""
        if self.exit_code is None:
            self.exit_code = 0 if self.protocol.stage is protocol.Stage.SHUT_DOWN else 1
            self.tickets.refuse_all("The server stops.")
            self.protocol.abandon()
            self.finished.set()

    def show(self, kind: lsp.MessageType, message: str) -> None:
        """A sentence for the user."""
        self.protocol.notify("window/showMessage", lsp.ShowMessageParams(kind, message))

    def _tell(self, method: str, params: Any) -> None:
        self.protocol.notify(method, params)
