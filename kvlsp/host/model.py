"""One model for the engines of all clients: loaded for the first that asks, kept while any of them has it."""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections.abc import Callable

from kvlsp.config import Settings
from kvlsp.model.decoder import Decoder
from kvlsp.opening.loading import Load
from kvlsp.opening.model import LoadProgress, Model
from kvlsp.opening.offload import cache_bound, host_bound


class SharedModel:
    """Called like :func:`kvlsp.opening.ready.open_ready`, from the threads on which engines load.

    Settings of all clients name the same model; those of another have another process. ``bound``: bytes that the
    caches of all clients may take together, 0 before a model was loaded; ``host_bound`` those that wait in host memory.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._shell: Model | None = None
        """The model without the parts that take memory."""
        self._decoder: Callable[[], Decoder | None] = lambda: None
        self._kept: Model | None = None
        self._held: Model | None = None
        self.bound = self.host_bound = 0

    def __call__(self, settings: Settings, progress: LoadProgress) -> Model:
        with self._lock:  # whoever comes meanwhile waits for the same one
            model = self._alive()
            if model is None:
                model = self._load(settings, progress)
                self._decoder = weakref.ref(model.decoder)
                self._shell = dataclasses.replace(model, decoder=None)  # type: ignore[arg-type]
                self.bound, self.host_bound = cache_bound(model), host_bound(model)
            self._kept = None
            return model

    def hold(self) -> None:
        """The model stays loaded, whoever goes."""
        with self._lock:
            self._held = self._alive()

    def keep(self) -> None:
        """The last client goes: the next one finds the model loaded."""
        with self._lock:
            self._kept = self._alive()

    def _alive(self) -> Model | None:
        decoder = self._decoder()
        return None if self._shell is None or decoder is None else dataclasses.replace(self._shell, decoder=decoder)
