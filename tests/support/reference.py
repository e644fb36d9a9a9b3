"""The slow oracle: transformers' own forward over a whole sequence, with an explicit causal mask.

Its rotary angles are computed in float64 here (transformers computes them in float32, which alone is an
error of 1e-5 in the logits), so that a float64 model can be compared to 1e-9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch


def exact_angles(model: Any) -> Any:
    """Make the rotary module of a Llama-like ``model`` compute in float64; returns the model."""
    rotary = model.get_decoder().rotary_emb

    def forward(x: torch.Tensor, position_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        angles = position_ids[..., None].double() * rotary.inv_freq.double()
        angles = torch.cat((angles, angles), -1)
        scale = rotary.attention_scaling
        return (angles.cos() * scale).to(x.dtype), (angles.sin() * scale).to(x.dtype)

    rotary.forward = forward
    return model


@torch.no_grad()
def full_logits(
    model: Any, ids: torch.Tensor, positions: torch.Tensor | None = None, window: int | None = None
) -> torch.Tensor:
    """Logits (rows, vocabulary) of ``ids`` (rows) at increasing ``positions``, everything computed at
    once."""
    model.set_attn_implementation("sdpa")  # eager computes its softmax in float32
    rows = torch.arange(ids.shape[0]) if positions is None else positions
    visible = rows[None, :] <= rows[:, None]
    if window is not None:
        visible &= rows[None, :] > rows[:, None] - window
    mask = torch.zeros(visible.shape, dtype=model.dtype).masked_fill(~visible, torch.finfo(model.dtype).min)
    logits: torch.Tensor = model(
        input_ids=ids[None], position_ids=rows[None], attention_mask=mask[None, None], use_cache=False
    ).logits[0]
    return logits


def ids_of(count: int, seed: int = 0, vocabulary: int = 256) -> torch.Tensor:
    """Random token ids, the same for the same seed."""
    return torch.randint(3, vocabulary, (count,), generator=torch.Generator().manual_seed(seed))


def permuted(count: int, seed: int = 0) -> torch.Tensor:
    """Slots 0 .. count - 1 in a random order."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def live_slots(position: torch.Tensor) -> Sequence[int]:
    """Slots with something in them, by position."""
    order = position.argsort().tolist()
    return [slot for slot in order if int(position[slot]) < 1 << 40]
