"""Weights that were rounded at a start are written to the disk meanwhile, so that the next start need not round them.

In pieces of some milliseconds, and only while the model has had nothing to do for a while: a key that is typed finds
neither the processor nor the disk at work for this. The thread has no lower priority than others: on a busy machine the
system would leave it without the processor while it holds Python's lock, which the model's thread wants.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from kvlsp.config import Settings
from kvlsp.opening.kept import Unkept, keep
from kvlsp.opening.model import LoadProgress, Model
from kvlsp.opening.ready import open_ready

log = logging.getLogger(__name__)

QUIET: Final = 1.0
"""Seconds without a forward after which the model has nothing to do."""
LOOK: Final = 0.25
"""Seconds between two looks."""


def open_and_keep(settings: Settings, progress: LoadProgress = lambda fraction, text: None) -> Model:
    """As :func:`kvlsp.opening.ready.open_ready`, for a process that goes on: what took long is kept for the next."""
    model = open_ready(settings, progress)
    if model.unkept is not None:
        threading.Thread(target=_keep, args=(model.unkept, settings.disk_mib), name="kvlsp-weights",
                         daemon=True).start()  # fmt: skip
    return dataclasses.replace(model, unkept=None)


class Rest:
    """Waits for a model to have nothing to do. ``forwards`` says how many it has begun, None when it is gone."""

    def __init__(self, forwards: Callable[[], int | None], clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self._forwards, self._clock, self._sleep = forwards, clock, sleep
        self._seen: int | None = None
        self._since = clock()

    def wait(self) -> bool:
        """Until it rests; False when it is gone."""
        while (count := self._forwards()) is not None:
            if count != self._seen:
                self._seen, self._since = count, self._clock()
            elif self._clock() - self._since >= QUIET:
                return True
            self._sleep(LOOK)
        return False


def _keep(unkept: Unkept, disk_mib: int) -> None:
    def forwards() -> int | None:
        decoder = unkept.decoder()
        return None if decoder is None else decoder.forwards

    try:
        rest = Rest(forwards)
        if rest.wait():
            keep(unkept, disk_mib, rest.wait)
    except Exception as error:  # nobody waits for it
        log.error("Rounded weights were not kept on disk (%s).", type(error).__name__)
        log.debug("What failed:", exc_info=error)
