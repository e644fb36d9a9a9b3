"""Which model serves the documents, under which settings, and what becomes of both when either changes.

A model is loaded beside the loop, so that edits are followed and requests answered meanwhile; only the load begun last
counts. What is asked of the model is :mod:`kvlsp.engine.completer`'s business.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from kvlsp.config import MEBIBYTE, Settings
from kvlsp.engine.completer import Completer
from kvlsp.engine.documents import Documents, limits
from kvlsp.engine.shelving import Fetched
from kvlsp.messages import Event, StatusChanged
from kvlsp.opening import threads
from kvlsp.opening.loading import Load, Loaded, Loading
from kvlsp.opening.offload import cache_bound, host_bound
from kvlsp.reasons import Reason

log = logging.getLogger(__name__)


class Models:
    """Sets the model and the settings of ``documents``. ``done`` is called on the thread of a load that has ended."""

    def __init__(self, documents: Documents, completer: Completer, load: Load, done: Callable[[Loaded | Fetched], None],
                 events: Callable[[Event], None]) -> None:
        self._documents, self._completer, self._events = documents, completer, events
        self._loading = Loading(load, done, self._progress)
        documents.shelving.done = done
        self._failure = "loading"
        self._default_bound = 0

    @property
    def description(self) -> str:
        """The model in a line, or why there is none."""
        model = self._documents.model
        return model.description if model is not None else self._failure

    def load(self) -> None:
        """Begin to load the model that the settings name; until it is there no request is served."""
        self._drop("loading")
        self._events(StatusChanged("loading", "loading the model", 0.0))
        self._loading.begin(self._documents.settings)

    def unload(self) -> None:
        """Have no model, until :meth:`load`."""
        self._drop("unloaded")
        self._events(StatusChanged("paused", "the model was unloaded to free memory; it is loaded again when you type"))

    @property
    def unloaded(self) -> bool:
        return self._documents.model is None and self._failure == "unloaded"

    def _drop(self, why: str) -> None:
        self._documents.model, self._failure = None, why
        for document in self._documents:
            self._completer.end(document, Reason.NOT_READY)
        self._documents.forget_sessions()

    def _progress(self, fraction: float | None, text: str) -> None:
        self._events(StatusChanged("loading", text, None if fraction is None else round(100 * fraction, 1)))

    def loaded(self, loaded: Loaded) -> None:
        """A load has ended."""
        if not self._loading.wants(loaded):
            return
        documents = self._documents
        documents.model, self._failure = model, error = loaded.model, loaded.error
        if model is None:
            self._events(StatusChanged("error", error))
            return
        threads.use(documents.settings.threads)  # PyTorch keeps the number per thread; another one has loaded
        self._default_bound = cache_bound(model)
        documents.bound = self._bound()
        documents.host_bound = host_bound(model)
        documents.shelving.serve(model, documents.settings)
        log.info("Ready: %s.", model.description)
        self._events(StatusChanged("ready", model.description))

    def configure(self, settings: Settings) -> None:
        """New settings at once; a model is loaded again only if what names it has changed."""
        documents = self._documents
        old, documents.settings = documents.settings, settings
        if old.names_model != settings.names_model:
            self.load()
            return
        documents.bound = self._bound()
        if old.disk_mib != settings.disk_mib:
            documents.shelving.serve(documents.model, settings)
        if old != settings:
            documents.shortage.over()
            documents.forget_answers()
            for document in documents:
                self._completer.restart(document, forget=limits(old) != limits(settings))
        if documents.model is not None:
            status = StatusChanged("ready", "ready") if settings.enable else StatusChanged("paused", "switched off")
            self._events(status)

    def _bound(self) -> int:
        """Bytes that all caches may take: what the user says, else what was free when the model had been loaded."""
        return self._documents.settings.cache_mib * MEBIBYTE or self._default_bound
