"""The tensors of a checkpoint by name, read when they are asked for; what was rounded is restored on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import safe_open

from kvlsp.errors import ModelBroken
from kvlsp.model.grids import Rounded
from kvlsp.model.packings import Packing, split


class TensorFiles:
    """Weights in safetensors ``files``, laid out as ``how`` says where they were rounded."""

    def __init__(self, files: Iterable[Path], how: Packing | None = None) -> None:
        self._how = how
        self._stored: dict[str, Path] = {}
        for path in files:
            with safe_open(path, "pt") as file:
                self._stored.update(dict.fromkeys(file.keys(), path))
        parts: defaultdict[str, dict[str, str]] = defaultdict(dict)
        whole = set()
        for name in self._stored:
            module, part = split(name, how)
            if part:
                parts[f"{module}.weight"][part] = name
            else:
                whole.add(name)
        left = {name for name, found in parts.items() if set(found) == {"weight"}}  # matrices that were not rounded
        self._parts = {name: found for name, found in parts.items() if name not in left}
        self.names = frozenset(whole | set(parts))
        """Of all tensors, as a model has them."""

    def read(self, names: Iterable[str], dtype: torch.dtype) -> dict[str, torch.Tensor]:
        """Copies of tensors in ``dtype``, on the CPU; nothing of the files stays mapped. Raises
        :class:`~kvlsp.errors.ModelBroken`."""
        found: dict[str, torch.Tensor] = {}
        plain: defaultdict[Path, list[str]] = defaultdict(list)
        for name in names:
            known = self.rounded(name)
            if known is None:
                plain[self._stored[name]].append(name)
            else:
                found[name] = known.restored(dtype)
        for path, some in plain.items():
            with safe_open(path, "pt") as file:
                found |= {name: file.get_tensor(name).to(dtype, copy=True) for name in some}
        return found

    def rounded(self, name: str) -> Rounded | None:
        """What a matrix was rounded to; None where it was not. Raises :class:`~kvlsp.errors.ModelBroken`."""
        if self._how is None or name not in self._parts:
            return None
        tensors = {}
        for part, stored in self._parts[name].items():
            with safe_open(self._stored[stored], "pt") as file:
                tensors[part] = file.get_tensor(stored)
        try:
            return self._how.restore(tensors)
        except (KeyError, ValueError, RuntimeError, IndexError, TypeError, StopIteration) as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else str(error) or type(error).__name__
            raise ModelBroken(
                f"{name} cannot be restored from what {self._how.said} made of it ({why.splitlines()[0]}). Fetch the "
                "model again, or name the checkpoint that it was made from."
            ) from error
