"""Whether an idle document's rows come back from host memory quicker than they are encoded: measured once at load.

A forward costs arithmetic, a copy costs the bus; which is less depends on the model and on the machine. On a CPU host
memory is the device's own, so the question does not arise.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from kvlsp.cache.repair import repair
from kvlsp.cache.resident import ResidentCache
from kvlsp.cache.store import default_bound
from kvlsp.model.clock import finish
from kvlsp.model.decoder import Decoder
from kvlsp.model.memory import free_memory
from kvlsp.opening.model import Model
from kvlsp.prompt.layout import Layout

_ROWS = 1024
_REPEATS = 3


def apart(decoder: Decoder) -> bool:
    """Whether the device has memory of its own, so that the host's is another (not on a CPU, not on MPS)."""
    return decoder.device.type not in ("cpu", "mps")


def worthwhile(decoder: Decoder, clock: Callable[[], float] = time.perf_counter) -> bool:
    """Whether rows should wait in host memory."""
    if not apart(decoder):
        return False
    encoded, copied = times(decoder, clock)
    return copied < encoded


def times(decoder: Decoder, clock: Callable[[], float] = time.perf_counter) -> tuple[float, float]:
    """Seconds of ``clock`` to encode some rows, and to bring them back from host memory: the best of a few each.

    Fewer rows than a document has: encoding more takes longer per row, copying does not.
    """
    count = min(_ROWS, decoder.context_length)
    ids = np.arange(count, dtype=np.int32) % decoder.vocabulary_size
    layout = Layout(ids=ids, cells=np.arange(count, dtype=np.int64), prefix=(0, count), suffix=(count, count),
                    text_last=True)
    encoded, copied = [], []
    for _ in range(_REPEATS):
        cache = ResidentCache(decoder, count)
        encoded.append(_timed(lambda cache=cache: repair(cache, layout), decoder, clock))  # type: ignore[misc]
        cache.offload()
        copied.append(_timed(cache.restore, decoder, clock))
    return min(encoded), min(copied)


def _timed(work: Callable[[], object], decoder: Decoder, clock: Callable[[], float]) -> float:
    finish(decoder.device)
    began = clock()
    work()
    finish(decoder.device)
    return clock() - began


def cache_bound(model: Model) -> int:
    """Bytes that all caches may take when the user has not said. Weights that lie in a mapped file count as free for
    the system, which would have to read them again at every key if caches took their place."""
    return default_bound(max(0, free_memory(model.decoder.device) - model.mapped))


def host_bound(model: Model) -> int:
    """Bytes of host memory that rows of idle documents may take when the user has not said; 0 where none wait there."""
    return default_bound(free_memory(torch.device("cpu"))) if model.offloads else 0
