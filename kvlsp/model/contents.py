"""What a checkpoint's weight files hold, as their headers say; no weight is read.

The files are found, and known to be whole; nothing is said about what the tensors mean.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kvlsp.errors import ModelBroken
from kvlsp.model import formats
from kvlsp.model.checkpoint import LARGEST, POINTER, read_json
from kvlsp.model.packings import Packing, split

PLAIN = frozenset({"F64", "F32", "F16", "BF16"})
"""How safetensors writes the formats that kvlsp reads."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the headers of the weight files say: how many numbers there are, of which tensors."""

    parameters: int
    names: tuple[str, ...]
    rounded: str = ""
    """How the numbers are stored where that is no floating-point format that kvlsp reads."""
    stored: str = ""
    """The format of all of them, as safetensors writes it; empty where they differ."""
    largest_layer: int = 0
    """How many numbers the layer with the most has."""
    tables: int = 0
    """How many numbers embedding and output layer have."""


def contents(folder: Path, how: Packing | None = None) -> Contents:
    """What the weights are, laid out as ``how`` says where they were rounded; checks that every file is whole. Raises
    :class:`ModelBroken`."""
    count, names, kinds, rounded, layers, tables = 0, [], set(), "", Counter[str](), 0
    stored = {name: tensor for path in weight_files(folder) for name, tensor in _header(path).items()}
    stored.pop("__metadata__", None)
    parts = Counter(split(name, how)[0] for name in stored)
    for name, tensor in stored.items():
        module, part = split(name, how)
        size = 1
        for extent in tensor["shape"]:
            size *= extent
        if how is not None and part and parts[module] > 1:
            size = how.numbers(part, tensor["dtype"], size)
        elif name.endswith("weight") and tensor["dtype"] not in PLAIN:
            rounded = str(tensor["dtype"])
        count += size
        number = next((part for part in name.split(".") if part.isdigit()), "")
        layers[number] += size if number else 0
        table = name if not part else f"{module}.weight"
        tables += size if table.endswith(("embed_tokens.weight", "lm_head.weight")) else 0
        names.append(name)
        kinds.add(str(tensor["dtype"]))
    kind = kinds.pop() if len(kinds) == 1 else ""
    return Contents(count, tuple(names), rounded, kind, max(layers.values()), tables)


def parameters(folder: Path) -> int:
    """How many numbers the weights are; checks that every file is whole. Raises :class:`ModelBroken`."""
    return contents(folder).parameters


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a checkpoint, all there. Raises :class:`ModelBroken`."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            names = sorted({str(name) for name in read_json(index)["weight_map"].values()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ModelBroken(f"{index} cannot be read ({error}). Fetch the model again.") from error
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise ModelBroken(
                f"{len(missing)} of {len(names)} weight files are missing in {folder}, {missing[0]} first. "
                "Fetch the model again; what is there is kept."
            )
        return [folder / name for name in names]
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    other = formats.other_weights(folder)
    if other is not None:
        raise other
    if list(folder.glob("*.bin")) or list(folder.glob("*.pt*")):
        raise ModelBroken(
            f"The weights in {folder} are pickled files, which can run code; kvlsp reads safetensors only. "
            "Choose or convert to a checkpoint with model.safetensors."
        )
    raise ModelBroken(
        f"There are no weights in {folder}: model.safetensors is missing{formats.broken_off(folder)}. "
        "Fetch the model again."
    )


def _header(path: Path) -> dict[str, Any]:
    """The table of contents of a safetensors file, checked against the file's length."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            first = file.read(8)
            if POINTER.startswith(first) and len(first) == 8:
                raise ModelBroken(
                    f"{path} is only a pointer of Git LFS; the weights were not fetched. Run `git lfs pull` in "
                    f"{path.parent}."
                )
            length = int.from_bytes(first, "little")
            if not 2 <= length <= min(size, LARGEST):
                raise ValueError("its first bytes are not a safetensors header")
            header = json.loads(file.read(length))
        end = max(_end(one) for name, one in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ModelBroken(f"{path} is damaged ({error}). Fetch the model again.") from error
    expected = 8 + length + end
    if size < expected:
        raise ModelBroken(f"{path} is cut off: {size:,} of {expected:,} bytes are there. Fetch the model again.")
    return header


def _end(tensor: dict[str, Any]) -> int:
    """Where a tensor ends that a header describes. Raises what a description raises that is none."""
    first, end = tensor["data_offsets"]
    if not isinstance(first, int) or not isinstance(end, int) or not isinstance(tensor["dtype"], str):
        raise ValueError("a tensor is described by what is not a number")
    size = 1
    for extent in tensor["shape"]:
        if not isinstance(extent, int) or extent < 0:
            raise ValueError("a tensor has no size")
        size = min(size * extent, 1 << 62)
    if size > 8 * (end - first):  # a number takes a bit at least
        raise ValueError("a tensor speaks of more numbers than it holds")
    return end
