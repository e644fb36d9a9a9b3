"""CUDA graphs by what they read: the document's arrays, a number of rows, a number of slots.

A step runs as it is the first time (kernels are compiled, workspaces allocated), is captured the second time and
replayed from then on. Arrays that a document has outgrown take their graphs with them.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch

from kvlsp.model.keyvalues import KeyValues

logger = logging.getLogger(__name__)

MOST = 48  # graphs kept of one document; the one used longest ago is dropped

Key = tuple[int, int]  # rows and slots


class Graphs:
    """Runs steps, as graphs where ``capturing``."""

    def __init__(self, device: torch.device, capturing: bool) -> None:
        self.device = device
        self.capturing = capturing
        self.captured = self.replayed = 0
        self._pool: Any = None  # intermediate results of all graphs; only one runs at a time
        self._first: Any = None  # kept: torch gives a pool up for good with the last graph that uses it
        self._documents: WeakKeyDictionary[KeyValues, _OfDocument] = WeakKeyDictionary()

    def run(self, document: KeyValues, key: Key, step: Callable[[], None]) -> None:
        """Run ``step``, which must do the same on the same tensors for the same document and key."""
        if not self.capturing:
            step()
            return
        known = self._documents.get(document)
        if known is None or known.arrays is not document.position:
            known = self._documents[document] = _OfDocument(document.position)
        graph = known.graphs.get(key)
        if graph is None and key in known.graphs:
            graph = self._capture(step)
            self._first = self._first or graph
        if graph is None:
            step()
        else:
            graph.replay()
            self.replayed += 1
        known.graphs[key] = graph
        known.graphs.move_to_end(key)
        if len(known.graphs) > MOST:
            known.graphs.popitem(last=False)

    def _capture(self, step: Callable[[], None]) -> Any:
        """A graph of the step, None (and no further attempt) where it cannot be captured."""
        try:
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            # Other threads (an allocation while a second model loads) must not spoil the capture.
            with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
                step()
        except RuntimeError as error:
            logger.warning("CUDA graphs are off: a step could not be captured (%s)", str(error).splitlines()[0])
            self.capturing = False
            torch.cuda.synchronize(self.device)
            return None
        self.captured += 1
        return graph


class _OfDocument:
    """Graphs over these arrays; None for a step that has run once."""

    def __init__(self, arrays: torch.Tensor) -> None:
        self.arrays = arrays
        self.graphs: OrderedDict[Key, Any] = OrderedDict()
