"""How long forwards take on this machine: two models are loaded as any other is, and timed.

The default model is small: most of its time goes by layers. The other one is made up for this, with layers as wide as
those of a model of 0.5 billion parameters; its weights say nothing, and take as long to read as any.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch

from kvlsp import default_model
from kvlsp.catalogue.fitting import Cost, Machine
from kvlsp.model.clock import finish
from kvlsp.model.contents import parameters
from kvlsp.model.decoder import Decoder
from kvlsp.model.loading import load
from kvlsp.model.memory import free_memory
from kvlsp.model.rows import LAST, RowBatch

READ: Final = 2000
"""Rows that are resident while forwards are timed."""
EDIT: Final = 12
"""Rows that a key encodes: tokens that change by it, and those right behind."""
SHAPE: Final = {
    "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 3, "num_attention_heads": 14,
    "num_key_value_heads": 2, "vocab_size": 16384,
}  # fmt: skip
"""The configuration of the made-up model."""

_REPEATS = 12


def probe(
    device: str = "auto", shape: dict[str, int] = SHAPE, clock: Callable[[], float] = time.perf_counter
) -> Machine:
    """Load both and time them. Takes some seconds. Raises :class:`kvlsp.errors.KvlspError` where a model cannot be
    loaded on ``device``."""
    free = None
    with tempfile.TemporaryDirectory(prefix="kvlsp-") as folder:
        _make_up(Path(folder), shape)
        timed = []
        for place in (default_model.folder(), Path(folder)):
            loaded = load(place, device)
            where = loaded.decoder.device
            free = free_memory(where) if free is None else free
            size = parameters(place), loaded.decoder.layers
            timed.append([(*size, _seconds(loaded.decoder, rows, clock)) for rows in (1, EDIT)])
            del loaded
    token, key = (Cost.of(small, large) for small, large in zip(*timed, strict=True))
    return Machine(where.type, free or 0, torch.get_num_threads(), token, key)


def _make_up(folder: Path, shape: dict[str, int]) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    config: Any = LlamaConfig(
        **shape,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        torch_dtype="bfloat16",
        pad_token_id=None,
        bos_token_id=None,
        eos_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)


def _seconds(decoder: Decoder, count: int, clock: Callable[[], float]) -> float:
    """A forward of ``count`` rows, the best of a few: whatever else runs here makes it longer, never shorter."""
    resident = min(READ, decoder.context_length)
    document = decoder.occupied(resident)
    rows = torch.arange(resident - count, resident, device=decoder.device)
    batch, took = RowBatch(torch.ones_like(rows), rows, rows, LAST), []
    for _ in range(_REPEATS + 1):
        finish(decoder.device)
        began = clock()
        decoder.forward(document, batch)
        finish(decoder.device)
        took.append(clock() - began)
    return min(took)
