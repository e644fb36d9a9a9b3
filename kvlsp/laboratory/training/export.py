"""Between the training network and the folder that transformers loads: config, weights, tokenizer.

Also the start from another such folder (`--init`), grown in depth when the new shape has more layers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from kvlsp.default_model.learned import LANGUAGES_KEY
from kvlsp.errors import ModelBroken
from kvlsp.laboratory.training.network import Network
from kvlsp.laboratory.training.presets import Shape
from kvlsp.laboratory.training.vocabulary import CONTROL_TOKENS, END, PAD, Vocabulary

_BLOCK_NAMES = {
    "attention_norm": "input_layernorm",
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "output": "self_attn.o_proj",
    "feed_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def _names(layers: int) -> dict[str, str]:
    """Our parameter names to transformers' names."""
    names = {"embedding.weight": "model.embed_tokens.weight", "norm.weight": "model.norm.weight"}
    for layer in range(layers):
        for ours, theirs in _BLOCK_NAMES.items():
            names[f"blocks.{layer}.{ours}.weight"] = f"model.layers.{layer}.{theirs}.weight"
    return names


def llama_config(shape: Shape, languages: Sequence[str] = ()) -> dict[str, object]:
    """`config.json` of the shape, with the languages the model has learned (`knows.py` reads them)."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_value_heads,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-05,
        "rope_parameters": {"rope_theta": shape.theta, "rope_type": "default"},
        "rope_theta": shape.theta,
        "max_position_embeddings": shape.positions,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "mlp_bias": False,
        "bos_token_id": None,
        "eos_token_id": END,
        "pad_token_id": PAD,
        "use_cache": True,
        "dtype": "bfloat16",
        LANGUAGES_KEY: list(languages),
    }


def export(
    network: Network,
    vocabulary: Vocabulary,
    folder: Path,
    init: Path | None = None,
    kept: float = 0.0,
    languages: Sequence[str] = (),
) -> None:
    """Write config.json, model.safetensors (bfloat16), tokenizer and generation settings into `folder`.

    With `kept` above 0 the weights are a mean: that share of those in `init`, an export of the same shape, the rest of
    the network's. Two ends of one path have different errors, and their mean has less of both (arXiv 2203.05482).
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = network.state_dict()
    if init is not None and kept > 0:
        earlier, layers = load_weights(init)
        if layers != network.shape.layers:
            raise ModelBroken(f"{init} has {layers} layers, the network {network.shape.layers}: they have no mean.")
        state = {name: torch.lerp(state[name].cpu(), earlier[name], kept) for name in earlier}
    tensors = {
        theirs: state[ours].detach().cpu().to(torch.bfloat16).contiguous()
        for ours, theirs in _names(network.shape.layers).items()
    }
    part = folder / "model.safetensors.part"
    save_file(tensors, part, metadata={"format": "pt"})
    part.replace(folder / "model.safetensors")
    _write_json(folder / "config.json", llama_config(network.shape, languages))
    _write_json(folder / "generation_config.json", {"eos_token_id": END, "pad_token_id": PAD})
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": CONTROL_TOKENS[END],
            "pad_token": CONTROL_TOKENS[PAD],
            "additional_special_tokens": [name for i, name in enumerate(CONTROL_TOKENS) if i not in (END, PAD)],
            "clean_up_tokenization_spaces": False,
            "model_max_length": network.shape.positions,
        },
    )
    vocabulary.tokenizer.save(str(folder / "tokenizer.json"))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def load_weights(folder: Path) -> tuple[dict[str, Tensor], int]:
    """Weights (float32, our names) of an exported folder and its number of layers. Raises ModelBroken."""
    try:
        layers = int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"])
        theirs = load_file(folder / "model.safetensors")
        return {ours: theirs[name].float() for ours, name in _names(layers).items()}, layers
    except (OSError, KeyError, ValueError) as error:
        raise ModelBroken(f"{folder} is no checkpoint of a model made by this recipe: {error}.") from error


def initialise_from(network: Network, folder: Path) -> None:
    """Start from the weights in `folder`. More layers than there: each old layer is followed by copies of
    itself whose outputs are zero, so that the grown network computes what the old one did.
    """
    weights, old_layers = load_weights(folder)
    layers = network.shape.layers
    if layers < old_layers:
        raise ModelBroken(f"{folder} has {old_layers} layers, more than the {layers} of the preset.")
    state = {name: weights[name] for name in ("embedding.weight", "norm.weight")}
    sources = [layer * old_layers // layers for layer in range(layers)]
    for layer, source in enumerate(sources):
        for ours in _BLOCK_NAMES:
            value = weights[f"blocks.{source}.{ours}.weight"]
            silent = layer > 0 and sources[layer - 1] == source and ours in ("output", "down")
            state[f"blocks.{layer}.{ours}.weight"] = torch.zeros_like(value) if silent else value.clone()
    try:
        network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise ModelBroken(f"The weights in {folder} have another shape than the preset: {error}") from error
