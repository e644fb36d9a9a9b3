"""A one-token probe that finds out, layer by layer, whether kept keys can be moved by a rotation.

With one token attention returns its value, so hidden states do not depend on the position. The queries and
keys of a layer at two positions, against its un-rotated ones, then tell everything: rotated (by which
frequencies, in which layout, which part of the head), or without positions, or something that a rotation
does not explain. No code per architecture; a model that cannot be explained is refused with a sentence that
says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from kvlsp.errors import UnsupportedModel
from kvlsp.model.geometry import LayerKind
from kvlsp.model.hooks import Call, Unrotated
from kvlsp.model.keyvalues import LayerShape
from kvlsp.model.rotary import Rotation, rotate

TOKEN, NEAR, FAR = 3, 5, 42  # an ordinary token and two small positions
TOLERANCE = {torch.float64: 1e-4, torch.float32: 1e-3, torch.bfloat16: 3e-2, torch.float16: 1e-2}


class _Recorder:
    """Answers attention of a single token with its value, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: dict[int, Call] = {}

    def attend(self, call: Call) -> torch.Tensor:
        self.calls[call.layer] = call
        return call.values.repeat_interleave(call.queries.shape[0] // call.values.shape[0], 0)


@torch.inference_mode()
def probe(model: Any, stand_ins: list[Unrotated], layers: int) -> list[LayerKind]:
    """Classify all layers; leaves the stand-ins un-rotating. Raises :class:`UnsupportedModel`."""

    def run(position: int, rotating: bool) -> dict[int, Call]:
        for one in stand_ins:
            one.rotating = rotating
        recorder = _Recorder()
        device = model.get_input_embeddings().weight.device
        model(
            input_ids=torch.tensor([[TOKEN]], device=device),
            position_ids=torch.tensor([[position]], device=device),
            use_cache=False,
            kvlsp=recorder,
        )
        return recorder.calls

    try:
        near, far, bare = run(NEAR, True), run(FAR, True), run(NEAR, False)
    except (TypeError, RuntimeError, NotImplementedError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnsupportedModel(
            f"This architecture cannot run over a cache of kvlsp's kind: {first} Choose another model."
        ) from error
    missing = [layer for layer in range(layers) if layer not in bare]
    if missing:
        raise UnsupportedModel(
            f"Layer {missing[0]} keeps something other than keys and values of every token (a recurrent "
            "state, a convolution or another attention), which cannot be repaired after an edit. Choose a "
            "model whose layers all are rotary attention."
        )
    candidates = list(_candidates(stand_ins, near[0].queries.shape[-1]))
    tolerance = TOLERANCE.get(near[0].keys.dtype, 1e-3)
    return [_classify(near[i], far[i], bare[i], candidates, tolerance) for i in range(layers)]


def _candidates(stand_ins: list[Unrotated], width: int) -> Iterator[Rotation]:
    """Every frequency table of the model, in both layouts, at the front and at the back of the head."""
    for one in stand_ins:
        for name, buffer in one.real.named_buffers():
            if not name.endswith("inv_freq") or "original" in name or buffer.dim() != 1:
                continue
            scale = getattr(one.real, name.replace("inv_freq", "attention_scaling"), None)
            frequencies = tuple(buffer.cpu().double().tolist())  # an Apple GPU has no float64
            for first in sorted({0, max(width - 2 * len(frequencies), 0)}):
                for interleaved in (False, True):
                    yield Rotation(frequencies, float(scale or 1.0), interleaved, first)


def _classify(near: Call, far: Call, bare: Call, candidates: list[Rotation], tolerance: float) -> LayerKind:
    where = f"Layer {bare.layer}"
    if bare.unknown:
        raise UnsupportedModel(
            f"{where} attends with {', '.join(bare.unknown)}, which kvlsp cannot keep right after an edit. "
            "Choose a model with plain rotary attention."
        )
    if _error(near.values, far.values) > tolerance:
        raise UnsupportedModel(
            f"{where} computes values that depend on the position (learned or absolute positions), so kept "
            "tokens cannot be moved without computing them again. Choose a model with rotary positions."
        )

    def kind(rotation: Rotation | None) -> LayerKind:
        kv_heads, _, key_width = bare.keys.shape
        shape = LayerShape(kv_heads, key_width, bare.values.shape[-1], rotation is not None)
        return LayerKind(rotation, bare.window, shape)

    if max(_error(near.keys, far.keys), _error(near.queries, far.queries)) <= tolerance / 10:
        return kind(None)
    best, error = None, float("inf")
    for rotation in candidates:
        if rotation.first + rotation.width > bare.keys.shape[-1]:
            continue
        found = max(
            _error(_turned(getattr(bare, what), position, rotation), getattr(seen, what))
            for what in ("keys", "queries")
            for position, seen in ((NEAR, near), (FAR, far))
        )
        if found < error:
            best, error = rotation, found
    if best is None or error > tolerance:
        raise UnsupportedModel(
            f"{where} changes its keys with the position in a way that no rotation explains (relative error "
            f"{error:.1e}), so kept tokens cannot be moved. Choose a model with plain rotary positions."
        )
    return kind(best)


def _turned(x: torch.Tensor, position: int, rotation: Rotation) -> torch.Tensor:
    """One row rotated to a position, angles in float64."""
    angles = torch.tensor(rotation.frequencies, dtype=torch.float64) * position
    cosine, sine = angles.cos() * rotation.scale, angles.sin() * rotation.scale
    if rotation.interleaved:
        wide = cosine.repeat_interleave(2)[None], torch.stack((-sine, sine), -1).flatten()[None]
    else:
        wide = torch.cat((cosine, cosine))[None], torch.cat((-sine, sine))[None]
    return rotate(x.cpu().double(), *wide, rotation)


def _error(x: torch.Tensor, y: torch.Tensor) -> float:
    """Largest difference, relative to the largest number."""
    x, y = x.cpu().double(), y.cpu().double()
    return float((x - y).abs().max() / y.abs().max().clamp_min(1e-30))
