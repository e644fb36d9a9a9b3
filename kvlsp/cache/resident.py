"""The resident rows of one document: which slot holds which token at which position, and how exact it is.

Owned by the model's thread. Bookkeeping only; what is written into the arrays is decided in
:mod:`kvlsp.cache.rearrange` and :mod:`kvlsp.cache.encode`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.cache.likelihood import Likelihoods
from kvlsp.cache.plan import Plan, make_plan
from kvlsp.cache.slots import Slots, SlotTable
from kvlsp.cache.staleness import Staleness
from kvlsp.cache.stored import Stored, StoredRows
from kvlsp.cache.witness import Witness
from kvlsp.errors import CacheFull, IntegrityError
from kvlsp.model.decoder import Decoder, Resident
from kvlsp.model.keyvalues import KeyValues
from kvlsp.prompt.layout import Layout

_GROWTH = 512
"""Arrays grow by whole steps of this many slots, and by at least an eighth of what they hold."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Resident rows in layout order, arrays of one length: identity, token id, slot, position.

    The text before the caret stands at positions [``prefix[0]``, ``prefix[1]``).
    """

    cells: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    slots: Slots
    positions: npt.NDArray[np.int64]
    prefix: tuple[int, int]

    @classmethod
    def none(cls) -> Rows:
        empty = np.empty(0, np.int64)
        return cls(empty, np.empty(0, np.int32), empty, empty, (0, 0))

    def __len__(self) -> int:
        return len(self.cells)


@dataclass(slots=True)
class Scratch:
    """Rows that a finished generation left behind the layout: kept until the next plan, which may adopt them.

    Token ``ids[i]`` was encoded into ``slots[i]`` at position ``start + i``, behind layout rows [0, start). ``exact``
    says whether those were exact then: if not, these never are, whatever becomes of the others.
    """

    start: int
    exact: bool
    ids: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)


class ResidentCache:
    """Cache arrays of one document with their bookkeeping. ``limit`` bounds its slots; ``advice`` is the sentence that
    tells how to raise it."""

    def __init__(self, decoder: Decoder, limit: int, advice: str = "Give it a higher limit.") -> None:
        self.decoder = decoder
        self.limit, self.advice = limit, advice
        self.keyvalues: Resident | None = None
        self.host: Stored | None = None
        """Where the rows are while the document is idle (:meth:`offload`)."""
        self.table = SlotTable()
        self.rows = Rows.none()
        self.staleness = Staleness.fresh(0)
        self.likelihoods: Likelihoods | None = None
        """How likely the text is as it stands; None while that is not asked for (:meth:`judge`)."""
        self.judges_at_rest = False
        """Only forwards that nobody waits for say how likely the text is."""
        self.frontier = 0
        self.scratch: Scratch | None = None
        self.unwritten: npt.NDArray[np.bool_] | None = None
        """Which rows have a slot and no keys yet, while a repair is under way; seen by nobody."""
        self.plans = 0
        self.witness: Witness | None = None
        """Is told what happens to the rows, while somebody watches."""

    @property
    def nbytes(self) -> int:
        """Exact bytes of the arrays on the device."""
        return 0 if self.keyvalues is None else self.keyvalues.nbytes

    @property
    def host_nbytes(self) -> int:
        """Exact bytes of rows in host memory."""
        return 0 if self.host is None else self.host.nbytes

    @property
    def stale(self) -> int:
        """Rows that are not exact."""
        return len(self.rows) - self.frontier

    @property
    def crossed_caret(self) -> npt.NDArray[np.int64]:
        """Stale rows, ascending, that stand before the caret now and were encoded without the text there."""
        positions, (first, end) = self.rows.positions, self.rows.prefix
        without_prefix = self.staleness.without_prefix & (self.staleness.since >= 0)
        return np.flatnonzero(without_prefix & (positions >= first) & (positions < end))

    def forget(self) -> None:
        """Drop every row and the arrays; the next layout is prefilled."""
        self.keyvalues = self.host = None
        self.table = SlotTable()
        self.rows, self.staleness, self.frontier = Rows.none(), Staleness.fresh(0), 0
        self.scratch = self.unwritten = None
        if self.witness is not None:
            self.witness.forget()
        self.judge(self.likelihoods is not None, at_rest=self.judges_at_rest)

    def judge(self, wanted: bool, *, at_rest: bool = False) -> None:
        """From here on, remember how likely the text is as it stands, or do not; ``at_rest``: at no cost for a forward
        that somebody waits for."""
        known, self.judges_at_rest = self.likelihoods, at_rest
        if not wanted:
            self.likelihoods = None
        elif known is None or len(known) != len(self.rows):
            self.likelihoods = Likelihoods.unknown(len(self.rows))

    def offload(self) -> None:
        """Take the rows to host memory and give the device's back; whatever needs them next brings them back."""
        if self.keyvalues is None:
            return
        self.drop_unwritten()
        try:
            host = StoredRows.store(KeyValues.of(self.keyvalues), torch.from_numpy(self.rows.slots), on_host=True)
        except BaseException:
            self.forget()
            raise
        self.keyvalues, self.table, self.scratch = None, SlotTable(), None
        # the slots that they will have
        self.rows = replace(self.rows, slots=np.arange(len(self.rows), dtype=np.int64))
        self.host = host
        if self.witness is not None:
            self.witness.forget()

    def restore(self) -> None:
        """Bring offloaded rows back to the device: a copy and a rotation, no forward."""
        if self.host is None:
            return
        host, self.host = self.host, None
        try:
            slots = self.take(len(self.rows))
            places = torch.from_numpy(self.rows.positions)
            host.restore(self.decoder, self.arrays(), torch.from_numpy(slots), places)
        except BaseException:
            self.forget()
            raise

    def take_up(self, stored: Stored, cells: npt.NDArray[np.int64], ids: npt.NDArray[np.int32],
                prefix: tuple[int, int], staleness: Staleness, frontier: int) -> None:
        """Take up rows that were stored earlier, in layout order; this cache must have none, or :class:`IntegrityError`
        is raised. They are brought to the device when something needs them."""
        if len(self.rows):
            raise IntegrityError("Rows were to be taken up by a cache that has rows.")
        order = np.arange(len(cells), dtype=np.int64)
        self.forget()
        self.rows, self.staleness, self.frontier = Rows(cells, ids, order, order, prefix), staleness, frontier
        self.host = stored
        self.judge(self.likelihoods is not None, at_rest=self.judges_at_rest)

    def plan(self, layout: Layout) -> Plan:
        """The way to ``layout`` from the rows that are written."""
        self.restore()
        self.drop_unwritten()
        rows = self.rows
        return make_plan(rows.cells, rows.positions, rows.prefix, self.frontier, layout)

    def arrays(self) -> Resident:
        """The cache arrays; allocated when first asked for, brought back when offloaded."""
        self.restore()
        if self.keyvalues is None:
            self.keyvalues = self.decoder.allocate(0)
        return self.keyvalues

    @property
    def left(self) -> int:
        """Slots that may still be taken before the limit."""
        return self.limit - self.table.capacity + self.table.free

    def take(self, count: int, *, scratch: bool = False) -> Slots:
        """``count`` slots, growing the arrays where needed; :class:`CacheFull` beyond the limit."""
        missing = count - self.table.free
        if missing > 0:
            capacity = self.table.capacity
            grown = capacity + max(missing, capacity // 8)
            grown = min(-(-grown // _GROWTH) * _GROWTH, self.limit)
            if grown < capacity + missing:
                raise CacheFull(
                    f"The cache of this document is bounded to {self.limit} tokens and {count} more do not fit. "
                    f"{self.advice}"
                )
            self._grow(grown)
        return self.table.take(count, scratch=scratch)

    def reserve(self, slots: int) -> None:
        """Have arrays for ``slots`` in all, or as many as the limit allows: a cache that is to grow so far is copied
        once then, and not at each of its steps."""
        self._grow(min(slots, self.limit))

    def _grow(self, slots: int) -> None:
        """Have arrays for ``slots`` in all. Where there is no memory for them, all rows are dropped: nobody can tell
        what is left of the arrays."""
        try:
            self.arrays().grow(slots)
            self.table.grow(self.arrays().capacity)
        except BaseException:
            self.forget()
            raise

    def give_back(self, slots: Slots) -> None:
        if len(slots):
            self.table.give_back(slots)
            self.arrays().release(torch.from_numpy(slots))

    def drop_scratch(self) -> None:
        """Free what the last generation left, whatever it was."""
        self.scratch = None
        self.give_back(self.table.of_scratch())

    @property
    def resident(self) -> int:
        """Rows whose keys and values are there."""
        return len(self.rows) - (int(np.count_nonzero(self.unwritten)) if self.unwritten is not None else 0)

    def drop_unwritten(self) -> None:
        """Take out the rows that a repair has not come to: the next plan finds them missing."""
        unwritten, self.unwritten = self.unwritten, None
        if unwritten is None or not unwritten.any():
            return
        written = ~unwritten
        self.give_back(self.rows.slots[unwritten])
        rows = self.rows
        self.rows = replace(rows, cells=rows.cells[written], ids=rows.ids[written],
                            slots=rows.slots[written], positions=rows.positions[written])
        self.staleness = self.staleness.select(written)
        if self.likelihoods is not None:
            self.likelihoods = self.likelihoods.select(written)
        self.frontier = min(self.frontier, int(np.argmin(written)))

    def check_integrity(self) -> None:
        """Raise :class:`IntegrityError` where slots, rows and arrays contradict each other. O(document)."""
        rows = self.rows
        if len(np.unique(rows.cells)) != len(rows):
            raise IntegrityError("Two resident rows have the same identity.")
        if self.host is None and not np.array_equal(np.sort(rows.slots), self.table.of_document()):
            raise IntegrityError("The slots of the rows are not the slots taken for the document.")
        if np.any(np.diff(rows.positions) <= 0):
            raise IntegrityError("Positions do not grow in layout order.")
        if self.likelihoods is not None and len(self.likelihoods) != len(rows):
            raise IntegrityError("There are not as many likelihoods as rows.")
        if not 0 <= self.frontier <= len(rows):
            raise IntegrityError("The exact frontier lies outside the rows.")
        if np.any(self.staleness.changes[: self.frontier]):
            raise IntegrityError("A row before the frontier has missed a change.")
        if self.host is not None:
            if self.keyvalues is not None or len(self.host) != len(rows):
                raise IntegrityError("The offloaded rows are not the rows of the document.")
            return
        if self.keyvalues is None:
            if len(rows):
                raise IntegrityError("There are rows but no arrays.")
            return
        owner, position = self.keyvalues.owner.cpu().numpy(), self.keyvalues.position.cpu().numpy()
        written = np.ones(len(rows), np.bool_) if self.unwritten is None else ~self.unwritten
        if not np.array_equal(np.flatnonzero(owner == 0), np.sort(rows.slots[written])):
            raise IntegrityError("The arrays and the slot table disagree about the document's slots.")
        if not np.array_equal(position[rows.slots[written]], rows.positions[written]):
            raise IntegrityError("The arrays and the rows disagree about positions.")
        if not np.array_equal(np.flatnonzero(owner > 0), self.table.of_scratch()):
            raise IntegrityError("The arrays and the slot table disagree about scratch slots.")
