"""The one thread that owns the model: an engine for each client, turned one after the other.

Nothing of one client can be seen by another, for their engines share the model and nothing else: texts, caches, drafts,
pieces of other files, statistics and settings are an engine's own. A client that waits for an answer comes first; of
several that do, each gets as much time as the others, and the work at rest of those who do not is done while nobody
waits, a step each in turn.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kvlsp.config import Settings
from kvlsp.host.seat import Seat, behind, divide, level
from kvlsp.messages import Event, Shutdown, StatusChanged

if TYPE_CHECKING:
    from kvlsp.engine.engine import Engine
    from kvlsp.host.model import SharedModel

log = logging.getLogger(__name__)

T = TypeVar("T")

LEAVING: Final = 5.0
"""Seconds in which engines that have ended may finish what they write, when the process ends."""


class ModelThread:
    """``prepare`` imports what runs a model, which takes seconds, and says how an engine is made and which model all of
    them share; it is called on the thread. ``lost`` is told why when there are no more turns for anybody."""

    def __init__(self, prepare: Callable[[], Prepared], lost: Callable[[str], None],
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._prepare, self._lost, self._clock = prepare, lost, clock
        self._news = threading.Event()
        self._lock = threading.Lock()
        self._seats: list[Seat] = []
        self._since: float | None = None
        self._ended = False
        self.failed = False
        """Whether nothing can be served, now and later."""
        self._turns = 0
        self._untidy = False
        """Somebody has gone since what they left behind was given back."""
        self._leaving: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, name="kvlsp-model", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def sit(self, settings: Settings, events: Callable[[Event], None],
            failed: Callable[[], None] = lambda: None) -> Seat:
        """A place for a new client; events come on the model's thread, or on that of who posts. ``failed`` is called
        when its engine has failed: whoever comes again with all its texts gets another."""
        seat = Seat(settings, events, failed)
        events(StatusChanged("loading", "starting"))
        with self._lock:
            self._seats.append(seat)
        self._news.set()
        return seat

    def leave(self, seat: Seat) -> None:
        """The client has gone: what it had is forgotten."""
        seat.left = True
        seat.post(Shutdown())
        self._news.set()

    def end(self, timeout: float = 2 * LEAVING) -> None:
        """Answer what waits, and no more turns."""
        self._ended = True
        self._news.set()
        self._thread.join(timeout)

    @property
    def clients(self) -> int:
        with self._lock:
            return len(self._seats)

    @property
    def busy(self) -> float:
        """Seconds in the present turn of an engine, or in finding out whose is next; 0 between two."""
        since = self._since
        return 0.0 if since is None else max(0.0, self._clock() - since)

    # --- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            prepared = self._prepare()
        except BaseException as error:
            self._fail(error)
            return
        try:
            self._serve(prepared)
        except BaseException as error:
            log.error("The model's thread failed (%s).", type(error).__name__)
            log.debug("What failed:", exc_info=True)
            self._lost(f"the engine failed ({type(error).__name__})")
            with self._lock:
                seats = list(self._seats)
            for seat in seats:  # nobody will take what they have sent
                seat.backlog.end()

    def _serve(self, prepared: Prepared) -> None:
        while not self._ended:
            self._news.clear()
            wait = self._round(prepared)
            if wait != 0:
                if self._untidy:
                    prepared.tidy()
                    self._untidy = False
                self._news.wait(wait)
        for seat, engine in self._present(prepared):
            engine.post(Shutdown())
            self._turn(seat, engine, prepared)
        for leaving in self._leaving:
            leaving.join(LEAVING)

    def _round(self, prepared: Prepared) -> float | None:
        """A turn of everybody whose turn it is; without any the seconds until it will be somebody's, None where only a
        message can bring that. Keeps nothing of who has gone."""
        asked = partial(self._asked, prepared)

        def owes(seat: Seat, engine: Engine) -> bool:
            return bool(asked(seat, engine, lambda: engine.owes))

        self._since = self._clock()  # to find out what comes next is a step, too
        present = self._present(prepared)
        divide(present, prepared.model.bound, prepared.model.host_bound, asked)
        present = _still(present)
        if len(present) > 1:
            for both in present:
                if owes(*both):
                    self._hear(*both, prepared)
        owing = [both for both in _still(present) if owes(*both)]
        level(present, owing)
        due = behind([(seat, engine) for seat, engine in owing if asked(seat, engine, engine.patience) == 0])
        if not due:
            present = _still(present)
            waits = [asked(seat, engine, engine.patience) for seat, engine in present]
            due = [both for both, wait in zip(present, waits, strict=True) if wait == 0]
        self._since = None
        if not due:
            return min((wait for wait in waits if wait is not None), default=None)
        for seat, engine in due:
            if seat.engine is not engine:  # has ended meanwhile
                continue
            self._turn(seat, engine, prepared)
            if self._news.is_set():  # somebody has come, or says something: who waits comes first
                break
            for other in _still(owing):
                if other[0] is not seat:
                    self._hear(*other, prepared)
        return 0.0

    def _present(self, prepared: Prepared) -> list[tuple[Seat, Engine]]:
        """All clients and their engines, the one whose last turn is longest ago first."""
        with self._lock:
            seats = list(self._seats)
        present = []
        for seat in seats:
            engine = seat.engine
            if engine is None:
                try:
                    engine = prepared.engine(seat.settings, seat.events, self._news.set)
                    seat.take(engine)
                except BaseException as error:
                    self._give_up(seat, error)
                    continue
            present.append((seat, engine))
        return sorted(present, key=lambda both: both[0].turned)

    def _turn(self, seat: Seat, engine: Engine, prepared: Prepared) -> None:
        self._turns += 1
        seat.turned = self._turns
        self._guarded(lambda: engine.turn(0), seat, engine, prepared)

    def _hear(self, seat: Seat, engine: Engine, prepared: Prepared) -> None:
        """A deadline does not wait for the turns of others."""
        self._guarded(engine.hear, seat, engine, prepared)

    def _guarded(self, act: Callable[[], bool], seat: Seat, engine: Engine, prepared: Prepared) -> None:
        self._since = began = self._clock()
        failure, waiting = None, seat.backlog.mark
        try:
            goes_on = act()
            seat.held = engine.held
        except BaseException as error:  # an engine guards its own work: this is a defect
            goes_on, failure = False, error
        finally:
            self._since = None
            seat.backlog.took(waiting)
            if seat.used is not None:
                seat.used += self._clock() - began
        if not goes_on:
            self._part(seat, engine, failure, prepared)

    def _asked(self, prepared: Prepared, seat: Seat, engine: Engine, act: Callable[[], T]) -> T | None:
        """What an engine says of itself between two turns; None of one that fails at that, and is given up for it."""
        try:
            return act()
        except BaseException as error:
            self._part(seat, engine, error, prepared)
            return None

    def _part(self, seat: Seat, engine: Engine, failure: BaseException | None, prepared: Prepared) -> None:
        """The client has gone, or its engine has failed."""
        self._untidy = True
        if self.clients == 1:
            prepared.model.keep()
        self._give_up(seat, failure)
        leaving = threading.Thread(target=engine.stop, name="kvlsp-leaving", daemon=True)  # may wait for the disk
        leaving.start()
        self._leaving = [*(thread for thread in self._leaving if thread.is_alive()), leaving]

    def _give_up(self, seat: Seat, failure: BaseException | None) -> None:
        """Its engine has ended, or failed."""
        with self._lock:
            self._seats.remove(seat)
        if failure is not None:
            log.error("An engine failed (%s) and is given up.", type(failure).__name__)
            log.debug("What failed:", exc_info=failure)
            seat.events(StatusChanged("error", f"The engine failed ({type(failure).__name__}); a new one is started."))
        seat.end()
        if failure is not None:
            seat.failed()

    def _fail(self, error: BaseException) -> None:
        """Nothing can be served, now or later: whoever comes is told why."""
        self.failed = True
        log.error("The engine could not be put together (%s).", type(error).__name__)
        log.debug("What failed:", exc_info=True)
        said = StatusChanged("error", f"kvlsp could not start ({type(error).__name__}: {error}); kvlsp doctor may say "
                                      "more.")
        told: set[int] = set()
        while not self._ended:
            self._news.clear()
            with self._lock:
                self._seats = [seat for seat in self._seats if not seat.left]
                seats = list(self._seats)
            for seat in seats:
                if id(seat) not in told:
                    told.add(id(seat))
                    seat.events(said)
                    seat.end()
            self._news.wait()


def _still(present: list[tuple[Seat, Engine]]) -> list[tuple[Seat, Engine]]:
    """Without those that have ended meanwhile."""
    return [(seat, engine) for seat, engine in present if seat.engine is engine]


class Prepared:
    """How engines are made, around one model; ``tidy`` gives back what those that have gone leave behind."""

    def __init__(self, make: Callable[..., Engine], model: SharedModel, tidy: Callable[[], None]) -> None:
        self._make, self.model, self.tidy = make, model, tidy

    def engine(self, settings: Settings, events: Callable[[Event], None], arrived: Callable[[], None]) -> Engine:
        return self._make(settings, events, self.model, arrived=arrived)


def bounded(make: Callable[..., Engine]) -> Callable[..., Engine]:
    """Engines of which all together keep no more rows in memory for the disk than one does."""
    from kvlsp.shelf.waiting import Waiting

    waiting = Waiting()

    def made(*arguments: Any, **named: Any) -> Engine:
        engine = make(*arguments, **named)
        engine.documents.shelving.waiting = waiting
        return engine

    return made


def prepare() -> Prepared:
    """Prepare engines of :mod:`kvlsp.engine`."""
    from kvlsp.engine.engine import Engine
    from kvlsp.host.model import SharedModel
    from kvlsp.model.memory import give_back
    from kvlsp.opening.keeping import open_and_keep

    def tidy() -> None:
        gc.collect()  # an engine's parts know each other
        give_back()

    return Prepared(bounded(Engine), SharedModel(open_and_keep), tidy)
