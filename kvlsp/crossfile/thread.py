"""Context from other files: a thread between the editor's thread, the workspace's process and the engine.

The editor's thread only appends to a queue. This one remembers what is open and where the user works (``asking``), asks
the process that keeps the workspace (``process``), and posts what that chose to the engine, if it has changed. Without
a folder there is neither thread nor process; without the setting ``crossFile`` there is no process. A process that ends
or does not answer is replaced; meanwhile what is placed stays.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kvlsp.config import Settings
from kvlsp.crossfile.asking import Asking
from kvlsp.crossfile.process import Launch, WorkspaceProcess
from kvlsp.crossfile.supervision import PATIENCE, PAUSES, Failure
from kvlsp.default_model.remembers import languages
from kvlsp.errors import WorkspaceError
from kvlsp.messages import (
    CloseDocument,
    Complete,
    Configure,
    EditDocument,
    Message,
    OpenDocument,
    PlaceContext,
    Remember,
    RememberedFile,
)
from kvlsp.text.document import Snapshot
from kvlsp.text.uris import is_untitled, path_within
from kvlsp.workspace.messages import (
    Condition,
    DocumentClosed,
    FilesChanged,
    FromWorkspace,
    PartOpened,
    Recalled,
    Recollect,
    Retrieved,
    Roots,
    Withheld,
)
from kvlsp.workspace.process import launch

log = logging.getLogger(__name__)

NOTHING: Final = Condition(0, 0, 0)
REMEMBERED: Final = 5_000_000
"""Characters of other files that the engine is told to remember: about as many as it has room for."""

PathOf = Callable[[str], str | None]
"""The path on the disk that a URI names; None where it names none."""


@dataclass(frozen=True, slots=True)
class _Folders:
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Heard:
    """From the process with this number; None: it has ended."""

    process: int
    message: FromWorkspace | None


class _Stop:
    pass


_Item = Message | _Folders | FilesChanged | _Heard | _Stop


class CrossFile:
    """``post`` takes messages for the engine, ``tell`` how the workspace stands; both are called in the thread here."""

    def __init__(self, post: Callable[[Message], None], tell: Callable[[Condition], None], path_of: PathOf,
                 launch: Launch = launch, clock: Callable[[], float] = time.monotonic) -> None:
        self._post, self._tell, self._path_of, self._clock = post, tell, path_of, clock
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._asking = Asking(Settings())
        self._roots: tuple[str, ...] = ()
        self._process = WorkspaceProcess(launch, lambda number, said: self._queue.put(_Heard(number, said)), clock)
        self._told_files = False
        """The engine may remember files of a process that is no more, or of this one."""
        self._anew = True
        """What this process tells first takes the place of all that was told before."""
        self._withheld: tuple[str, ...] = ()
        """Open documents that are in no memory, as the engine was told."""
        self._belongs: dict[str, str] = {}
        """The notebook's path of each open cell, as the editor's thread was told."""
        self._parts: dict[str, str] = {}
        """The path of the file that each open document is part of, or that it is under another scheme, or will be."""

    @property
    def failures(self) -> dict[Failure, int]:
        """How often the process ended by itself, and how often it had to be ended; from any thread."""
        return self._process.failures

    # -- the editor's thread: nothing but an append

    def note(self, message: Message) -> None:
        """A message that the engine gets; most of them matter here as well."""
        if isinstance(message, CloseDocument):
            self._belongs.pop(message.uri, None)
        if self._thread is not None:
            self._queue.put(message)

    def belongs(self, cell: str, notebook: str) -> None:
        """The next document that is opened with the URI ``cell`` is a part of that notebook."""
        if (path := path_within(notebook)) is not None:
            self._belongs[cell] = path

    def folders(self, paths: Iterable[str], settings: Settings, snapshots: Iterable[Snapshot]) -> None:
        """All folders of the workspace from now on; ``snapshots``: the documents that are open."""
        paths = tuple(paths)
        if self._thread is None and paths:
            self._queue.put(Configure(settings))
            for snapshot in snapshots:
                self._queue.put(OpenDocument(snapshot))
            self._thread = threading.Thread(target=self._run, name="kvlsp-workspace", daemon=True)
            self._thread.start()
        if self._thread is not None:
            self._queue.put(_Folders(paths))

    def changed(self, paths: Sequence[str]) -> None:
        """Files or folders that the editor says were created, changed or deleted."""
        if self._thread is not None and paths:
            self._queue.put(FilesChanged(tuple(paths)))

    def stop(self, timeout: float | None = 5.0) -> None:
        """End the thread and the process; ``timeout`` 0: do not wait for them."""
        if self._thread is not None:
            self._queue.put(_Stop())
            if timeout != 0:
                self._thread.join(timeout)

    # -- the thread

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=self._patience())
            except queue.Empty:
                item = None
            if isinstance(item, _Stop):
                break
            try:
                if item is not None:
                    self._act(item)
                self._look_after()
                self._send_due()
            except Exception as error:  # completions go on without a context
                log.error("The context from other files failed on %s (%s).", type(item).__name__, type(error).__name__)
                log.debug("What failed:", exc_info=True)
        self._process.end()

    def _patience(self) -> float | None:
        now = self._clock()
        waits = (self._process.due(now), self._asking.due(now) if self._process.runs else None)
        return min((wait for wait in waits if wait is not None), default=None)

    def _act(self, item: _Item) -> None:
        now = self._clock()
        match item:
            case OpenDocument(snapshot):
                self._opened(snapshot, now)
            case EditDocument():
                self._asking.edited(item, now)
            case Complete():
                self._asking.visited(item.uri, item.offset, now)
            case CloseDocument(uri):
                self._asking.closed(uri)
                if self._parts.pop(uri, None) is not None:
                    self._process.send(DocumentClosed(uri))
            case Configure(settings):
                before, self._asking.settings = self._asking.settings, settings
                switched = _wishes(before) != _wishes(settings)
                if switched and self._roots:
                    self._follow_roots()
                elif before != settings:
                    self._asking.again()
            case _Folders(paths):
                self._roots = paths
                self._follow_roots()
            case FilesChanged():
                self._process.send(item)
            case _Heard(process, message):
                if self._process.heard(process, message):
                    self._hear(message)

    def _opened(self, snapshot: Snapshot, now: float) -> None:
        uri = snapshot.uri
        whole = self._belongs.get(uri)
        path = self._path_of(uri) if whole is None else None
        if path is not None or is_untitled(uri):
            self._asking.opened(snapshot, path, now)
        if path is None and (part := whole or path_within(uri)) is not None:  # also where it is not saved yet
            self._parts[uri] = part
            self._process.send(PartOpened(uri, part))

    def _send_due(self) -> None:
        if self._process.runs:
            for message in self._asking.outgoing(self._clock()):
                self._process.send(message)

    def _hear(self, message: FromWorkspace | None) -> None:
        match message:
            case Retrieved():
                placing = self._asking.answered(message)
                if placing is not None:
                    self._place(placing)
            case Recalled(files):
                self._remember(Remember(tuple(RememberedFile(*file) for file in files), self._anew))
            case Withheld(paths):
                names = frozenset(paths)
                parts = (uri for uri in self._parts if uri in names)
                self._withhold(tuple(dict.fromkeys((*self._asking.uris(names), *parts))))
            case Condition():
                if message.settled:
                    self._asking.again()
                self._tell(message)
            case None:
                self._replace("ended", "ended by itself")

    def _place(self, message: PlaceContext) -> None:
        log.info("Context placed: %d chunks.", len(message.chunks))
        self._post(message)

    def _remember(self, message: Remember) -> None:
        self._anew, self._told_files = False, bool(message.files)
        self._post(message)

    def _withhold(self, uris: tuple[str, ...]) -> None:
        if uris != self._withheld:
            self._withheld = uris
            self._post(Remember((), withheld=uris))

    # -- the process

    def _follow_roots(self) -> None:
        """A process for the roots as they are, if one is wanted."""
        settings = self._asking.settings
        if not self._roots or not (settings.reads_workspace or settings.remembers_workspace):
            self._process.end()
            self._asking.lost()
            for message in self._asking.cleared():
                self._place(message)
            if self._told_files:
                self._remember(Remember((), anew=True))
            self._withhold(())
            self._tell(NOTHING)
            return
        if not settings.reads_workspace:
            for message in self._asking.cleared():
                self._place(message)
        if not self._process.runs and not self._start():
            return
        self._process.send(Roots(self._roots, settings.exclude))
        for uri, path in self._parts.items():
            self._process.send(PartOpened(uri, path))
        if settings.remembers_workspace:
            self._process.send(Recollect(languages(), REMEMBERED))
        elif self._told_files:
            self._process.send(Recollect(()))
        self._asking.again()

    def _start(self) -> bool:
        try:
            started = self._process.start()
        except WorkspaceError as error:
            self._give_up(str(error))
            return False
        self._anew = self._anew or started
        return started

    def _look_after(self) -> None:
        """Replace a process that does not answer, and start the next one when the pause is over."""
        if self._process.silent:
            self._replace("silent", f"gave no answer for {PATIENCE:.0f} seconds")
        if self._process.pause_is_over():
            self._follow_roots()

    def _replace(self, how: Failure, what: str) -> None:
        self._process.failed(how)
        self._asking.lost()
        if self._process.given_up:
            self._give_up(f"The process that reads the workspace failed {len(PAUSES) + 1} times in a row (the last "
                          f"time it {what}), so completions see only the open document until kvlsp is restarted. The "
                          "log on standard error may say why.")
        else:
            self._tell(Condition(0, 0, 0, problems=(f"The process that reads the workspace {what}; it is started "
                                                    "again.",)))

    def _give_up(self, why: str) -> None:
        for message in self._asking.cleared():
            self._place(message)
        self._tell(Condition(0, 0, 0, problems=(why,)))


def _wishes(settings: Settings) -> tuple[object, ...]:
    """What decides whether there is a process, and what it reads."""
    return settings.reads_workspace, settings.remembers_workspace, settings.exclude
