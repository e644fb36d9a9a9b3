"""Models are loaded beside the engine's loop, so that edits are followed and requests answered meanwhile.

A load cannot be stopped: it may hang in a download long after the settings name another model. So each knows its
number, and what an earlier one brings or says once a later one has begun does not count.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from kvlsp.config import Settings
from kvlsp.errors import KvlspError
from kvlsp.opening.model import LoadProgress, Model

log = logging.getLogger(__name__)

Load = Callable[[Settings, LoadProgress], Model]


@dataclass(frozen=True, slots=True)
class Loaded:
    """From the thread of load ``number``: a model, or the sentence that says why there is none."""

    number: int
    model: Model | None
    error: str = ""


class Loading:
    """Starts loads; ``done`` and ``progress`` are called on their threads."""

    def __init__(self, load: Load, done: Callable[[Loaded], None], progress: LoadProgress) -> None:
        self._load, self._done, self._progress = load, done, progress
        self._newest = 0

    def begin(self, settings: Settings) -> None:
        """Load the model that ``settings`` name; what is still being loaded is not wanted any more."""
        self._newest = number = self._newest + 1

        def progress(fraction: float | None, text: str) -> None:
            if number == self._newest:
                self._progress(fraction, text)

        def load() -> None:
            try:
                loaded = Loaded(number, self._load(settings, progress))
            except KvlspError as error:
                loaded = Loaded(number, None, str(error))
            except Exception as error:
                log.debug("Loading failed.", exc_info=True)
                why = f"{type(error).__name__}: {error}"
                loaded = Loaded(number, None, f"The model could not be loaded ({why}); kvlsp doctor may say more.")
            self._done(loaded)

        threading.Thread(target=load, name="kvlsp-load", daemon=True).start()

    def wants(self, loaded: Loaded) -> bool:
        """Whether this is what the load begun last has brought."""
        return loaded.number == self._newest
