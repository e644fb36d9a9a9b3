"""Rows whose logits nobody wants are keys and values in the last layer, and nothing else; others stay as they are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_layers import take_over
from kvlsp.model.rows import EVERY, LAST, NONE, Branch, RowBatch
from tests.support.decoders import tiny_decoder
from tests.support.reference import ids_of

ROWS = 24
DECODERS = {dtype: take_over(tiny_decoder(2, dtype=dtype)) for dtype in (torch.float64, torch.bfloat16)}


def forward(decoder: LeanDecoder, wanted: Any, count: int, branch: Any = None) -> tuple[torch.Tensor, Any]:
    """Rows behind as many that are resident, in slots in no order."""
    ids, places = ids_of(ROWS + count), torch.arange(ROWS + count)
    slots = torch.randperm(2 * ROWS + count, generator=torch.Generator().manual_seed(count))[: ROWS + count]
    document = decoder.allocate(2 * ROWS + count)
    decoder.forward(document, RowBatch(ids[:ROWS], places[:ROWS], slots[:ROWS], NONE))
    more = {} if branch is None else {"branch": branch}
    rows = RowBatch(ids[ROWS:], places[ROWS:], slots[ROWS:], wanted, **more)
    return decoder.forward(document, rows), document


@given(
    count=st.integers(1, 40), data=st.data(), dtype=st.sampled_from(list(DECODERS)),
    branch=st.sampled_from([None, Branch(0, torch.tensor([3, 7]))]),
)  # fmt: skip
def test_logits_and_rows_do_not_depend_on_what_else_is_wanted(
    count: int, data: st.DataObject, dtype: torch.dtype, branch: Branch | None
) -> None:
    wanted = torch.tensor(data.draw(st.lists(st.integers(0, count - 1), unique=True, max_size=6)), dtype=torch.int64)
    decoder = DECODERS[dtype]
    expected, all_rows = forward(decoder, EVERY, count, branch)
    found, rows = forward(decoder, wanted, count, branch)
    assert found.shape == (len(wanted), decoder.vocabulary_size)
    allowed = 1e-9 if dtype == torch.float64 else 0.05
    if len(wanted):
        assert float((found - expected[wanted]).abs().max() / expected.abs().max()) < allowed
    for layer in range(decoder.layers):
        assert float((rows.rows[layer] - all_rows.rows[layer]).abs().max()) < (1e-9 if allowed < 1e-3 else 0.1)


@pytest.mark.parametrize(("wanted", "left"), [(NONE, []), (LAST, [1, 1, 1]), (EVERY, [16, 16, 16])])
def test_what_nobody_wants_costs_no_feed_forward_in_the_last_layer(wanted: slice, left: list[int]) -> None:
    decoder = take_over(tiny_decoder(2, dtype=torch.float32))
    made: list[int] = []

    def counting(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        made.append(len(rows))
        return torch.nn.functional.linear(rows, weight, bias)

    decoder.multiply_by(counting)
    ids, places = ids_of(16), torch.arange(16)
    decoder.forward(decoder.allocate(16), RowBatch(ids, places, places, wanted))
    layers, logits = made[:-1], made[-1]
    assert layers == [16] * 5 + left
    assert logits == (left[0] if left else 0)
