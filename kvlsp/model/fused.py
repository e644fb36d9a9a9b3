"""A step of the lean decoder in a third of the operations, by Triton kernels; and moved keys in one.

Optional: where Triton is not installed, or a shape does not suit it, there is none, and whoever uses it compares its
logits with the plain step first (:mod:`kvlsp.model.graphed`). It knows the order of operations of a Llama-shaped
layer, as :mod:`kvlsp.model.lean` does.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch.nn.functional import linear as plain_linear

from kvlsp.model.device_keyvalues import DeviceKeyValues
from kvlsp.model.keyvalues import KeyValues
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.rotary import AngleTable
from kvlsp.model.static_rows import HIDDEN, StaticRows, StaticVisibility

linear: Any = plain_linear

EARLY_FROM = 9
"""The major version of a GPU from which launches may overlap."""
SLOTS_BLOCK = 64
MOST_PARTS = 64  # a program puts the parts together in its registers
PROGRAMS = 264  # of attention at a time: two for each multiprocessor of a large GPU


def suits(lean: LeanDecoder) -> bool:
    """Whether Triton is there and the kernels can run this model."""
    if importlib.util.find_spec("triton") is None:
        return False
    width = lean.width
    return width >= 16 and width & (width - 1) == 0 and lean.dtype != torch.float64


def may_overlap(device: torch.device) -> bool:
    """Whether a kernel may be launched before the one ahead of it has ended (Hopper and later)."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= EARLY_FROM


def launched(early: bool) -> dict[str, bool]:
    """What a kernel that waits for the one ahead is launched with."""
    return {"EARLY": True, "launch_pdl": True} if early else {"EARLY": False}


