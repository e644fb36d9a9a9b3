"""Tiny random models behind the production seam."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.nn.functional import rms_norm
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from kvlsp.model.transformers_decoder import TransformersDecoder
from tests.support.byte_tokenizer import VOCABULARY


def tiny_llama(layers: int = 2, seed: int = 0, dtype: torch.dtype = torch.float64, **changes: Any) -> Any:
    """A random Llama: byte vocabulary, hidden 32, 4 heads of 8 over 2 kv heads, context 4096, theta
    10,000."""
    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
        "tie_word_embeddings": True,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": None,
        **changes,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(LlamaConfig(**settings)).to(dtype).eval()
    return exact_norms(model) if dtype == torch.float64 else model


def exact_norms(model: Any) -> Any:
    """Let the norms of a float64 model compute in float64 (transformers computes them in float32)."""
    for module in model.modules():
        if isinstance(module, LlamaRMSNorm):
            module.forward = functools.partial(_norm, module)
    return model


def _norm(module: LlamaRMSNorm, x: torch.Tensor) -> torch.Tensor:
    return rms_norm(x, (x.shape[-1],), module.weight, module.variance_epsilon)


def tiny_decoder(layers: int = 2, seed: int = 0, dtype: torch.dtype = torch.float64) -> TransformersDecoder:
    """The production decoder over :func:`tiny_llama`."""
    model = tiny_llama(layers, seed, dtype)
    return TransformersDecoder(model, f"tiny-{layers}", model.config.max_position_embeddings)
