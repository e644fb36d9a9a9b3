"""The default model, or any checkpoint of Llama's or Qwen2's plain shape, as a GGUF file for llama.cpp.

For measurements and tests. Whoever wants another model as GGUF finds it ready-made, or has llama.cpp's own converter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

KINDS: Final = ("f32", "f16", "q8_0", "q4_0")
DEFAULT_PRE: Final = "ufakzeka"
"""What llama.cpp calls the default model's way of cutting text into words: Qwen2's without English contractions."""
_LAYER: Final = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
_OUTSIDE: Final = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def convert(folder: Path, target: Path, kind: str = "f16", pre: str = DEFAULT_PRE) -> Path:
    """Write the checkpoint in ``folder`` to ``target``. ``pre`` is llama.cpp's name of the tokenizer's words."""
    from safetensors.torch import load_file

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    weights: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        weights.update(load_file(path))
    return write(weights, config, (folder / "tokenizer.json").read_text(encoding="utf-8"), target, kind, pre)


def write(weights: Mapping[str, torch.Tensor], config: Mapping[str, Any], tokenizer: str, target: Path,
          kind: str = "f16", pre: str = DEFAULT_PRE) -> Path:
    """As :func:`convert`, of named tensors, a config.json and the text of a tokenizer.json."""
    import gguf

    model_type = str(config["model_type"])
    file = gguf.GGUFWriter(target, model_type)
    heads, layers = int(config["num_attention_heads"]), int(config["num_hidden_layers"])
    kv_heads = int(config.get("num_key_value_heads") or heads)
    width = int(config.get("head_dim") or config["hidden_size"] // heads)
    rope = config.get("rope_parameters") or {}
    file.add_name(target.stem)
    file.add_context_length(int(config["max_position_embeddings"]))
    file.add_embedding_length(int(config["hidden_size"]))
    file.add_block_count(layers)
    file.add_feed_forward_length(int(config["intermediate_size"]))
    file.add_head_count(heads)
    file.add_head_count_kv(kv_heads)
    file.add_key_length(width)
    file.add_value_length(width)
    file.add_rope_dimension_count(width)
    file.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    file.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0))
    if config.get("code_languages"):
        file.add_array("kvlsp.code_languages", list(config["code_languages"]))
    _add_tokenizer(file, json.loads(tokenizer), int(config["vocab_size"]), pre)
    for name, tensor in weights.items():
        place, _, part = name.rpartition(".")
        if name == "lm_head.weight" and config.get("tie_word_embeddings"):
            continue
        numbers = tensor.to(torch.float32).numpy()
        if model_type == "llama" and place.endswith(("q_proj", "k_proj")):
            numbers = _paired(numbers, heads if place.endswith("q_proj") else kv_heads)
        _add(file, f"{_renamed(place)}.{part}", numbers, kind)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return target


def _renamed(place: str) -> str:
    if place in _OUTSIDE:
        return _OUTSIDE[place]
    _, _, number, rest = place.split(".", 3)
    return f"blk.{number}.{_LAYER[rest]}"


def _paired(numbers: npt.NDArray[np.float32], heads: int) -> npt.NDArray[np.float32]:
    """llama.cpp turns neighbouring numbers of a Llama's keys, transformers those half a head apart."""
    halves = numbers.reshape(heads, 2, numbers.shape[0] // heads // 2, *numbers.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(numbers.shape))


def _add(file: Any, name: str, numbers: npt.NDArray[np.float32], kind: str) -> None:
    import gguf

    wanted = gguf.GGMLQuantizationType[kind.upper() if numbers.ndim > 1 else "F32"]
    file.add_tensor(name, gguf.quantize(numbers, wanted), raw_dtype=wanted)


def _add_tokenizer(file: Any, source: Mapping[str, Any], rows: int, pre: str) -> None:
    model, added = source["model"], {entry["id"]: entry for entry in source["added_tokens"]}
    entries = {number: entry for entry, number in model["vocab"].items()}
    entries.update({number: entry["content"] for number, entry in added.items()})
    normal, control, user, unused = 1, 3, 4, 5
    tokens, types = [], []
    for number in range(rows):
        tokens.append(entries.get(number, f"[PAD{number}]"))
        special = added.get(number)
        types.append(unused if number not in entries else normal if special is None
                     else control if special["special"] else user)  # fmt: skip
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre(pre)
    file.add_token_list(tokens)
    file.add_token_types(types)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    file.add_token_merges(merges or [""])  # llama.cpp takes no file without
    file.add_add_bos_token(False)
