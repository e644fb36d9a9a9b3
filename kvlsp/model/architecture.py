"""What a configuration says before any weight is read: how far positions reach, what must be refused.

Whether a rotation explains the keys is found out later, by the probe.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kvlsp.errors import UnsupportedModel

ATTENTION_KINDS = frozenset({"full_attention", "sliding_attention"})
DYNAMIC = frozenset({"dynamic", "longrope"})  # frequencies depend on the length of the text
DEFAULT_CONTEXT = 2048  # for a configuration that names no length
LEAST_CONTEXT = 64  # with fewer there is room for nothing but markers


def context_length(config: Any) -> int:
    """Positions that can be used: with dynamic scaling only the original ones, where angles do not depend on
    the length of the text (beyond, moved keys would have to be encoded anew)."""
    length = int(DEFAULT_CONTEXT if (said := getattr(config, "max_position_embeddings", None)) is None else said)
    for rope in _ropes(config):
        if rope.get("rope_type", rope.get("type")) in DYNAMIC:
            original = rope.get("original_max_position_embeddings")
            original = original or getattr(config, "original_max_position_embeddings", None)
            length = min(length, int(original or length))
    return length


def _ropes(config: Any) -> Iterator[dict[str, Any]]:
    """Rotary settings, one per kind of layer."""
    found = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    if any(isinstance(one, dict) for one in found.values()):
        yield from (one for one in found.values() if isinstance(one, dict))
    else:
        yield found


def refuse(config: Any) -> None:
    """Raise :class:`UnsupportedModel` for what the configuration alone shows to be unrepairable."""
    name = getattr(config, "model_type", "this model")
    if getattr(config, "is_encoder_decoder", False):
        raise UnsupportedModel(f"{name} has an encoder; kvlsp runs decoder-only language models.")
    length = context_length(config)
    if length < LEAST_CONTEXT:
        raise UnsupportedModel(
            f"{name} takes {length:,} tokens, as its config.json says, too few for a completion. Choose another model."
        )
    kinds = set(getattr(config, "layer_types", None) or ()) - ATTENTION_KINDS
    if kinds:
        raise UnsupportedModel(
            f"{name} has layers of kind {', '.join(sorted(kinds))}. Their state mixes all tokens before (or "
            "cuts the text at fixed positions), so it cannot be repaired after an edit. Choose a model whose "
            "layers all are rotary attention."
        )
    if getattr(config, "num_kv_shared_layers", 0):
        raise UnsupportedModel(
            f"{name} shares keys and values between layers, which kvlsp does not keep. Choose another model."
        )
    if getattr(config, "alibi", False) or getattr(config, "position_embedding_type", "") == "alibi":
        raise UnsupportedModel(
            f"{name} has linear-bias positions, so kept tokens cannot be moved by a rotation. "
            "Choose a model with rotary positions."
        )


def slot_numbers(config: Any) -> int:
    """About how many numbers are kept per resident token (for the plan of memory; the decoder knows
    exactly)."""
    heads = int(getattr(config, "num_attention_heads", 1) or 1)
    kv_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
    return 3 * int(config.num_hidden_layers) * kv_heads * width
