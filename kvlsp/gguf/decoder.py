"""The decoder that runs a GGUF model: llama.cpp's kernels and caches behind the seam of :mod:`kvlsp.model.decoder`.

What differs from a decoder over our own arrays: keys are rotated in place (:mod:`kvlsp.gguf.rows`), so moved rows are
near to what they would be, not equal, until they are encoded anew; and every run of rows that follow one another takes
a call of its own. Rows behind a gap are encoded right behind what stands before it, and moved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.gguf.api import LlamaModel, version
from kvlsp.gguf.batch import Batch, Numbers
from kvlsp.gguf.cells import AT_ONCE, Cells, least_buffers
from kvlsp.gguf.rows import LlamaRows, StoredCells
from kvlsp.model.keyvalues import BOOKKEEPING_BYTES
from kvlsp.model.rows import DOCUMENT, Branch, RowBatch

F16: Final = 1
"""llama.cpp's number for a cache in float16."""
_BLOCK: Final = 64


class LlamaDecoder:
    """A :class:`~kvlsp.model.decoder.Decoder` over an opened file. ``numbers`` are the keys' and values' per token of
    all layers; ``threads`` tells how many a forward uses."""

    def __init__(self, model: LlamaModel, name: str, context_length: int, numbers: int,
                 threads: Callable[[], int] = torch.get_num_threads, *, cache_type: int = F16, cache_bytes: float = 2,
                 on_gpu: bool = False) -> None:
        self.model, self.name, self.context_length = model, name, context_length
        self.layers = int(model.api.llama_model_n_layer(model.handle))
        self.vocabulary_size = model.entries
        self.device = torch.device("cpu")  # where logits come out
        self.dtype = torch.float16  # of keys and values
        self.bytes_per_slot = int(numbers * cache_bytes) + BOOKKEEPING_BYTES + 4
        self.bytes_per_document = least_buffers(model.entries)
        self._threads, self._cache_type, self._on_gpu = threads, cache_type, on_gpu
        self._batch = Batch(model.api, AT_ONCE)

    def allocate(self, slots: int) -> LlamaRows:
        """Empty rows for ``slots`` tokens."""
        return LlamaRows(self._cells, slots, self.bytes_per_slot)

    def occupied(self, slots: int) -> LlamaRows:
        """See :meth:`kvlsp.model.decoder.Decoder.occupied`."""
        document = self.allocate(-(-slots // _BLOCK) * _BLOCK)
        some = torch.arange(_BLOCK)
        self.forward(document, RowBatch(some % self.vocabulary_size, some, some, slice(0, 0)))
        document.occupied(_BLOCK, document.capacity // _BLOCK)
        document.release(torch.arange(slots, document.capacity))
        return document

    def move(self, document: LlamaRows, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """See :meth:`kvlsp.model.decoder.Decoder.move`; rotated from where they are, with the next forward."""
        if slots.numel():
            document.move(slots.cpu(), positions.cpu())

    def forward(self, document: LlamaRows, rows: RowBatch) -> torch.Tensor:
        """See :meth:`kvlsp.model.decoder.Decoder.forward`."""
        count = len(rows)
        ids, positions, slots = (one.cpu().numpy() for one in (rows.ids, rows.positions, rows.slots))
        branches = [rows.branch] * count if isinstance(rows.branch, Branch) else list(rows.branch)
        everywhere = np.arange(count)
        wanted = everywhere[rows.wanted] if isinstance(rows.wanted, slice) else rows.wanted.cpu().numpy()
        logits = torch.empty((len(wanted), self.vocabulary_size), dtype=torch.float32)
        if not count:
            return logits
        document.cells.use_threads(self._threads())
        document.place(slots, positions, branches)
        for step in _steps(positions, branches):
            self._encode(document, ids, positions, branches, step, wanted, logits.numpy())
        return logits

    @property
    def form(self) -> str:
        """How rows are written: equal where :meth:`stored` reads what another has written."""
        return f"llama.cpp {version()}, type {self._cache_type}{', on a GPU' if self._on_gpu else ''}"

    def stored(self, data: npt.NDArray[np.uint8], positions: Numbers) -> StoredCells:
        """Rows of what :class:`StoredCells` held."""
        return StoredCells(data, positions)

    def _encode(self, document: LlamaRows, ids: Numbers, positions: Numbers, branches: Sequence[Branch],
                step: list[Numbers], wanted: Numbers, logits: npt.NDArray[np.float32]) -> None:
        """One run of rows of each of some branches, or one of the document."""
        cells = document.cells
        spans = [(int(positions[run[0]]), int(positions[run[-1]]) + 1) for run in step]
        sequences = [document.sequence_for(branches[run[0]], *span) for run, span in zip(step, spans, strict=True)]
        gaps = [self._gap(cells, sequence, first) for sequence, (first, _) in zip(sequences, spans, strict=True)]
        rows = np.concatenate(step)
        asked = np.isin(rows, wanted)
        places = np.concatenate([positions[run] - gap for run, gap in zip(step, gaps, strict=True)])
        into = np.repeat(np.array(sequences, np.int64), [len(run) for run in step])
        for start in range(0, len(rows), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            self._batch.fill(ids[rows[part]], places[part], into[part], asked[part])
            cells.decode(self._batch)
            some = rows[part][asked[part]]
            if len(some):
                found = cells.logits(len(some))
                mine = np.flatnonzero(np.isin(wanted, some))
                logits[mine] = found[_ranks(some, wanted[mine])]
        for run, sequence, gap, (first, end) in zip(step, sequences, gaps, spans, strict=True):
            if gap:
                cells.shift(sequence, first - gap, end - gap, gap)
            if branches[run[0]].number == DOCUMENT.number:
                document.encoded(sequence, first, end)

    @staticmethod
    def _gap(cells: Cells, sequence: int, first: int) -> int:
        """Positions without rows right before a run that something stands before."""
        last = cells.last(sequence)
        return first - 1 - last if last >= 0 else 0

    def _cells(self, slots: int) -> Cells:
        cells = Cells(self.model, slots, self._threads(), self._cache_type, on_gpu=self._on_gpu)
        self.bytes_per_document = max(self.bytes_per_document, cells.buffers)
        return cells


def _ranks(some: Numbers, asked: Numbers) -> Numbers:
    """Where each of ``asked`` stands in ``some``."""
    order = np.argsort(some)
    return order[np.searchsorted(some[order], asked)]


def _steps(positions: Numbers, branches: Sequence[Branch]) -> list[list[Numbers]]:
    """Rows, as numbers, in steps one after the other: the document's runs one by one, then those of all branches side
    by side. A run is rows of one branch whose positions follow one another."""
    owners = np.array([branch.number for branch in branches])
    runs: dict[int, list[Numbers]] = {}
    for owner in np.unique(owners):
        mine = np.flatnonzero(owners == owner)
        mine = mine[np.argsort(positions[mine], kind="stable")]
        runs[int(owner)] = np.split(mine, np.flatnonzero(np.diff(positions[mine]) != 1) + 1)
    steps = [[run] for run in runs.pop(DOCUMENT.number, [])]
    for number in range(max(map(len, runs.values()), default=0)):
        steps.append([mine[number] for mine in runs.values() if number < len(mine)])
    return steps
