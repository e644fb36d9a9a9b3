"""An engine that is still being put together: importing what runs a model takes seconds.

``initialize`` must be answered at once all the same. Until the real engine stands, messages wait in order and
completion requests are answered with "not ready"; if it cannot be put together, all questions are answered.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from kvlsp.messages import (
    Complete,
    Completed,
    DescribeDocument,
    DescribeEngine,
    DescribeTokens,
    DocumentDescribed,
    EngineDescribed,
    Event,
    Message,
    NextEdit,
    Reason,
    StatusChanged,
    TokensDescribed,
)
from kvlsp.server.server import EngineLike

log = logging.getLogger(__name__)


class StartingEngine:
    """Stands in for the engine that ``build`` makes, in a thread of its own."""

    def __init__(self, build: Callable[[], EngineLike], events: Callable[[Event], None]) -> None:
        self._build = build
        self._events = events
        self._lock = threading.Lock()
        self._waiting: list[Message] = []
        self._engine: EngineLike | None = None
        self._stopped = self._failed = False

    def start(self) -> None:
        self._events(StatusChanged("loading", "starting"))
        threading.Thread(target=self._start, name="kvlsp-start", daemon=True).start()

    def post(self, message: Message) -> None:
        with self._lock:
            if self._engine is not None:
                self._engine.post(message)
            elif isinstance(message, Complete | NextEdit):
                self._events(Completed(message.ticket, (), Reason.NOT_READY, {}))
            elif not self._failed and not isinstance(message, DescribeDocument):  # whose text is known here
                self._waiting.append(message)
            else:
                self._answer(message)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            engine, waiting, self._waiting = self._engine, self._waiting, []
        for message in waiting:
            self._answer(message)
        if engine is not None:
            engine.stop()

    def _answer(self, message: Message) -> None:
        """Answer in place of an engine that will never be there: it has no document and has counted nothing."""
        if isinstance(message, DescribeDocument):
            self._events(DocumentDescribed(message.ticket, None))
        elif isinstance(message, DescribeEngine):
            self._events(EngineDescribed(message.ticket, {}))
        elif isinstance(message, DescribeTokens):
            self._events(TokensDescribed(message.ticket, ()))

    def _start(self) -> None:
        try:
            engine = self._build()
        except Exception as error:
            log.exception("the engine could not be put together")
            self._events(StatusChanged("error", f"kvlsp could not start ({type(error).__name__}: {error}); "
                                                "kvlsp doctor may say more."))
            with self._lock:
                self._failed, waiting, self._waiting = True, self._waiting, []
            for message in waiting:
                self._answer(message)
            return
        with self._lock:
            if self._stopped:
                return
            engine.start()
            for message in self._waiting:
                engine.post(message)
            self._waiting.clear()
            self._engine = engine
