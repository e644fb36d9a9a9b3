"""Which precision that rounds nothing is the quickest on this processor, measured over a twin of the model.

The twin has the model's own widths, two layers, as much of the vocabulary as belongs to two layers, and random weights.
It goes through the very code that the model will go through, so products, attention and packing all count. What counts
is what somebody waits for: an edit with its repair and the tokens of a suggestion, over some thousand resident rows.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable
from typing import Any

import torch

from kvlsp.model.decoder import Decoder
from kvlsp.model.rows import LAST, RowBatch

logger = logging.getLogger(__name__)

CANDIDATES = (torch.bfloat16, torch.float32)
BETTER = 0.95
"""float32 must take so much of bfloat16's time at most: its cache takes twice the memory."""
LARGEST = 256 << 20
"""Numbers of a twin at most: 1 GiB in float32, for a moment. Larger models are not measured."""
RESIDENT = 2048
EDIT, TOKENS = 24, 12
TRIES = 4


def costs(config: Any, clock: Callable[[], float] = time.perf_counter) -> dict[str, float]:
    """Milliseconds of an edit and a suggestion in two layers, by precision; empty where that cannot be measured.

    ``config`` is that of a text model (transformers). Takes a second or two for half a billion parameters.
    """
    found = {}
    for dtype in CANDIDATES:
        try:
            decoder = _twin(config, dtype)
            if decoder is None:
                return {}
            found[str(dtype).removeprefix("torch.")] = round(1e3 * _cost(decoder, clock), 3)
        except Exception as error:  # architectures fail in many ways over fewer layers than they have
            logger.info("Which precision is quickest was not measured: %s", error)
            return {}
    return found


def choose(measured: dict[str, float]) -> torch.dtype | None:
    """The quicker one; None where nothing is known."""
    wide, narrow = measured.get("float32"), measured.get("bfloat16")
    if not wide or not narrow:
        return None
    return torch.float32 if wide <= BETTER * narrow else torch.bfloat16


def _twin(config: Any, dtype: torch.dtype) -> Decoder | None:
    """A decoder like the model's, but small; None where two layers and one are too many numbers."""
    from transformers import AutoModelForCausalLM  # whose import takes a second

    from kvlsp.model.lean_taken import quickest
    from kvlsp.model.transformers_decoder import TransformersDecoder

    for layers in (2, 1):
        small = copy.deepcopy(config)
        small.vocab_size = max(256, config.vocab_size * layers // config.num_hidden_layers)
        small.num_hidden_layers = layers
        for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
            setattr(small, name, None)
        if getattr(small, "layer_types", None):
            small.layer_types = small.layer_types[:layers]
        with torch.device("meta"):
            size = sum(one.numel() for one in AutoModelForCausalLM.from_config(small).parameters())
        if size <= LARGEST:
            break
    else:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(small, dtype=torch.bfloat16)  # such numbers as checkpoints hold
    model = model.to(dtype).requires_grad_(False)
    return quickest(TransformersDecoder(model, "a twin", min(4096, 2 * RESIDENT)))


def _cost(decoder: Decoder, clock: Callable[[], float]) -> float:
    """Seconds of an edit's forward and of a suggestion's tokens."""
    document = decoder.occupied(RESIDENT + EDIT)
    places = torch.arange(RESIDENT + EDIT)

    def once(count: int) -> float:
        rows = places[-count:]
        began = clock()
        decoder.forward(document, RowBatch(torch.ones_like(rows), rows, rows, LAST))
        return clock() - began

    took = [(once(EDIT), once(1)) for _ in range(1 + TRIES)][1:]  # the first compiles
    return min(edit for edit, _ in took) + TOKENS * min(token for _, token in took)
