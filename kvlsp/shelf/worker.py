"""A thread that writes and reads one file after the other, so that nobody else waits for a disk."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

Job = Callable[[], None]


class Worker:
    """Jobs in order. The thread begins with the first one, and does not keep a process alive."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, job: Job) -> None:
        """After those that were given before; never waits. A job that fails is logged, the next one is done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="kvlsp-rows", daemon=True)
            self._thread.start()
        self._jobs.put(job)

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
            try:
                job()
            except Exception as error:
                log.error("Work on rows on disk failed (%s).", type(error).__name__)
                log.debug("What failed:", exc_info=error)
            job = None  # rows of a document that was closed, perhaps: waiting must not hold them
