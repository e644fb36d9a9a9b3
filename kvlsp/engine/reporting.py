"""How a failure of the engine's work is told: as a sentence where there is one, never in words that may hold text."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kvlsp.errors import DocumentError, KvlspError
from kvlsp.messages import Event, StatusChanged
from kvlsp.model.limits import is_shortage

log = logging.getLogger(__name__)

SHORTAGE = (
    "Memory ran out, so what was resident of a document is gone and is read again. What helps: less for the caches "
    "(kvlsp.cacheMib), weights of fewer bits (kvlsp.dtype), a smaller model (kvlsp.model), or closing other programs."
)

class Reporting:
    """``say`` tells people once, ``events`` goes to who listens to the engine."""

    def __init__(self, say: Callable[[str], None], events: Callable[[Event], None]) -> None:
        self._say, self._events = say, events

    def failed(self, error: BaseException, what: str) -> None:
        """``what`` names what the engine was doing."""
        if isinstance(error, DocumentError):
            self._say(str(error))  # the others are served on
        elif is_shortage(error):  # whoever says it: the engine goes on
            self._say(SHORTAGE)
        elif isinstance(error, KvlspError):
            self._events(StatusChanged("error", str(error)))
        else:
            log.error("The engine failed on %s (%s) and goes on.", what, type(error).__name__)
            log.debug("What failed:", exc_info=error)  # its message may hold text of the user's


def log_failure(what: str, error: BaseException) -> None:
    """A sentence for the log; the error's own words may hold text of the user's."""
    log.error("%s (%s).", what, type(error).__name__)
    log.debug("What failed:", exc_info=error)
