"""llama.cpp's cache of one context: cells that belong to sequences, read and changed by position.

Sequence 0 is the document, :data:`SPARE` one that lends itself for a moment; the others are branches.
"""

from __future__ import annotations

import ctypes
import weakref
from typing import Final

import numpy as np
import numpy.typing as npt

from kvlsp.errors import OutOfMemory
from kvlsp.gguf.api import LlamaModel, buffers_of
from kvlsp.gguf.batch import Batch, Numbers

Runs = list[tuple[int, int]]

DOCUMENT_SEQUENCE: Final = 0
SPARE: Final = 1
BRANCH_SEQUENCES: Final = range(2, 63)
_FORGOTTEN: Final = 63
AT_ONCE: Final = 128
"""Tokens of one call of llama.cpp at most. A context has room for the logits of all of them: with 152,000 entries that
is 74 MiB, and would be 300 MiB for 512, which are computed no quicker."""
_FAR: Final = 1 << 28
"""Positions that no document reaches."""
_MORE: Final = 512
"""Cells beyond what is asked for: for rows that come back together with others that are not wanted."""
_STEP: Final = 256
"""llama.cpp's caches are so many cells long, or a multiple of it."""


def runs_of(positions: Numbers) -> Runs:
    """The half-open ranges that different ``positions``, in any order, make up."""
    ordered = np.sort(positions)
    cuts = np.flatnonzero(np.diff(ordered) != 1) + 1
    return [(int(part[0]), int(part[-1]) + 1) for part in np.split(ordered, cuts) if len(part)]


def least_buffers(entries: int) -> int:
    """Bytes that a context of a model with so many entries takes beside its cells, at least: logits of a call's tokens,
    and of those that are asked for, as many as there are sequences."""
    return 4 * entries * (AT_ONCE + _FORGOTTEN + 1)


