"""Reading the weights of a Llama-shaped model for the lean decoder, and telling that shape from others.

A shape is recognised by its parameters, not by its name. Matrices that multiply the same rows are fused to
one; the transformers modules then look into the fused one, so that nothing is in memory twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from kvlsp.model.geometry import Geometry
from kvlsp.model.half import HalfWeight
from kvlsp.model.int4 import Int4Weight
from kvlsp.model.int8 import Int8Weight
from kvlsp.model.packed_int8 import PackedInt8
from kvlsp.model.rotary import Rotation

PROJECTIONS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
FEED_FORWARD = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
NORMS = ("input_layernorm", "post_attention_layernorm")
MATRICES = {"queries_keys_values": PROJECTIONS[:3], "output": PROJECTIONS[3:], "gate_up": FEED_FORWARD[:2],
            "down": FEED_FORWARD[2:]}  # fmt: skip
"""The matrices of a :class:`LeanLayer`, and which of a layer's are below one another in each."""
HEAD_NORMS = ("self_attn.q_norm", "self_attn.k_norm")

Weight: TypeAlias = "torch.Tensor | HalfWeight | Int8Weight | PackedInt8 | Int4Weight"
Table: TypeAlias = "torch.Tensor | Int8Weight"
"""An embedding: its rows are read by id."""


class NotLean(Exception):
    """Why a model is not of the lean decoder's shape; never leaves the lean decoder."""


@dataclass(slots=True)
class LeanLayer:
    """Weights of one layer, matrices as (out, in)."""

    attention_norm: torch.Tensor
    queries_keys_values: Weight
    queries_keys_values_bias: torch.Tensor | None
    head_norms: torch.Tensor | None  # (heads + kv_heads, head_dim)
    output: Weight
    output_bias: torch.Tensor | None
    feed_forward_norm: torch.Tensor
    gate_up: Weight
    gate_up_bias: torch.Tensor | None
    down: Weight
    down_bias: torch.Tensor | None
    scale: float
    window: int | None


@dataclass(frozen=True, slots=True)
class LeanParts:
    """All that a lean decoder computes with: numbers, tables (vocabulary, hidden), the last norm, and the layers.
    ``head`` is ``embedding`` itself where the two are tied."""

    heads: int
    epsilon: float
    residual: float
    embedding_scale: float
    logits_scale: float
    embedding: Table
    head: Weight
    norm: torch.Tensor
    layers: list[LeanLayer]


def one_rotation(exact: Geometry) -> Rotation:
    """The rotation that all layers share, over whole heads in the half layout."""
    rotations = {kind.rotation for kind in exact.kinds}
    rotation = next(iter(rotations))
    shapes = set(exact.shapes)
    if len(rotations) > 1 or rotation is None or len(shapes) > 1:
        raise NotLean("its layers differ in their positions or widths")
    if rotation.interleaved or rotation.width != exact.shapes[0].key_width:
        raise NotLean("it rotates a part of its heads or interleaved pairs")
    if exact.shapes[0].value_width != exact.shapes[0].key_width:
        raise NotLean("its keys and values differ in width")
    return rotation


def read_norm(parent: Any, path: str) -> tuple[torch.Tensor, float]:
    module = parent.get_submodule(path)
    if not hasattr(module, "variance_epsilon") or not type(module).__name__.endswith("RMSNorm"):
        raise NotLean(f"its {path} is not a root-mean-square norm")
    return module.weight.detach(), float(module.variance_epsilon)


def read_layer(layer: Any, window: int | None, width: int) -> LeanLayer:
    """Read one layer; fuse what is multiplied with the same rows."""
    parameters = {name.rsplit(".", 1)[0] for name, _ in layer.named_parameters()}
    expected = {*PROJECTIONS, *FEED_FORWARD, *NORMS}
    if parameters not in (expected, expected | set(HEAD_NORMS)):
        different = ", ".join(sorted(parameters ^ expected)[:3])
        raise NotLean(f"its layers are built otherwise ({different})")
    projections = [layer.get_submodule(path) for path in (*PROJECTIONS, *FEED_FORWARD)]
    if not all(type(one) is torch.nn.Linear for one in projections):
        raise NotLean("its projections are not plain matrices")
    query, key, value, output, gate, up, down = projections
    head_norms = None
    if set(HEAD_NORMS) <= parameters:
        weights = [read_norm(layer, path)[0] for path in HEAD_NORMS]
        if any(weight.shape != (width,) for weight in weights):
            raise NotLean("it norms queries and keys over all heads at once")
        counts = (query.weight.shape[0] // width, key.weight.shape[0] // width)
        head_norms = torch.cat([one.expand(count, width) for one, count in zip(weights, counts, strict=True)])
    fused, fused_bias = _fuse(query, key, value)
    gate_up, gate_up_bias = _fuse(gate, up)
    return LeanLayer(
        read_norm(layer, NORMS[0])[0], fused, fused_bias, head_norms, output.weight.detach(), _bias(output),
        read_norm(layer, NORMS[1])[0], gate_up, gate_up_bias, down.weight.detach(), _bias(down),
        float(layer.self_attn.scaling), window,
    )  # fmt: skip


def let_go(layer: Any) -> None:
    """Let the modules of a layer give up their weights; what was read of them stays."""
    for parameter in layer.parameters():
        parameter.data = parameter.data.new_empty(0)


def convert(layer: LeanLayer, to: Callable[[Any], Weight], known: dict[str, Weight] | None = None) -> None:
    """Hold the matrices of a layer as ``to`` makes them, one after the other, but those that are ``known`` already."""
    for name in MATRICES:
        made = (known or {}).pop(name, None)
        setattr(layer, name, to(getattr(layer, name)) if made is None else made)


def _bias(module: Any) -> torch.Tensor | None:
    return None if module.bias is None else module.bias.detach()


def _fuse(*modules: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """One matrix for several; the modules keep views of it."""
    with torch.inference_mode(False), torch.no_grad():
        weight = torch.cat([one.weight.detach() for one in modules])
        bias = None
        if any(one.bias is not None for one in modules):
            parts = [
                one.weight.new_zeros(one.weight.shape[0]) if one.bias is None else one.bias.detach() for one in modules
            ]
            bias = torch.cat(parts)
        start = 0
        for one in modules:
            end = start + one.weight.shape[0]
            one.weight.data = weight[start:end]
            if one.bias is not None and bias is not None:
                one.bias.data = bias[start:end]
            start = end
    return weight, bias
