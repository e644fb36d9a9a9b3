"""A LoRA adapter: what was trained in addition to a model, added to its weights when the model is loaded.

Of each layer that was trained it holds two thin matrices, whose product times a scale is what the weights gain (LoRA,
arXiv 2106.09685; the scale of rsLoRA, arXiv 2312.03732). After that the model is like any other, and as quick. Other
kinds of adapters, and those that change more than weights, are refused with a sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from kvlsp.errors import ModelBroken, UnsupportedModel
from kvlsp.model.checkpoint import as_path, read_json
from kvlsp.model.formats import ADAPTER

WEIGHTS: Final = "adapter_model.safetensors"
MERGE: Final = "Merge it into its model with peft (merge_and_unload) and name that folder."

_THIN: Final = re.compile(r"(.*)\.lora_(?:embedding_)?([AB])(\.weight)?")
_PREFIX: Final = "base_model.model."
_REFUSED: Final = {
    "use_dora": "DoRA", "use_qalora": "QA-LoRA", "use_bdlora": "block-diagonal LoRA", "lora_bias": "biases of its own",
    "layer_replication": "replicated layers", "trainable_token_indices": "tokens of its own",
    "target_parameters": "parameters that are no layers", "alora_invocation_tokens": "activation by tokens",
    "velora_config": "VeLoRA", "monteclora_config": "MonteCLoRA", "arrow_config": "Arrow", "kasa_config": "KaSA",
    "megatron_config": "Megatron's layers",
}  # fmt: skip
"""What an adapter_config.json may switch on that makes more of an adapter than two thin matrices."""
_ALPHA: Final = 8
"""What peft takes where a description does not say it."""
_CHANGED_BASES: Final = ("pissa", "olora", "loftq", "corda", "lora_ga")
"""Ways to begin a training that change the model itself."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """``base`` names the model, as the setting ``model`` would; ``tensors`` are what was trained, by the names of the
    model's modules."""

    folder: Path
    base: str
    alpha: float
    rank_stabilised: bool
    transposed: bool
    """Whether layers that are no :class:`torch.nn.Linear` keep their weights the other way round (fan_in_fan_out)."""
    alphas: Mapping[str, float] = field(default_factory=dict)
    """For modules whose names end so (a regular expression)."""

    def scale(self, module: str, rank: int) -> float:
        alpha = next((value for pattern, value in self.alphas.items()
                      if re.match(rf"(.*\.)?({pattern})$", module)), self.alpha)  # fmt: skip
        return alpha / (math.sqrt(rank) if self.rank_stabilised else rank)


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and no model beside it."""
    return (folder / ADAPTER).is_file() and not (folder / "config.json").is_file()


def read_adapter(folder: Path) -> Adapter:
    """Raises :class:`ModelBroken` for files that are damaged or missing, :class:`UnsupportedModel` for an adapter that
    cannot be merged here."""
    path = folder / ADAPTER
    try:
        config = read_json(path)
        if not isinstance(config, dict):
            raise ValueError("it does not describe an adapter")
        adapter = _described(folder, config)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, OverflowError, re.error) as error:
        raise ModelBroken(f"{path} cannot be read ({error}). Fetch the adapter again.") from error
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        what = "its weights are a pickled file, which can run code" if pickled else f"{WEIGHTS} is missing"
        raise ModelBroken(f"The adapter in {folder} cannot be used: {what}. {MERGE if pickled else 'Fetch it again.'}")
    return adapter


def _described(folder: Path, config: Mapping[str, Any]) -> Adapter:
    def refuse(what: str) -> UnsupportedModel:
        return UnsupportedModel(f"The adapter in {folder} has {what}, which kvlsp does not merge. {MERGE}")

    kind = str(config.get("peft_type") or "")
    if kind.upper() != "LORA":
        which = f"of the kind {kind}" if kind else "of a kind that its description does not name"
        raise UnsupportedModel(f"The adapter in {folder} is {which}; kvlsp merges LoRA adapters. {MERGE}")
    for name, what in _REFUSED.items():
        if config.get(name):
            raise refuse(what)
    if config.get("bias", "none") != "none":
        raise refuse("trained biases")
    begun = config.get("init_lora_weights")
    if isinstance(begun, str) and begun.lower().startswith(_CHANGED_BASES):
        raise refuse(f"a model of its own ({begun} changes the weights that it is added to)")
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ModelBroken(f"{folder / ADAPTER} does not say which model it is for (base_model_name_or_path).")
    written = as_path(base)
    if written is not None and not written.is_absolute():  # from the adapter's folder on, never from the current one
        base = str((folder / base).resolve())
    alphas = {str(pattern): float(alpha) for pattern, alpha in dict(config.get("alpha_pattern") or {}).items()}
    for pattern in alphas:
        re.compile(pattern)
    return Adapter(folder, base, float(config.get("lora_alpha", _ALPHA)), bool(config.get("use_rslora")),
                   bool(config.get("fan_in_fan_out")), alphas)  # fmt: skip


@torch.no_grad()
def merge(model: Any, adapter: Adapter) -> None:
    """Add the adapter to a model of transformers. Raises :class:`ModelBroken` where they do not fit each other,
    :class:`UnsupportedModel` for what cannot be merged."""
    tensors = _tensors(adapter)
    modules = dict(model.named_modules())
    tied = bool(getattr(model.config.get_text_config(), "tie_word_embeddings", False))
    tables = {id(one) for one in (model.get_input_embeddings(), model.get_output_embeddings()) if one is not None}

    def layer(name: str) -> Any:
        module = modules.get(name)
        weight = getattr(module, "weight", None)
        if not isinstance(weight, torch.Tensor) or weight.dim() != 2:
            raise UnsupportedModel(f"The adapter in {adapter.folder} has {name}, which kvlsp does not know. {MERGE}")
        if tied and id(module) in tables:
            raise UnsupportedModel(
                f"The adapter in {adapter.folder} changes the table of tokens, which this model uses at both its ends. "
                f"{MERGE}"
            )
        return module

    for name in [name for name in tensors if not _THIN.fullmatch(name)]:  # what was trained, or is kept, as a whole
        module = layer(name.removesuffix(".weight").removesuffix(".base_layer"))
        _set(module, _fitting(tensors.pop(name), module.weight, name, adapter))
    for name in [name for name in tensors if _THIN.fullmatch(name)[2] == "A"]:  # type: ignore[index]
        path = _THIN.fullmatch(name)[1]  # type: ignore[index]
        module, thin, wide = layer(path), tensors.pop(name), tensors.pop(_other_half(name), None)
        if wide is None:
            raise ModelBroken(f"The adapter in {adapter.folder} has {name} without its other half. Fetch it again.")
        gained = _product(thin, wide, name, adapter) * adapter.scale(path, thin.shape[0])
        if "lora_embedding_" in name or (adapter.transposed and not isinstance(module, torch.nn.Linear)):
            gained = gained.T
        _set(module, module.weight.float() + _fitting(gained, module.weight, name, adapter))
    if tensors:
        raise ModelBroken(
            f"The adapter in {adapter.folder} has {min(tensors)} without its other half. Fetch it again."
        )


def _tensors(adapter: Adapter) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        read = load_file(adapter.folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelBroken(f"{adapter.folder / WEIGHTS} is damaged ({error}). Fetch the adapter again.") from error
    return {name.removeprefix(_PREFIX): tensor for name, tensor in read.items()}


def _other_half(name: str) -> str:
    return name.replace(".lora_A", ".lora_B").replace(".lora_embedding_A", ".lora_embedding_B")


def _product(thin: torch.Tensor, wide: torch.Tensor, name: str, adapter: Adapter) -> torch.Tensor:
    if thin.dim() != 2 or wide.dim() != 2 or wide.shape[1] != thin.shape[0] or not thin.shape[0]:
        raise ModelBroken(f"The halves of {name} in {adapter.folder} do not fit each other. Fetch the adapter again.")
    return wide.float() @ thin.float()


def _fitting(tensor: torch.Tensor, weight: torch.Tensor, name: str, adapter: Adapter) -> torch.Tensor:
    if tensor.shape != weight.shape:
        raise ModelBroken(
            f"The adapter in {adapter.folder} does not fit its model {adapter.base}: {name} is made for weights of "
            f"{tuple(tensor.shape)}, there are {tuple(weight.shape)}. Name the adapter for this model, or merge it."
        )
    return tensor.to(weight.device)


def _set(module: Any, tensor: torch.Tensor) -> None:
    """A tensor of its own: what was there may be the file itself, or another module's."""
    module.weight = torch.nn.Parameter(tensor.to(module.weight.dtype).contiguous(), requires_grad=False)