class Cells:
    """A context of ``model`` with room for at least ``count`` tokens."""

    def __init__(self, model: LlamaModel, count: int, threads: int, cache_type: int, *, on_gpu: bool) -> None:
        self.model, self.api = model, model.api
        api, parameters = self.api, self.api.llama_context_default_params()
        parameters.n_ctx = -(-(count + _MORE) // _STEP) * _STEP
        parameters.n_batch = parameters.n_ubatch = AT_ONCE
        parameters.n_seq_max = _FORGOTTEN + 1
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.kv_unified = True  # sequences share cells
        parameters.swa_full = True
        parameters.type_k = parameters.type_v = cache_type
        # on a processor its sums come out in another order with every number of rows
        parameters.flash_attn_type = -1 if on_gpu else 0
        parameters.no_perf = True
        handle, said = buffers_of(lambda: api.llama_init_from_model(model.handle, parameters))
        if not handle:
            raise OutOfMemory(
                f"llama.cpp has no memory for a cache of {count:,} tokens. Set `contextTokens` or `cacheMib` lower, or "
                "choose a smaller model."
            )
        self.handle = handle
        self.buffers = max(said, least_buffers(model.entries))
        """Bytes that it takes beside the cells."""
        self.memory = api.llama_get_memory(handle)
        self.threads = threads
        self._pending = False
        """Whether moves wait for the next decode, which carries them out."""
        weakref.finalize(self, api.llama_free, handle)

    @property
    def can_shift(self) -> bool:
        return bool(self.api.llama_memory_can_shift(self.memory))

    def last(self, sequence: int) -> int:
        """The highest position of a sequence, -1 where it has none."""
        return int(self.api.llama_memory_seq_pos_max(self.memory, sequence))

    def remove(self, sequence: int, first: int = -1, end: int = -1) -> None:
        """Cells at positions [first, end) leave a sequence; -1: from the beginning, to the end."""
        self.api.llama_memory_seq_rm(self.memory, sequence, first, end)

    def share(self, source: int, target: int, first: int, end: int) -> None:
        """Cells of one sequence belong to another one as well."""
        if first < end:
            self.api.llama_memory_seq_cp(self.memory, source, target, first, end)

    def shift(self, sequence: int, first: int, end: int, by: int) -> None:
        """Cells at [first, end) stand ``by`` positions further on, whoever else they belong to."""
        self.api.llama_memory_seq_add(self.memory, sequence, first, end, by)
        self._pending = True

    def permute(self, old: Numbers, new: Numbers, sequence: int = DOCUMENT_SEQUENCE) -> None:
        """Cells of a sequence at positions ``old`` (n,), different ones, go to ``new`` (n,), free ones or such that
        become free."""
        order = np.argsort(old)
        old, new = old[order], new[order]
        by = new - old
        cuts = np.flatnonzero((np.diff(old) != 1) | (np.diff(by) != 0)) + 1
        parts = [(int(a[0]), int(a[-1]) + 1, int(b[0])) for a, b in zip(np.split(old, cuts), np.split(by, cuts),
                                                                        strict=True)]  # fmt: skip
        one_way = (by > 0).all() or (by < 0).all()
        # who goes first makes room for the next; where some cross, all meet far away
        for first, end, distance in reversed(parts) if by[0] > 0 else parts:
            self.shift(sequence, first, end, distance if one_way else distance + _FAR)
        if not one_way:
            self.shift(sequence, _FAR // 2, -1, -_FAR)

    def settle(self) -> None:
        """Carry out moves now: by a token that is forgotten, in the last sequence, which nobody else uses."""
        if not self._pending:
            return
        batch, zero = Batch(self.api, 1), np.zeros(1, np.int64)
        batch.fill(zero, zero, zero + _FORGOTTEN, np.zeros(1, np.bool_))
        self.decode(batch)
        self.remove(_FORGOTTEN)

    def decode(self, batch: Batch) -> None:
        """Encode a filled batch. Raises :class:`OutOfMemory` where llama.cpp finds no room for it."""
        failed = self.api.llama_decode(self.handle, batch.struct)
        self._pending = False
        if failed:
            raise OutOfMemory(f"llama.cpp could not compute a forward (its answer was {failed}); memory may have run "
                              "out. Set `contextTokens` or `cacheMib` lower, or close other programs.")

    def logits(self, rows: int) -> npt.NDArray[np.float32]:
        """Of the ``rows`` wanted ones of the last batch, (rows, vocabulary); overwritten by the next."""
        found = self.api.llama_get_logits(self.handle)
        return np.ctypeslib.as_array(found, (rows, self.model.entries))

    def use_threads(self, threads: int) -> None:
        if threads != self.threads:
            self.api.llama_set_n_threads(self.handle, threads, threads)
            self.threads = threads

    # --- cells apart from a context ------------------------------------------------------------------------------

    def saved(self) -> npt.NDArray[np.uint8]:
        """All cells with their sequences, as bytes that another context of the model reads."""
        self.settle()
        data = np.empty(self.api.llama_state_get_size(self.handle), np.uint8)
        size = self.api.llama_state_get_data(self.handle, _bytes(data), data.nbytes)
        return data[:size]

    def restore(self, data: npt.NDArray[np.uint8]) -> None:
        """Have the cells of :meth:`saved`, and no others."""
        self.api.llama_state_set_data(self.handle, _bytes(data), data.nbytes)

    def saved_of(self, sequence: int) -> npt.NDArray[np.uint8]:
        """The cells of one sequence."""
        self.settle()
        data = np.empty(self.api.llama_state_seq_get_size(self.handle, sequence), np.uint8)
        size = self.api.llama_state_seq_get_data(self.handle, _bytes(data), data.nbytes, sequence)
        return data[:size]

    def add(self, data: npt.NDArray[np.uint8], sequence: int) -> bool:
        """Give a sequence the cells of :meth:`saved_of` and no others; False where there is no room for them."""
        return bool(self.api.llama_state_seq_set_data(self.handle, _bytes(data), data.nbytes, sequence))

    def copies(self, rows: int, times: int) -> None:
        """Of a document of ``rows`` tokens at positions 0 and up: the same behind one another, ``times`` in all. Nobody
        encoded them there: of use for measuring only."""
        data = self.saved_of(DOCUMENT_SEQUENCE)
        for number in range(1, times):
            self.add(data, SPARE)
            self.shift(SPARE, 0, rows, number * rows)
            self.share(SPARE, DOCUMENT_SEQUENCE, number * rows, (number + 1) * rows)
        self.remove(SPARE)


def _bytes(data: npt.NDArray[np.uint8]) -> object:
    return data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
