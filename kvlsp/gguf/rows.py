"""Resident rows of one document in llama.cpp's cache: slots are names that we give to cells, which it places itself.

A cell is found by its sequence and position. Keys lie there rotated, in the cache's own precision, and are rotated in
place when a row moves: there is no un-rotated truth, so every move rounds once. ``moves`` counts how often each row was
moved since it was encoded; a refresh encodes moved rows anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.errors import IntegrityError, OutOfMemory
from kvlsp.gguf.batch import Numbers
from kvlsp.gguf.cells import BRANCH_SEQUENCES, DOCUMENT_SEQUENCE, SPARE, Cells, runs_of
from kvlsp.model.keyvalues import FREE, NOBODY
from kvlsp.model.rows import DOCUMENT, Branch


@dataclass(slots=True)
class _View:
    """A branch's sequence: its own rows, and what it sees of the document as that was in ``version``, without the rows
    at ``hidden`` positions."""

    sequence: int
    first: int
    version: int = -1
    hidden: Numbers = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True, slots=True)
class StoredCells:
    """Rows as llama.cpp writes them, and the ``positions`` (n,) at which they stood."""

    data: npt.NDArray[np.uint8]
    positions: Numbers

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def nbytes(self) -> int:
        return int(self.data.nbytes + self.positions.nbytes)

    def restore(self, decoder: object, arrays: LlamaRows, slots: torch.Tensor, positions: torch.Tensor,
                chosen: torch.Tensor | None = None) -> None:
        """Make them, or the ``chosen`` ones (n,), rows of the document in ``slots`` at ``positions`` (both (n,))."""
        arrays.put(self, slots, positions, np.arange(len(self)) if chosen is None else chosen.numpy())


class LlamaRows:
    """``capacity`` slots. ``position`` and ``owner`` are as in :class:`kvlsp.model.keyvalues.KeyValues`, ``moves`` is
    int32 (capacity,). ``make`` makes cells for so many tokens."""

    def __init__(self, make: Callable[[int], Cells], slots: int, bytes_per_slot: int) -> None:
        self._make, self._bytes_per_slot = make, bytes_per_slot
        self.capacity = 0
        self.position = torch.empty(0, dtype=torch.int64)
        self.owner = torch.empty(0, dtype=torch.int32)
        self.moves: npt.NDArray[np.int32] = np.empty(0, np.int32)
        self._cells: Cells | None = None
        self._views: dict[int, _View] = {}
        self._version = 0
        self.grow(slots)

    @property
    def nbytes(self) -> int:
        """Bytes of keys, values and bookkeeping, and of what llama.cpp computes in."""
        beside = self._cells.buffers if self._cells is not None else 0
        return self._bytes_per_slot * self.capacity + beside

    @property
    def cells(self) -> Cells:
        if self._cells is None:
            self._cells = self._make(self.capacity)
        return self._cells

    def grow(self, slots: int) -> None:
        """Make room for ``slots`` in all; what is resident keeps its slots."""
        if slots <= self.capacity:
            return
        added = slots - self.capacity
        self.position = torch.cat([self.position, torch.full((added,), FREE, dtype=torch.int64)])
        self.owner = torch.cat([self.owner, torch.full((added,), NOBODY, dtype=torch.int32)])
        self.moves = np.append(self.moves, np.zeros(added, np.int32))
        self.capacity = slots
        if self._cells is not None:
            data = self._cells.saved()
            self._cells = None  # before the new ones, whose memory it may need
            self.cells.restore(data)

    def release(self, slots: torch.Tensor) -> None:
        """Free slots (int64)."""
        owners, positions = self._of(slots)
        for owner in np.unique(owners):
            places = positions[owners == owner]
            if owner == DOCUMENT.number:
                self._remove_from_document(places)
            elif owner > 0:
                for first, end in runs_of(places):
                    self.cells.remove(self._views[int(owner)].sequence, first, end)
        self.position[slots] = FREE
        self.owner[slots] = NOBODY
        self._forget_empty(owners)

    def clear(self) -> None:
        """Free every slot."""
        self.release(torch.arange(self.capacity))

    def adopt(self, slots: torch.Tensor) -> None:
        """Rows of branches become the document's."""
        owners, positions = self._of(slots)
        for owner in np.unique(owners):
            sequence = self._views[int(owner)].sequence
            for first, end in runs_of(positions[owners == owner]):
                self.cells.share(sequence, DOCUMENT_SEQUENCE, first, end)
                self.cells.remove(sequence, first, end)
        self.owner[slots] = DOCUMENT.number
        self._version += 1
        self._forget_empty(owners)

    def copy(self) -> LlamaRows:
        """The same rows in the same slots; branches stay behind."""
        twin = LlamaRows(self._make, self.capacity, self._bytes_per_slot)
        twin.position, twin.owner, twin.moves = self.position.clone(), self.owner.clone(), self.moves.copy()
        if self._cells is not None:
            twin.cells.restore(self._cells.saved())
        branches = torch.nonzero(twin.owner > 0)[:, 0]
        twin.position[branches], twin.owner[branches] = FREE, NOBODY
        for sequence in BRANCH_SEQUENCES:
            if twin._cells is not None:
                twin._cells.remove(sequence)
        return twin

    def move(self, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """Rows of the document go to ``positions`` (both (n,), int64); their keys are rotated with the next forward."""
        old, new = self.position[slots].numpy(), positions.numpy()
        moved = old != new
        if not moved.any():
            return
        for view in self._views.values():  # whose cells would move along
            self.cells.remove(view.sequence, 0, view.first)
        self.cells.permute(old[moved], new[moved])
        self.moves[slots.numpy()[moved]] += 1
        self.position[slots] = positions
        self._version += 1

    def occupied(self, rows: int, times: int) -> None:
        """Of a document of ``rows`` encoded tokens in slots and positions 0 and up: copies behind one another, up to
        ``times`` in all. Of use for measuring only."""
        self.cells.copies(rows, times)
        places = torch.arange(rows * times)
        self.position[places], self.owner[places] = places, DOCUMENT.number
        self._version += 1

    # --- apart from a document -----------------------------------------------------------------------------------

    def stored(self, slots: torch.Tensor) -> StoredCells:
        """Copies of the document's rows in ``slots`` (n,), which stand in the order of their positions."""
        places: Numbers = self.position[slots].numpy()
        cells = self.cells
        cells.remove(SPARE)
        for first, end in runs_of(places):
            cells.share(DOCUMENT_SEQUENCE, SPARE, first, end)
        data = cells.saved_of(SPARE)
        cells.remove(SPARE)
        return StoredCells(data, places)

    def put(self, stored: StoredCells, slots: torch.Tensor, positions: torch.Tensor, chosen: Numbers) -> None:
        """The ``chosen`` (n,) of stored rows become the document's in ``slots`` at ``positions`` (both (n,)). Raises
        :class:`OutOfMemory` where there is no room for all of them."""
        cells, old, new = self.cells, stored.positions, positions.numpy()
        if not cells.add(stored.data, SPARE):
            raise OutOfMemory("llama.cpp's cache has no room for rows that were encoded before. Set `cacheMib` higher, "
                              "or `contextTokens` lower.")
        unwanted = np.delete(old, chosen)
        for first, end in runs_of(unwanted):
            cells.remove(SPARE, first, end)
        moved = old[chosen] != new
        if moved.any():
            cells.permute(old[chosen][moved], new[moved], SPARE)
        for first, end in runs_of(new):
            cells.share(SPARE, DOCUMENT_SEQUENCE, first, end)
        cells.remove(SPARE)
        self.position[slots], self.owner[slots] = positions, DOCUMENT.number
        self.moves[slots.numpy()] = moved
        self._version += 1

    # --- for a forward -------------------------------------------------------------------------------------------

    def place(self, slots: Numbers, positions: Numbers, branches: list[Branch]) -> None:
        """These rows are about to be encoded: what lies in their slots goes."""
        there = torch.from_numpy(slots)
        live = self.owner[there].numpy() != NOBODY
        if live.any():
            self.release(there[torch.from_numpy(live)])
        self.position[there] = torch.from_numpy(positions)
        self.owner[there] = torch.tensor([branch.number for branch in branches], dtype=torch.int32)
        self.moves[slots] = 0

    def sequence_for(self, branch: Branch, first: int, end: int) -> int:
        """The sequence into which rows of ``branch`` at positions [first, end) are encoded; it has what they see.

        Raises :class:`IntegrityError` where llama.cpp cannot show them what they should see: rows of a branch stand
        behind those that it has, and the document's at and behind them are hidden from it.
        """
        if branch.number == DOCUMENT.number:
            return self._for_document(first)
        view = self._views.get(branch.number)
        if view is None:
            taken = {one.sequence for one in self._views.values()}
            free = next((one for one in BRANCH_SEQUENCES if one not in taken), None)
            if free is None:
                raise IntegrityError(f"More than {len(BRANCH_SEQUENCES)} branches were asked for at once.")
            view = self._views[branch.number] = _View(free, first)
            self.cells.remove(free)
        hidden = self.position[branch.hides].numpy() if branch.hides is not None else view.hidden[:0]
        if view.version != self._version or not np.array_equal(view.hidden, hidden):
            self._show(view, hidden)
        beside = self._document_between(view.first, end)
        if not np.isin(beside, hidden).all():
            raise IntegrityError("A branch must hide the document's rows at and behind its own.")
        if self.cells.last(view.sequence) >= first:
            raise IntegrityError("A branch's rows are encoded in the order of their positions.")
        return view.sequence

    def encoded(self, sequence: int, first: int, end: int) -> None:
        """Rows of the document at [first, end) have been encoded into ``sequence``."""
        if sequence == SPARE:
            self.cells.share(SPARE, DOCUMENT_SEQUENCE, first, end)
            self.cells.remove(SPARE)
        self._version += 1

    def _for_document(self, first: int) -> int:
        """Sequence 0 takes only what follows its last row; for other rows the spare one has what stands before."""
        last = self.cells.last(DOCUMENT_SEQUENCE)
        if last in (-1, first - 1):
            return DOCUMENT_SEQUENCE
        self.cells.remove(SPARE)
        self.cells.share(DOCUMENT_SEQUENCE, SPARE, 0, first)
        return SPARE

    def _show(self, view: _View, hidden: Numbers) -> None:
        self.cells.remove(view.sequence, 0, view.first)
        self.cells.share(DOCUMENT_SEQUENCE, view.sequence, 0, view.first)
        for start, end in runs_of(np.unique(hidden[hidden < view.first])):
            self.cells.remove(view.sequence, start, end)
        view.version, view.hidden = self._version, hidden.copy()

    def _document_between(self, first: int, end: int) -> Numbers:
        """Positions in [first, end) at which the document has rows."""
        positions, owners = self.position.numpy(), self.owner.numpy()
        found: Numbers = positions[(owners == DOCUMENT.number) & (positions >= first) & (positions < end)]
        return found

    def _remove_from_document(self, places: Numbers) -> None:
        for first, end in runs_of(places):
            self.cells.remove(DOCUMENT_SEQUENCE, first, end)
            for view in self._views.values():
                if first < view.first:
                    self.cells.remove(view.sequence, first, min(end, view.first))
        self._version += 1

    def _of(self, slots: torch.Tensor) -> tuple[npt.NDArray[np.int32], Numbers]:
        return self.owner[slots].numpy(), self.position[slots].numpy()

    def _forget_empty(self, owners: npt.NDArray[np.int32]) -> None:
        """Branches without rows give their sequences back."""
        for number in {int(owner) for owner in np.unique(owners) if owner > 0}:
            if not bool((self.owner == number).any()):
                self.cells.remove(self._views.pop(number).sequence)
