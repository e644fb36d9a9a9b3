"""A thread that writes and reads one file after the other, so that nobody else waits for a disk."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

Job = Callable[[], None]


class Worker:
    """Jobs in order, but for those that somebody waits for. The thread begins with the first one, and does not keep a
    process alive."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._soon: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, job: Job) -> None:
        """After those that were given before; never waits. A job that fails is logged, the next one is done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="kvlsp-rows", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def do_soon(self, job: Job) -> None:
        """As :meth:`do`, but before the others, and amid one that takes long."""
        self._soon.put(job)
        self.do(self.give_way)

    def give_way(self) -> None:
        """Do what somebody waits for; long jobs call it between their pieces."""
        with contextlib.suppress(queue.Empty):
            while True:
                _try(self._soon.get_nowait())

    def finish(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for the jobs that were given; whether all are done."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._jobs.put(done.set)
        return done.wait(timeout)

    def close(self, timeout: float) -> None:
        """As :meth:`finish`, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join(timeout)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            _try(job)
            job = None  # rows of a document that was closed, perhaps: waiting must not hold them


def _try(job: Job) -> None:
    try:
        job()
    except Exception as error:
        log.error("Work on rows on disk failed (%s).", type(error).__name__)
        log.debug("What failed:", exc_info=error)
