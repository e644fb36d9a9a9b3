"""Tiny random checkpoints of the architectures that people use, by family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf

COMMON: dict[str, Any] = {
    "vocab_size": 263, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 4096, "bos_token_id": None, "eos_token_id": 0,
    "pad_token_id": None, "initializer_range": 0.3,
}  # fmt: skip


def rope(theta: float = 10_000.0, kind: str = "default", **more: Any) -> dict[str, Any]:
    return {"rope_type": kind, "rope_theta": theta, **more}


def _make(config: str, **settings: Any) -> Callable[..., Any]:
    def configure(layers: int, **changes: Any) -> Any:
        named = {**COMMON, "num_hidden_layers": layers, **settings, **changes}
        named = {key: value(layers) if callable(value) else value for key, value in named.items()}
        return getattr(hf, config)(**{key: value for key, value in named.items() if value is not ...})

    return configure


def _alternate(*kinds: str) -> Callable[[int], list[str]]:
    return lambda layers: [kinds[number % len(kinds)] for number in range(layers)]


YARN = rope(kind="yarn", factor=4.0, original_max_position_embeddings=1024)
LLAMA3 = rope(5e5, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=1024)  # fmt: skip
LONGROPE = rope(kind="longrope", short_factor=[1.0, 1.1, 1.2, 1.3], long_factor=[2.0, 3.0, 4.0, 5.0],
                factor=4.0, original_max_position_embeddings=1024)  # fmt: skip

SUPPORTED: dict[str, Callable[..., Any]] = {
    "llama": _make("LlamaConfig"),
    "codellama (theta 1e6)": _make("LlamaConfig", rope_parameters=rope(1e6)),
    "deepseek-coder (linear scaling)": _make("LlamaConfig", rope_parameters=rope(1e5, "linear", factor=4.0)),
    "yi-coder (theta 1e7)": _make("LlamaConfig", rope_parameters=rope(1e7)),
    "llama3 scaling": _make("LlamaConfig", rope_parameters=LLAMA3),
    "qwen2.5-coder": _make("Qwen2Config", rope_parameters=rope(1e6)),
    "qwen2.5-coder (yarn)": _make("Qwen2Config", rope_parameters=YARN),
    "qwen3": _make("Qwen3Config", head_dim=16),
    "qwen3-coder (experts)": _make(
        "Qwen3MoeConfig", head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16
    ),
    "deepseek-coder-v2-lite": _make(
        "DeepseekV2Config", num_key_value_heads=4, q_lora_rank=None, kv_lora_rank=16, qk_nope_head_dim=8,
        qk_rope_head_dim=8, v_head_dim=12, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2,
        moe_intermediate_size=16, first_k_dense_replace=1, n_group=1, topk_group=1, rope_parameters=YARN,
    ),
    "starcoder2": _make("Starcoder2Config", use_bias=True),
    "starcoder2 (sliding window)": _make("Starcoder2Config", use_bias=True, sliding_window=16),
    "codestral": _make("MistralConfig", rope_parameters=rope(1e6), sliding_window=None),
    "mistral (sliding window)": _make("MistralConfig", sliding_window=16),
    "granite": _make(
        "GraniteConfig", embedding_multiplier=3.0, residual_multiplier=0.5, logits_scaling=2.0,
        attention_multiplier=0.2,
    ),
    "seed-coder": _make("LlamaConfig", rope_parameters=rope(5e5)),
    "seed-oss": _make("SeedOssConfig", head_dim=16),
    "codegemma": _make("GemmaConfig", head_dim=16),
    "gemma2 (softcap)": _make("Gemma2Config", head_dim=16, sliding_window=16, query_pre_attn_scalar=16),
    "gemma3 (two thetas)": _make(
        "Gemma3TextConfig", head_dim=16, sliding_window=16, query_pre_attn_scalar=16,
        layer_types=_alternate("sliding_attention", "full_attention"),
        rope_parameters={"sliding_attention": rope(), "full_attention": rope(1e6, "linear", factor=8.0)},
    ),
    "smollm3 (layers without positions)": _make("SmolLM3Config", no_rope_layers=lambda n: [1, 0, 1, 0][:n]),
    "phi (partial)": _make("PhiConfig", partial_rotary_factor=0.5),
    "phi3 (longrope)": _make("Phi3Config", rope_parameters=LONGROPE, original_max_position_embeddings=1024),
    "glm4 (interleaved, partial)": _make("Glm4Config", head_dim=16, partial_rotary_factor=0.5),
    "cohere (interleaved)": _make("CohereConfig"),
    "cohere2 (layers without positions)": _make(
        "Cohere2Config", sliding_window=16, layer_types=_alternate("sliding_attention", "full_attention")
    ),
    "gpt-neox (partial)": _make("GPTNeoXConfig"),
    "gpt-oss (sinks)": _make(
        "GptOssConfig", head_dim=16, sliding_window=16, num_local_experts=4, num_experts_per_tok=2,
        layer_types=_alternate("sliding_attention", "full_attention"), rope_parameters=YARN,
    ),
    "mellum2": _make(
        "MellumConfig", head_dim=16, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16,
    ),
    "olmo2": _make("Olmo2Config"),
}  # fmt: skip

REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "gpt2 (learned positions)": (
        _make("GPT2Config", n_embd=32, n_head=4, n_layer=2, intermediate_size=...), "learned",
    ),
    "gpt-bigcode (learned positions)": (
        _make("GPTBigCodeConfig", n_embd=32, n_head=4, n_layer=2, intermediate_size=...), "learned",
    ),
    "qwen3-next (recurrent)": (
        _make("Qwen3NextConfig", layer_types=_alternate("linear_attention", "full_attention")),
        "linear_attention",
    ),
    "lfm2 (convolution)": (_make("Lfm2Config", layer_types=_alternate("conv", "full_attention")), "conv"),
    "bloom (linear biases)": (_make("BloomConfig", n_head=4, n_layer=2), ""),
    "mamba (recurrent)": (_make("MambaConfig"), ""),
}  # fmt: skip


def build(config: Any, dtype: torch.dtype = torch.float64, seed: int = 0) -> Any:
    """A random model of a configuration."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # the grouped kernel of experts knows no float64
        model = hf.AutoModelForCausalLM.from_config(
            config, attn_implementation="eager", experts_implementation="eager"
        )
    return model.to(dtype).eval()
