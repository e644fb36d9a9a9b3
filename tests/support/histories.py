"""Rows put in, taken out and moved, at random: what any decoder must answer like a full prefill."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from hypothesis import strategies as st

from kvlsp.model.decoder import Decoder
from kvlsp.model.rows import EVERY, NONE, RowBatch
from tests.support.reference import ids_of, permuted

HISTORIES = st.lists(
    st.tuples(st.sampled_from(["insert", "delete", "move"]), st.floats(0, 1), st.integers(1, 6)), max_size=12
)
"""(what, where as a share of the rows, how many)."""


def after(history: Iterable[tuple[str, float, int]], decoder: Decoder) -> tuple[torch.Tensor, torch.Tensor]:
    """The ids by position after ``history``, int64 [rows], and the logits of the last row, [1, vocabulary]."""
    document = decoder.allocate(256)
    resident: list[tuple[int, int]] = []  # (id, slot) in order of position
    free, seed = list(permuted(256).tolist()), 0

    def insert(at: int, count: int) -> None:
        nonlocal seed
        seed += 1
        fresh = [(int(one), free.pop()) for one in ids_of(count, seed)]
        resident[at:at] = fresh
        replace()
        rows = torch.arange(at, at + count)
        row_ids, slots = torch.tensor(fresh).T
        decoder.forward(document, RowBatch(row_ids, rows, slots, NONE))

    def replace() -> None:
        live = [(place, slot) for place, (_, slot) in enumerate(resident) if document.owner[slot] == 0]
        if live:
            places, slots = zip(*live, strict=True)
            decoder.move(document, torch.tensor(slots), torch.tensor(places))

    insert(0, 20)
    for what, where, count in history:
        at = int(where * len(resident))
        if what == "insert":
            insert(at, count)
            continue
        taken = resident[at : at + count]
        del resident[at : at + count]
        if what == "delete" and taken and resident:
            document.release(torch.tensor([slot for _, slot in taken]))
            free.extend(slot for _, slot in taken)
        else:
            resident[:0] = taken
        replace()
    ids = torch.tensor([one for one, _ in resident])
    last = torch.tensor([resident[-1][1]])
    found = decoder.forward(document, RowBatch(ids[-1:], torch.tensor([len(ids) - 1]), last, EVERY))
    return ids, found
