"""Checks at load that a decoder gives the logits it should: a dozen rows, scattered over slots, in two
forwards.

The generic decoder is held against transformers' own forward, the lean one against the generic. What the
one-token probe cannot see (an attention that treats several tokens in a way of its own) shows here. Callers
refuse the model, or fall back.
"""

from __future__ import annotations

from typing import Any

import torch

from kvlsp.errors import ModelBroken, UnsupportedModel
from kvlsp.model.decoder import Decoder
from kvlsp.model.rows import EVERY, RowBatch

ROWS, FIRST = 12, 8  # rows in all, and in the first of two forwards
AT_ONCE = 1 << 20  # weights looked at in one go

# Largest difference, relative to the largest logit, that counts as the same.
TOLERANCE = {torch.float64: 1e-4, torch.float32: 2e-3, torch.bfloat16: 0.1, torch.float16: 3e-2}


def rows_to_try(vocabulary_size: int, device: torch.device) -> torch.Tensor:
    """Token ids, the same for the same vocabulary."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, vocabulary_size, (ROWS,), generator=generator).to(device)


@torch.inference_mode()
def own_logits(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """What the untouched transformers model says, (rows, vocabulary). Raises :class:`UnsupportedModel`."""
    positions = torch.arange(ids.shape[0], device=ids.device)[None]
    try:
        return model(input_ids=ids[None], position_ids=positions, use_cache=False).logits[0]
    except (TypeError, AttributeError) as error:
        raise UnsupportedModel(
            f"This architecture takes no positions or gives no logits ({error}). Choose another model."
        ) from error


def logits_of(decoder: Decoder, ids: torch.Tensor, first: int = FIRST) -> torch.Tensor:
    """What a decoder says of the same rows, in a forward of the ``first`` and another of the rest."""
    generator = torch.Generator().manual_seed(1)
    slots = torch.randperm(2 * ROWS, generator=generator)[:ROWS].to(ids.device)
    positions = torch.arange(ROWS, device=ids.device)
    document = decoder.allocate(2 * ROWS)
    return torch.cat([
        decoder.forward(document, RowBatch(ids[some], positions[some], slots[some], EVERY))
        for some in (slice(0, first), slice(first, ROWS))
    ])  # fmt: skip


def refuse_no_numbers(model: Any, logits: torch.Tensor, name: str) -> None:
    """Raise where a weight is no number, also one that only some token has a part in, or where ``logits`` are none or
    tell nothing."""
    ill = next((path for path, one in model.named_parameters() if not _all_numbers(one)), None)
    if ill is not None:
        raise ModelBroken(
            f"The weights of {name} hold values that are not numbers (NaN or infinite), {ill} for one. Fetch the model "
            "again; if it is as its makers published it, choose another."
        )
    if not bool(logits.any()):
        raise ModelBroken(
            f"{name} says nothing: all that it computes is zero, as with weights that were never written. Fetch the "
            "model again, or choose another."
        )
    if bool(torch.isnan(logits).any()):
        if logits.dtype in (torch.float32, torch.float64):  # nothing is wider
            raise ModelBroken(
                f"{name} computes values that are not numbers: its config.json and its weights do not fit each other. "
                "Fetch the model again, or choose another."
            )
        raise UnsupportedModel(
            f"{name} computes values that are not numbers in {str(logits.dtype).removeprefix('torch.')}, which its "
            "weights do not fit. Set dtype to float32, or to bfloat16."
        )


def _all_numbers(weights: torch.Tensor) -> bool:
    """Whether none of them is NaN or infinite: their sum would be, too."""
    if not any(weights.stride()):  # one number that stands for many
        weights = weights.flatten()[:1]
    kind = torch.promote_types(weights.dtype, torch.float32)
    parts = weights.split(max(1, AT_ONCE * len(weights) // max(1, weights.numel())))  # a wider copy is made of each
    return all(bool(torch.isfinite(part.sum(dtype=kind))) for part in parts)


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference relative to the largest expected number; NaN if there is one."""
    return float((found - expected).abs().max() / expected.abs().max())
