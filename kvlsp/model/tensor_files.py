"""The tensors of a checkpoint by name, read when they are asked for; what was rounded is restored on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
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
        return self._read(names, dtype, None, copy=True)

    def mapped(
        self, names: Iterable[str], dtype: torch.dtype, restored: dict[str, Rounded] | None = None
    ) -> dict[str, torch.Tensor]:
        """As :meth:`read`, but what needs no change lies in its file, which stays mapped for as long as somebody has
        one of them: not to be written to. ``restored`` takes what tensors were restored from, by name."""
        return self._read(names, dtype, restored, copy=False)

    def _read(
        self, names: Iterable[str], dtype: torch.dtype, restored: dict[str, Rounded] | None, *, copy: bool
    ) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        plain: defaultdict[Path, list[str]] = defaultdict(list)
        for name in names:
            known = self.rounded(name)
            if known is None:
                plain[self._stored[name]].append(name)
                continue
            found[name] = known.restored(dtype)
            if restored is not None:
                restored[name] = known
        for path, some in plain.items():
            with safe_open(path, "pt") as file:
                found |= {name: file.get_tensor(name).to(dtype, copy=copy) for name in some}
        return found

    def scales_alone(self, known: Collection[str]) -> str:
        """A stored tensor with scales of what has no codes and no name among the ``known`` ones; empty where there is
        none. So are activations scaled, which is no weight's matter."""
        codes = "" if self._how is None else self._how.codes
        alone = [min(one.values()) for name, one in self._parts.items() if codes not in one and name not in known]
        return min(alone, default="")

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
