"""A model that nobody uses gives its memory back, where the user wants that; the next key loads it again."""

from __future__ import annotations

import gc
from collections.abc import Callable

from kvlsp.engine.documents import Documents
from kvlsp.engine.models import Models
from kvlsp.messages import Complete, EditDocument, Message, OpenDocument
from kvlsp.opening.loading import Loaded


class Unloading:
    """After ``unload_minutes`` of rest. ``clock`` is in seconds; ``give_back`` hands freed memory to the system."""

    def __init__(self, documents: Documents, models: Models, clock: Callable[[], float],
                 give_back: Callable[[], None]) -> None:
        self._documents, self._models, self._clock, self._give_back = documents, models, clock, give_back

    def wait(self) -> float | None:
        """Seconds until it is due; None when it never will be without a message."""
        minutes = self._documents.settings.unload_minutes
        if not minutes or self._documents.model is None:
            return None
        return max(0.0, self._documents.active_at + 60 * minutes - self._clock())

    def work(self) -> None:
        """Unload the model if that is due."""
        if self.wait() == 0.0:
            self._models.unload()
            gc.collect()  # sessions know their drafters, and those them
            self._give_back()

    def heard(self, message: Message | Loaded) -> None:
        """Somebody is at work again: the model is loaded."""
        if self._models.unloaded and isinstance(message, OpenDocument | EditDocument | Complete):
            self._documents.used()
            self._models.load()
