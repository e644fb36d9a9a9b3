"""Which models llama.cpp runs and kvlsp cannot: those whose cache cannot be edited, and what a probe finds of one."""

from __future__ import annotations

import torch

from kvlsp.errors import UnsupportedModel
from kvlsp.gguf.api import LlamaModel
from kvlsp.gguf.cells import DOCUMENT_SEQUENCE
from kvlsp.gguf.decoder import LlamaDecoder
from kvlsp.model.agreement import FIRST, ROWS, difference, rows_to_try
from kvlsp.model.rows import EVERY, LAST, NONE, RowBatch

TOLERANCE = 0.05
"""Largest difference, relative to the largest logit, that counts as the same: weights of four bits are multiplied in
other orders for other numbers of rows."""
_CHOOSE = "Choose another model."


def refuse(model: LlamaModel, name: str) -> None:
    """Raise :class:`UnsupportedModel` where the architecture alone says it."""
    api, handle = model.api, model.handle
    if api.llama_model_is_recurrent(handle) or api.llama_model_is_hybrid(handle):
        raise UnsupportedModel(
            f"{name} has recurrent layers: their state mixes all that was read, and no part of it can be edited. "
            f"{_CHOOSE}"
        )
    if api.llama_model_has_encoder(handle) or not api.llama_model_has_decoder(handle):
        raise UnsupportedModel(f"{name} is not a model that continues a text (it has an encoder). {_CHOOSE}")
    if api.llama_model_is_diffusion(handle):
        raise UnsupportedModel(f"{name} does not write from left to right (diffusion). {_CHOOSE}")
    if api.llama_model_n_swa(handle):
        raise UnsupportedModel(
            f"Layers of {name} see a window of {api.llama_model_n_swa(handle):,} tokens only, and llama.cpp gives up "
            "rows outside of it that an edit may bring back. Name the same model as a folder with safetensors, or "
            "choose another."
        )


def probe(decoder: LlamaDecoder) -> None:
    """Raise :class:`UnsupportedModel` where moved rows are not what they would be where they go, or rows put between
    others give other logits than rows read in a row."""
    name = decoder.name
    ids, places = rows_to_try(decoder.vocabulary_size, torch.device("cpu")), torch.arange(ROWS)
    straight = decoder.allocate(ROWS + 1)
    still = UnsupportedModel(
        f"llama.cpp cannot move rows of {name} to other positions (it has positions in several dimensions, or a "
        f"rotation of its own). {_CHOOSE}"
    )
    if not straight.cells.can_shift:
        raise still
    expected = decoder.forward(straight, RowBatch(ids, places, places, EVERY))
    if not bool(torch.isfinite(expected).all()):
        raise UnsupportedModel(f"{name} computes values that are not numbers. Fetch it again or choose another model.")
    moved = decoder.allocate(ROWS + 1)
    one, there, here = ids[:1], places[FIRST : FIRST + 1], places[:1]
    decoder.forward(moved, RowBatch(one, here, here, NONE))
    decoder.move(moved, here, there)
    if moved.cells.last(DOCUMENT_SEQUENCE) != FIRST:
        raise still
    after = RowBatch(ids[1:2], there + 1, here + 1, LAST)
    found = decoder.forward(moved, after)
    moved.clear()
    decoder.forward(moved, RowBatch(one, there, here, NONE))
    _compare(found, decoder.forward(moved, after), f"A row of {name} that was moved")
    between = decoder.allocate(ROWS + 1)
    outside = torch.cat([places[:4], places[FIRST:]])
    for some in (places[:4], places[FIRST:], places[4:FIRST], places[FIRST:]):
        decoder.forward(between, RowBatch(ids[some], some, some, NONE))
    again = decoder.forward(between, RowBatch(ids[ROWS - 1 :], places[ROWS - 1 :], places[ROWS - 1 :], LAST))
    _compare(again, expected[-1:], f"{name} with rows put between {len(outside)} others")


def _compare(found: torch.Tensor, expected: torch.Tensor, what: str) -> None:
    apart = difference(found, expected)
    if not apart <= TOLERANCE:
        raise UnsupportedModel(
            f"{what} gives other logits than it should ({apart:.1e} of the largest apart): its cache cannot be edited "
            f"through llama.cpp. {_CHOOSE}"
        )
