"""The weights of a model's layers, left in their files until a forward comes to a layer, and dropped behind it.

Rounding a model asks its own forward for logits, and each of its layers once more; never two layers at a time. So the
model is never in memory whole, and what it takes while it is rounded is little more than what is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from kvlsp.model.lean_weights import let_go
from kvlsp.model.memory import give_back


class StoredLayers:
    """Layers of ``model`` (transformers), whose parameters are empty but while a forward is in them."""

    def __init__(self, model: Any, places: list[dict[str, tuple[Path, str]]]) -> None:
        self._layers = list(model.get_decoder().layers)
        self._places = places
        self._dtype = torch.bfloat16
        for number, layer in enumerate(self._layers):
            let_go(layer)
            layer.register_forward_pre_hook(lambda module, given, number=number: self.fill(number))
            layer.register_forward_hook(lambda module, given, result: self.drop(module))

    def fill(self, number: int) -> None:
        """Read the weights of a layer, in bfloat16, and nothing of their files stays mapped."""
        for name, one in _read(self._places[number]).items():
            self._layers[number].get_parameter(name).data = one.to(self._dtype)

    def drop(self, layer: Any) -> None:
        """Empty a layer, and give its memory back before the next one takes as much."""
        let_go(layer)
        give_back()


def stored_layers(model: Any, files: Iterable[Path]) -> StoredLayers | None:
    """Take the layers' weights out of ``model``, whose ``files`` they are in.

    None, and the model as it was, where the files name or shape them otherwise than the model does.
    """
    layers = list(model.get_decoder().layers)
    (prefix,) = (name for name, one in model.named_modules() if one is model.get_decoder().layers)
    known: dict[str, Path] = {}
    for path in files:
        with safe_open(path, "pt") as file:
            known.update(dict.fromkeys(file.keys(), path))
    places = [
        {name: (known.get(f"{prefix}.{number}.{name}"), f"{prefix}.{number}.{name}")
         for name, _ in layer.named_parameters()}
        for number, layer in enumerate(layers)
    ]  # fmt: skip
    if any(path is None for one in places for path, _ in one.values()):
        return None
    first = _read(places[0])  # type: ignore[arg-type]
    if not all(torch.equal(first[name].to(one.dtype), one) for name, one in layers[0].named_parameters()):
        return None
    return StoredLayers(model, places)  # type: ignore[arg-type]


def _read(places: dict[str, tuple[Path, str]]) -> dict[str, torch.Tensor]:
    """Copies of tensors in files."""
    found: dict[str, torch.Tensor] = {}
    for path in {path for path, _ in places.values()}:
        with safe_open(path, "pt") as file:
            found |= {name: file.get_tensor(key).clone() for name, (where, key) in places.items() if where == path}
    return found
