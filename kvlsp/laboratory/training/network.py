"""The network that is trained: a Llama written out, so that it compiles well and its loss needs no logits
tensor.

Numerically the same model as transformers' LlamaForCausalLM (a test compares logits); `export.py` maps the
names.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kvlsp.laboratory.training.presets import Shape
from kvlsp.model.memory import precision_for


def rotary_table(length: int, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines, float32, each (length, head_dim)."""
    inverse = theta ** -(torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * inverse
    angles = torch.cat([angles, angles], -1)
    return angles.cos().float(), angles.sin().float()


def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    left, right = x.chunk(2, -1)
    return x * cosine + torch.cat([-right, left], -1) * sine


def causal_attention(query: Tensor, key: Tensor, value: Tensor, unseen: Tensor | None = None) -> Tensor:
    """Softmax attention of (rows, heads, length, head_dim) in blocks of queries; ``unseen`` (rows, length, length) are
    keys, last axis, that a query does not see though they stand before it.

    For a CPU: compiled, this is 2.4 times as fast as the fused kernel, forward and backward together.
    """
    length = query.shape[2]
    size = max(128, length // 8)
    scale = query.shape[-1] ** -0.5
    later = torch.full((size, size), -1e4, dtype=query.dtype).triu(1)
    mixed = []
    for start in range(0, length, size):
        end = min(length, start + size)
        scores = (query[:, :, start:end] @ key[:, :, :end].transpose(-1, -2)) * scale
        scores = scores + functional.pad(later[: end - start, : end - start], (start, 0))
        if unseen is not None:
            scores = scores.masked_fill(unseen[:, None, start:end, :end], -1e4)
        mixed.append(torch.softmax(scores, -1) @ value[:, :, :end])
    return torch.cat(mixed, 2)


def fused_attention(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None = None) -> Tensor:
    """The same for other devices; ``seen`` (rows, 1, length, length) is what :func:`seen_keys` makes of ``unseen``."""
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=seen, is_causal=seen is None)


def seen_keys(unseen: Tensor) -> Tensor:
    """Which keys each query sees, (rows, 1, length, length), of ``unseen`` as in :func:`causal_attention`."""
    length = unseen.shape[-1]
    return torch.ones(length, length, dtype=torch.bool, device=unseen.device).tril() & ~unseen[:, None]


class Block(nn.Module):
    """One decoder layer on (rows, length, width)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width, dim = shape.width, shape.head_dim
        self.attention_norm = nn.RMSNorm(width, eps=1e-5)
        self.query = nn.Linear(width, shape.heads * dim, bias=False)
        self.key = nn.Linear(width, shape.key_value_heads * dim, bias=False)
        self.value = nn.Linear(width, shape.key_value_heads * dim, bias=False)
        self.output = nn.Linear(shape.heads * dim, width, bias=False)
        self.feed_norm = nn.RMSNorm(width, eps=1e-5)
        self.gate = nn.Linear(width, shape.feed_forward, bias=False)
        self.up = nn.Linear(width, shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, width, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor | None) -> Tensor:
        rows, length, _ = x.shape
        shape = self.shape
        h = self.attention_norm(x)
        query = self.query(h).view(rows, length, shape.heads, shape.head_dim).transpose(1, 2)
        key = self.key(h).view(rows, length, shape.key_value_heads, shape.head_dim).transpose(1, 2)
        value = self.value(h).view(rows, length, shape.key_value_heads, shape.head_dim).transpose(1, 2)
        query, key = _rotate(query, cosine, sine), _rotate(key, cosine, sine)
        group = shape.heads // shape.key_value_heads
        key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
        attention = causal_attention if x.device.type == "cpu" else fused_attention
        mixed = attention(query, key, value, mask)
        x = x + self.output(mixed.transpose(1, 2).reshape(rows, length, -1))
        h = self.feed_norm(x)
        return x + self.down(functional.silu(self.gate(h)) * self.up(h))


class Network(nn.Module):
    """Token ids (rows, length) to final hidden states (rows, length, width); the embedding is the output head
    too. ``unseen`` as in :func:`causal_attention`.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        blocks = [Block(shape) for _ in range(shape.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.RMSNorm(shape.width, eps=1e-5)
        cosine, sine = rotary_table(shape.positions, shape.head_dim, shape.theta)
        self.cosine: Tensor
        self.sine: Tensor
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        for block in blocks:
            for matrix in (block.output.weight, block.down.weight):
                nn.init.normal_(matrix, std=0.02 / math.sqrt(2 * shape.layers))

    def forward(self, ids: Tensor, unseen: Tensor | None = None) -> Tensor:
        x = self.embedding(ids)
        if torch.is_autocast_enabled(ids.device.type):
            x = x.to(torch.bfloat16)
        cosine, sine = self.cosine[: ids.shape[1]].to(x.dtype), self.sine[: ids.shape[1]].to(x.dtype)
        # one mask for all layers: of rows of 8,192 tokens it is a gigabyte
        mask = unseen if unseen is None or ids.device.type == "cpu" else seen_keys(unseen)
        for block in self.blocks:
            x = block(x, cosine, sine, mask)
        return self.norm(x)

    def compile_blocks(self) -> None:
        """Compile one block; the others reuse its code, and each new length compiles once."""
        for block in self.blocks:
            block.compile(dynamic=False)

    def logits(self, ids: Tensor) -> Tensor:
        """(rows, length, vocabulary). For tests and samples: training uses `weighted_loss`."""
        return functional.linear(self(ids), self.embedding.weight)


def _softmax_loss(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy (tokens,) and the gradient of its weighted sum by the logits (tokens, vocabulary)."""
    wide = logits.float()
    log_sum = wide.logsumexp(-1, keepdim=True)
    loss = (log_sum - wide.gather(1, targets))[:, 0]
    hit = torch.arange(logits.shape[1], device=logits.device) == targets
    gradient = ((wide - log_sum).exp() - hit.float()) * weights
    return loss, gradient.to(logits.dtype)


_compiled_softmax_loss = torch.compile(_softmax_loss, dynamic=False)


class _ChunkedLoss(torch.autograd.Function):
    """Sum of weight * cross-entropy, the gradient computed in the forward pass chunk by chunk.

    The logits of all tokens (hundreds of MB) never exist at once, and a chunk's stay in the processor's
    cache.
    """

    @staticmethod
    def forward(
        context: Any,
        hidden: Tensor,
        head: Tensor,
        targets: Tensor,
        weights: Tensor,
        chunk: int,
        compiled: bool,
    ) -> tuple[Tensor, Tensor]:
        kind = hidden.dtype
        softmax_loss = _compiled_softmax_loss if len(targets) % chunk == 0 and compiled else _softmax_loss
        matrix = head.to(kind)
        hidden_gradient = torch.empty_like(hidden)
        head_gradient = torch.zeros_like(head)
        losses = torch.empty_like(weights)
        for start in range(0, len(targets), chunk):
            part = slice(start, start + chunk)
            logits = hidden[part] @ matrix.T
            losses[part], gradient = softmax_loss(logits, targets[part, None], weights[part, None])
            hidden_gradient[part] = gradient @ matrix
            head_gradient += gradient.T @ hidden[part]
        context.save_for_backward(hidden_gradient, head_gradient)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        hidden_gradient, head_gradient = context.saved_tensors
        factor = gradients[0]
        return (
            hidden_gradient * factor.to(hidden_gradient.dtype),
            head_gradient * factor,
            None,
            None,
            None,
            None,
        )


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 matrix products where the device makes them quickly; older processors take 30 times as long."""
    quick = device.type in ("cpu", "cuda") and precision_for(device) == torch.bfloat16
    return torch.autocast(device.type, dtype=torch.bfloat16) if quick else nullcontext()


def weighted_loss(
    hidden: Tensor, head: Tensor, targets: Tensor, weights: Tensor, chunk: int = 0, compiled: bool = False
) -> tuple[Tensor, Tensor]:
    """Loss to differentiate, sum(weights * cross-entropy), and the cross-entropy of each token without
    gradient.

    Shapes: hidden (tokens, width), head (vocabulary, width), targets and weights (tokens,). `chunk` tokens
    are scored at a time; 0 chooses what suits the device.
    """
    chunk = chunk or (512 if hidden.device.type == "cpu" else 8192)
    total, losses = _ChunkedLoss.apply(hidden, head, targets, weights, chunk, compiled)
    return total, losses.detach()
