"""The weights of a model's layers, left in their files until a forward comes to a layer, and dropped behind it.

Rounding a model asks its own forward for logits, and each of its layers once more; never two layers at a time. So the
model is never in memory whole, and what it takes while it is rounded is little more than what is left.
"""

from __future__ import annotations

from typing import Any

import torch

from kvlsp.model.grids import Rounded
from kvlsp.model.lean_weights import let_go
from kvlsp.model.memory import give_back
from kvlsp.model.tensor_files import TensorFiles


class StoredLayers:
    """Layers of ``model`` (transformers), whose parameters are empty but while a forward is in them.

    ``grids`` are what the files have of the layer that was filled last, by the names of its modules, where it was
    filled with them.
    """

    def __init__(self, model: Any, files: TensorFiles, names: list[dict[str, str]]) -> None:
        self._layers = list(model.get_decoder().layers)
        self._files, self._names = files, names
        self._dtype = torch.bfloat16
        self.grids: dict[str, Rounded] = {}
        for number, layer in enumerate(self._layers):
            let_go(layer)
            layer.register_forward_pre_hook(lambda module, given, number=number: self.fill(number))
            layer.register_forward_hook(lambda module, given, result: self.drop(module))

    def fill(self, number: int, *, grids: bool = False) -> None:
        """Read the weights of a layer, in bfloat16. Matrices may lie in their files, mapped, for as long as they are
        looked at; norms and biases are copies."""
        names = self._names[number]
        restored: dict[str, Rounded] = {}
        found = self._files.mapped(names.values(), self._dtype, restored if grids else None)
        for name, stored in names.items():
            one = found[stored]
            self._layers[number].get_parameter(name).data = one if one.dim() > 1 else one.clone()
            if stored in restored:
                self.grids[name.removesuffix(".weight")] = restored[stored]

    def drop(self, layer: Any) -> None:
        """Empty a layer, and give its memory back before the next one takes as much."""
        let_go(layer)
        give_back()


def stored_layers(model: Any, files: TensorFiles) -> StoredLayers | None:
    """Take the layers' weights out of ``model``, whose ``files`` they are in.

    None, and the model as it was, where the files name or shape them otherwise than the model does.
    """
    layers = list(model.get_decoder().layers)
    (prefix,) = (name for name, one in model.named_modules() if one is model.get_decoder().layers)
    names = [
        {name: f"{prefix}.{number}.{name}" for name, _ in layer.named_parameters()}
        for number, layer in enumerate(layers)
    ]
    if any(stored not in files.names for one in names for stored in one.values()):
        return None
    first = layers[0].state_dict()
    for name, stored in names[0].items():
        if not torch.equal(files.mapped([stored], first[name].dtype)[stored], first[name]):
            return None
    return StoredLayers(model, files, names)
