"""The decoder for a GPU: the lean forward in steps of fixed sizes, each captured as a graph.

Few rows (an edit, a token, drafts) are padded to a bucket and run from inputs that stay where they are
(:mod:`kvlsp.model.static_rows`); many rows (a prefill) run as they are. Between the call and the logits nothing waits
for the device as long as rows, slots and hidden slots come from the CPU. On a CPU all of it runs but the capture, and
is tested there to give what the lean forward gives.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch

from kvlsp.model.agreement import difference, logits_of, rows_to_try
from kvlsp.model.attention import attend
from kvlsp.model.decoder import Decoder
from kvlsp.model.device_keyvalues import DeviceKeyValues, on_device
from kvlsp.model.fused import FusedVisibility, attend_many, fused_layers, fused_move, suits
from kvlsp.model.graphs import Graphs
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.lean import Attention, LeanDecoder
from kvlsp.model.lean_taken import TOLERANCE
from kvlsp.model.moving import move_all_layers
from kvlsp.model.rows import RowBatch, Wanted
from kvlsp.model.single_row import SingleRow, logits_of_one, suits_one_row, tiles_for
from kvlsp.model.split_attention import ROWS, attend_split
from kvlsp.model.static_rows import StaticRows, StaticVisibility, fits
from kvlsp.model.visibility import Visibility, owners

logger = logging.getLogger(__name__)

BUCKETS = (1, 4, 8, 16, 32, 64, 128)
"""Rows that a step is padded to; more rows run as they are."""

Layers: TypeAlias = "Callable[[LeanDecoder, KeyValues, StaticRows, StaticVisibility, int], torch.Tensor]"
"""All layers over claimed static rows, attention over the first so many slots: hidden states (bucket, hidden)."""
Logits: TypeAlias = Callable[[LeanDecoder, torch.Tensor], torch.Tensor]
"""Like :meth:`~kvlsp.model.lean.LeanDecoder.logits`."""
Move: TypeAlias = Callable[..., None]
"""Like :func:`~kvlsp.model.moving.move_all_layers`."""


def on_a_device(decoder: Decoder) -> Decoder:
    """A lean decoder on a GPU in graphed steps if those give its logits, every other decoder as it is."""
    if not isinstance(decoder, LeanDecoder) or decoder.device.type != "cuda":
        return decoder
    for name, options in ways(decoder):
        try:
            graphed = GraphedForward(decoder, **options)
            if _agrees(graphed, decoder, name):
                return graphed
        except Exception as error:  # a kernel that does not compile here, of whatever kind that error is
            logger.warning("%s: steps by %s do not run (%s)", decoder.name, name, type(error).__name__)
    return decoder


def ways(lean: LeanDecoder) -> list[tuple[str, dict[str, Any]]]:
    """How a step can be computed, the quickest first: names and arguments of :class:`GraphedForward`."""
    torch_alone: tuple[str, dict[str, Any]] = ("torch", {})
    if lean.device.type != "cuda" or not suits(lean):
        return [torch_alone]
    kernels = {"run_layers": fused_layers, "move_keys": fused_move, "see": FusedVisibility, "attend_many": attend_many}
    found: list[tuple[str, dict[str, Any]]] = [("triton", kernels), torch_alone]
    if suits_one_row(lean):
        apart = {"run_layers": SingleRow(tiles_for(lean.device)), "logits_of_one": logits_of_one}
        found.insert(0, ("triton, one row apart", {**kernels, **apart}))
    return found


def _agrees(graphed: GraphedForward, lean: LeanDecoder, name: str) -> bool:
    ids = rows_to_try(lean.vocabulary_size, lean.device)
    expected = logits_of(lean, ids)
    # Three times: as it is, captured, replayed.
    apart = [difference(logits_of(graphed, ids), expected) for _ in range(3)]
    apart.append(_moved_apart(graphed, lean))
    allowed = TOLERANCE.get(lean.dtype, 1e-3)
    if not all(one <= allowed for one in apart):
        logger.warning(
            "%s: steps by %s are not used, they differ by %.1e where %.0e is allowed",
            lean.name, name, max(apart), allowed,
        )  # fmt: skip
        return False
    logger.info("%s runs in graphed steps by %s, %.1e apart from the lean forward", lean.name, name, max(apart))
    return True


@torch.inference_mode()
def _moved_apart(graphed: GraphedForward, lean: LeanDecoder) -> float:
    """How far the keys of moved rows are from those that the lean decoder moves."""
    documents = [graphed.allocate(64), graphed.allocate(64)]
    ours, theirs = (one for one in documents if isinstance(one, DeviceKeyValues))
    theirs.whole.normal_()
    ours.whole.copy_(theirs.whole)
    slots, positions = torch.arange(5, 42).flip(0), torch.arange(100, 137)
    graphed.move(ours, slots, positions)
    lean.move(theirs, slots, positions)
    return difference(ours.whole, theirs.whole)


def plain_layers(attention: Attention) -> Layers:
    """The lean decoder's own layers with this attention."""

    def run(
        lean: LeanDecoder, document: KeyValues, rows: StaticRows, visibility: StaticVisibility, read: int
    ) -> torch.Tensor:
        return lean.hidden_states(document, rows.ids, rows.positions, rows.slots, read, visibility.mask, attention)

    return run


