"""Models of real size with random weights: the shapes that people run, without their checkpoints.

Sources of the shapes: the ``config.json`` of deepseek-ai/deepseek-coder-1.3b-base and
Qwen/Qwen2.5-Coder-0.5B, -1.5B and -7B. Random weights take the time and the memory of trained ones; what they say is
noise. The context length is set to what a measurement needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from kvlsp.model.lean import LeanDecoder
from kvlsp.model.lean_layers import take_over
from kvlsp.model.transformers_decoder import TransformersDecoder


@dataclass(frozen=True, slots=True)
class Shape:
    """A transformers configuration class and its settings; ``heads * head width = hidden``."""

    config: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    theta: float
    scaling: float = 1.0  # linear
    tied: bool = False

    @property
    def parameters(self) -> int:
        """Numbers in the matrices."""
        kv = self.kv_heads * (self.hidden // self.heads)
        layer = 2 * self.hidden * (self.hidden + kv) + 3 * self.hidden * self.intermediate
        return self.layers * layer + self.vocabulary * self.hidden * (1 if self.tied else 2)


SHAPES = {
    "deepseek-coder-1.3b": Shape("LlamaConfig", 2048, 5504, 24, 16, 16, 32256, 1e5, scaling=4.0),
    "qwen2.5-coder-0.5b": Shape("Qwen2Config", 896, 4864, 24, 14, 2, 151936, 1e6, tied=True),
    "qwen2.5-coder-1.5b": Shape("Qwen2Config", 1536, 8960, 28, 12, 2, 151936, 1e6, tied=True),
    "qwen2.5-coder-7b": Shape("Qwen2Config", 3584, 18944, 28, 28, 4, 152064, 1e6),
}


def tiny(shape: Shape) -> Shape:
    """The same architecture and grouping, small enough for any machine."""
    group = min(shape.heads // shape.kv_heads, 4)
    kv_heads = min(2, shape.kv_heads)
    heads = kv_heads * group
    return Shape(shape.config, 16 * heads, 48 * heads, 2, heads, kv_heads, 503, shape.theta, shape.scaling, shape.tied)


def narrow(shape: Shape, layers: int = 2, vocabulary: int = 4096) -> Shape:
    """The same widths with few layers and tokens: to be compared with a CPU."""
    return Shape(shape.config, shape.hidden, shape.intermediate, min(layers, shape.layers), shape.heads,
                 shape.kv_heads, min(vocabulary, shape.vocabulary), shape.theta, shape.scaling, shape.tied)


def random_model(shape: Shape, context: int, device: torch.device, dtype: torch.dtype, seed: int = 0,
                 attention: str = "eager") -> Any:
    """A transformers model, weights drawn on the device in ``dtype``; the same for the same arguments."""
    import transformers

    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": shape.theta}
    if shape.scaling != 1.0:
        rope = {**rope, "rope_type": "linear", "factor": shape.scaling}
    config = getattr(transformers, shape.config)(
        hidden_size=shape.hidden, intermediate_size=shape.intermediate, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads, vocab_size=shape.vocabulary,
        max_position_embeddings=context, rope_parameters=rope, tie_word_embeddings=shape.tied,
        bos_token_id=None, eos_token_id=0, pad_token_id=None,
    )  # fmt: skip
    here = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=here), torch.device(device):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=attention)
    return model.requires_grad_(False)


def lean_decoder(model: Any, name: str) -> LeanDecoder:
    """kvlsp's fast decoder over a model, which it takes over."""
    return take_over(TransformersDecoder(model, name, int(model.config.max_position_embeddings)))