class FusedVisibility(StaticVisibility):
    """The same masks, each by one kernel."""

    def __init__(self, rows: StaticRows, document: KeyValues, read: int, dtype: torch.dtype) -> None:
        self._rows, self._document, self._read, self._dtype = rows, document, read, dtype
        self._masks = {}

    def mask(self, window: int | None) -> torch.Tensor:
        """Additive (bucket, read): 0 where the row sees the key, very negative elsewhere."""
        if window not in self._masks:
            from kvlsp.model import kernels

            rows, document, read = self._rows, self._document, self._read
            mask = torch.empty((rows.bucket, read), dtype=self._dtype, device=document.device)
            kernels.mark_visible[(rows.bucket, -(-read // 256))](
                document.position, document.owner, rows.positions, rows.owners, rows.hides.T, mask, read, window or 0,
                torch.finfo(self._dtype).min / 2, HIDDEN=HIDDEN, HIDES=kernels.power_of_two(HIDDEN),
                WINDOW=window is not None, BLOCK=256,
            )  # fmt: skip
            self._masks[window] = mask
        return self._masks[window]


def fused_layers(
    lean: LeanDecoder, document: KeyValues, rows: StaticRows, visibility: StaticVisibility, read: int
) -> torch.Tensor:
    """All layers over claimed static rows, attention over slots [0, ``read``): hidden states (bucket, hidden)."""
    from kvlsp.model import kernels

    early = may_overlap(lean.device)
    launch = launched(early)

    count, heads, kv_heads, width = rows.bucket, lean.heads, lean.kv_heads, lean.width
    table = lean.exact.tables[lean.rotation]
    positions, slots = rows.positions, rows.slots
    x = lean.embed(rows.ids)
    hidden = x.shape[1]
    normed, queries = torch.empty_like(x), x.new_empty((count, heads, width))
    block = kernels.power_of_two(hidden)
    delta = x
    for number, layer in enumerate(lean.weights):
        storage = document.rows[number]
        assert storage is not None
        kernels.add_and_norm[(count,)](
            x, delta, layer.attention_norm, normed, lean.residual, lean.epsilon, hidden, ADDS=number > 0, BLOCK=block,
            **launch,
        )  # fmt: skip
        fused = linear(normed, layer.queries_keys_values, layer.queries_keys_values_bias)
        norms = layer.head_norms
        kernels.store_rows[(count, heads + 2 * kv_heads)](
            fused, fused if norms is None else norms, table.cosine, table.sine, positions, slots, queries, storage,
            storage.stride(0), lean.epsilon, HEADS=heads, KV_HEADS=kv_heads, WIDTH=width, NORMS=norms is not None,
            **launch,
        )  # fmt: skip
        mixed = attend_stored(queries, storage, visibility.mask(layer.window), read, layer.scale, kv_heads, early)
        delta = linear(mixed.view(count, heads * width), layer.output, layer.output_bias)
        kernels.add_and_norm[(count,)](
            x, delta, layer.feed_forward_norm, normed, lean.residual, lean.epsilon, hidden, ADDS=True, BLOCK=block,
            **launch,
        )  # fmt: skip
        both = linear(normed, layer.gate_up, layer.gate_up_bias)
        inner = both.shape[1] // 2
        act = both.new_empty((count, inner))
        kernels.gated[(count, -(-inner // 1024))](both, act, inner, BLOCK=1024, **launch)
        delta = linear(act, layer.down, layer.down_bias)
    return torch.add(x, delta, alpha=lean.residual)


def attend_stored(
    queries: torch.Tensor, storage: torch.Tensor, mask: torch.Tensor, read: int, scale: float, kv_heads: int,
    early: bool = False,
) -> torch.Tensor:
    """Queries (rows, heads, width) over slots [0, ``read``) of a layer's storage: (rows, heads, width).

    ``mask`` is additive (rows, ``read``), contiguous. Slots are read in parts side by side (flash decoding).
    ``early``: the kernels may be launched before those ahead are done.
    """
    from kvlsp.model import kernels

    count, heads, width = queries.shape
    folded = count * (heads // kv_heads)
    rows_block = 16 if folded <= 16 else 32 if folded <= 32 else 64
    row_blocks = -(-folded // rows_block)
    least = 2 if row_blocks == 1 else 4  # blocks of a part: putting many parts of many rows together takes longer
    parts = max(1, min(MOST_PARTS, -(-PROGRAMS // (kv_heads * row_blocks)), -(-read // (least * SLOTS_BLOCK))))
    part = -(-read // (parts * SLOTS_BLOCK)) * SLOTS_BLOCK
    parts = -(-read // part)
    sums = torch.empty((kv_heads, parts, folded, width), dtype=torch.float32, device=queries.device)
    stats = torch.empty((kv_heads, parts, 2, folded), dtype=torch.float32, device=queries.device)
    out = torch.empty_like(queries)
    launch = launched(early)
    kernels.attend_part[(kv_heads, parts, row_blocks)](
        queries, storage, mask, sums, stats, read, part, scale, storage.stride(0), folded,
        HEADS=heads, KV_HEADS=kv_heads, WIDTH=width, ROWS_BLOCK=rows_block, SLOTS_BLOCK=SLOTS_BLOCK,
        **launch,
    )  # fmt: skip
    kernels.attend_whole[(kv_heads, folded)](
        sums, stats, out, folded, parts, HEADS=heads, KV_HEADS=kv_heads, WIDTH=width,
        PARTS=kernels.power_of_two(parts), **launch,
    )  # fmt: skip
    return out


def attend_many(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, scale: float
) -> torch.Tensor:
    """Like :func:`~kvlsp.model.attention.attend` over the keys of a layer's storage, for any number of rows."""
    assert mask is not None
    rows = queries.transpose(0, 1).contiguous()
    return attend_stored(rows, keys, mask.contiguous(), keys.shape[1], scale, keys.shape[0]).transpose(0, 1)


def fused_move(document: DeviceKeyValues, slots: torch.Tensor, positions: torch.Tensor, table: AngleTable) -> None:
    """Rotate the keys in ``slots`` to ``positions`` (both int64 (n), on the device), every layer, in one kernel."""
    from kvlsp.model import kernels

    layers, parts, _, width = document.whole.shape
    count, block = slots.shape[0], 16
    kernels.rotate_moved[(-(-count // block), layers * (parts // 3))](
        document.whole, slots, positions, table.cosine, table.sine, count, document.whole.stride(0),
        document.whole.stride(1), KV_HEADS=parts // 3, WIDTH=width, BLOCK=block,
    )  # fmt: skip