class GraphedForward:
    """A :class:`~kvlsp.model.decoder.Decoder` around a lean one.

    What its parts compute may be computed by quicker ones. ``capture`` None: on a GPU. ``attend_many`` is for more rows
    than the largest bucket.
    """

    def __init__(
        self,
        lean: LeanDecoder,
        run_layers: Layers | None = None,
        move_keys: Move = move_all_layers,
        capture: bool | None = None,
        buckets: Sequence[int] = BUCKETS,
        *,
        see: type[StaticVisibility] = StaticVisibility,
        attend_many: Attention = attend,
        logits_of_one: Logits | None = None,
    ) -> None:
        self.lean = lean
        self.name = lean.name
        self.layers = lean.layers
        self.vocabulary_size = lean.vocabulary_size
        self.context_length = lean.context_length
        self.device = lean.device
        self.dtype = lean.dtype
        self.bytes_per_slot, self.bytes_per_document = lean.bytes_per_slot, lean.bytes_per_document
        gpu = self.device.type == "cuda"
        self._few: Attention = attend_split if gpu else attend
        self._many, self._see, self._logits_of_one = attend_many, see, logits_of_one or LeanDecoder.logits
        self._run_layers = run_layers or plain_layers(self._few)
        self._move_keys = move_keys
        self.graphs = Graphs(self.device, gpu if capture is None else capture)
        hidden = lean.embed(torch.zeros(1, dtype=torch.int64, device=self.device)).shape[1]
        with torch.inference_mode(False):
            self._rows = {bucket: StaticRows(bucket, self.device) for bucket in sorted(buckets)}
            self._hidden = {
                bucket: torch.zeros((bucket, hidden), dtype=self.dtype, device=self.device) for bucket in self._rows
            }

    def allocate(self, slots: int) -> KeyValues:
        """Empty keys and values for ``slots`` tokens."""
        return DeviceKeyValues(self.lean.exact.shapes, slots, self.dtype, self.device)

    def occupied(self, slots: int) -> KeyValues:
        """See :meth:`kvlsp.model.decoder.Decoder.occupied`."""
        document = self.allocate(slots)
        document.occupy(slots)
        return document

    @torch.inference_mode()
    def move(self, document: KeyValues, slots: torch.Tensor, positions: torch.Tensor) -> None:
        """See :meth:`kvlsp.model.decoder.Decoder.move`."""
        if slots.numel() == 0:
            return
        self.lean.exact.reach(positions)
        assert isinstance(document, DeviceKeyValues)
        slots, positions = on_device(slots, self.device), on_device(positions, self.device)
        document.position.index_copy_(0, slots, positions)
        self._move_keys(document, slots, positions, self.lean.exact.tables[self.lean.rotation])

    @torch.inference_mode()
    def forward(self, document: KeyValues, rows: RowBatch) -> torch.Tensor:
        """See :meth:`kvlsp.model.decoder.Decoder.forward`."""
        self.lean.exact.reach(rows.positions)
        document.extend(rows.slots)
        count = len(rows)
        static = next((static for bucket, static in self._rows.items() if bucket >= count), None)
        if static is None or count == 0 or not fits(rows.branch):
            hidden = self._as_it_is(document, rows)
        else:
            static.fill(rows)
            hidden = self._step(document, static)
        some = hidden[:count][_chosen(rows.wanted, self.device)]
        return self._logits_of_one(self.lean, some) if len(some) == 1 else self.lean.logits(some)

    def _step(self, document: KeyValues, rows: StaticRows) -> torch.Tensor:
        """Claimed, encoded, all layers: hidden states (bucket, hidden), overwritten by the next step."""
        read = reach(document.used, document.capacity)
        result = self._hidden[rows.bucket]

        def step() -> None:
            rows.claim(document)
            visibility = self._see(rows, document, read, self.dtype)
            result.copy_(self._run_layers(self.lean, document, rows, visibility, read))

        self.graphs.run(document, (rows.bucket, read), step)
        return result

    def _as_it_is(self, document: KeyValues, rows: RowBatch) -> torch.Tensor:
        """The lean layers over any number of rows."""
        device = self.device
        ids, positions, slots = (on_device(it, device) for it in (rows.ids, rows.positions, rows.slots))
        document.position.index_copy_(0, slots, positions)
        document.owner[slots] = owners(rows.branch, device)
        visibility = Visibility(document, positions, rows.branch, self.dtype)
        attention = self._many if ids.shape[0] > ROWS else self._few
        return self.lean.hidden_states(document, ids, positions, slots, document.read, visibility.mask, attention)


def reach(used: int, capacity: int) -> int:
    """Slots that a step reads: at most an eighth more than are used, so that there are few different graphs."""
    step = max(256, 1 << max(0, used.bit_length() - 4))
    return min(capacity, -(-used // step) * step)


def _chosen(wanted: Wanted, device: torch.device) -> Wanted:
    """``wanted`` as something that indexes without a stall."""
    if isinstance(wanted, slice):
        return wanted
    if wanted.numel() == 0:
        return slice(0, 0)
    if wanted.numel() == 1 and wanted.device.type == "cpu" and (row := int(wanted[0])) >= 0:
        return slice(row, row + 1)
    return on_device(wanted, device)
