"""A model that could be chosen: what it is called, where it lies, what it is made of. Nothing is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from kvlsp.errors import ModelError
from kvlsp.model.adapter import is_adapter, read_adapter
from kvlsp.model.architecture import refuse, slot_numbers
from kvlsp.model.checkpoint import as_path, read_config
from kvlsp.model.contents import contents
from kvlsp.model.formats import refuse_layers, refuse_stored, rounded_as

CARD: Final = "README.md"
_LARGEST_CARD: Final = 1 << 20
_MOST: Final = 1 << 40
"""Layers, or numbers kept for a token."""
_HEADS: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")


@dataclass(frozen=True, slots=True)
class Entry:
    """A model. ``name`` is what the setting ``model`` takes; ``problem`` says why it cannot be used, if it cannot.

    ``parameters`` and ``row`` (numbers kept for a token) are 0 where they are not known, ``layers`` too; ``disk`` is
    bytes of the files, 0 where there are none yet.
    """

    name: str
    where: str
    parameters: int = 0
    layers: int = 0
    row: int = 0
    disk: int = 0
    sixteen_bit: bool = False
    """Whether the files hold bfloat16, so that they can stay where they are until they are used."""
    licence: str = ""
    remark: str = ""
    problem: str = ""
    here: bool = True
    rounded: bool = False
    """Whether the weights were rounded to fewer bits and run like that, so that they take ``disk`` bytes in memory,
    too."""
    beside: int = 0
    """Bytes that running it takes besides weights and cache, as far as its engine says."""


def look(folder: Path, name: str, where: str, licence: str = "") -> Entry:
    """What a folder is: a checkpoint, or an adapter, which is as large as its model. Never raises."""
    if not is_adapter(folder):
        return checkpoint(folder, name, where, licence)
    licence = licence or licence_of(folder)
    try:
        base = read_adapter(folder).base
    except ModelError as error:
        return Entry(name, where, disk=_size(folder), licence=licence, problem=str(error))
    there = _folder_of(base)
    if there is None:
        return Entry(name, where, disk=_size(folder), licence=licence,
                     remark=f"an adapter for {base}, which is not here yet")
    model = checkpoint(there, name, where)
    return replace(model, disk=_size(folder), sixteen_bit=False, licence=licence or model.licence,
                   remark=f"an adapter for {base}")


def _folder_of(name: str) -> Path | None:
    """Where a model lies on this machine; None where it does not."""
    folder = as_path(name)
    from huggingface_hub import snapshot_download

    try:
        if folder is not None:
            return folder if folder.is_dir() else None
        return Path(snapshot_download(name, local_files_only=True))
    except (OSError, ValueError):  # the hub's client says so of what is not there
        return None


def checkpoint(folder: Path, name: str, where: str, licence: str = "") -> Entry:
    """What a folder with a checkpoint is; its weights are not read. Never raises: what is wrong is its ``problem``."""
    disk = _size(folder)
    licence = licence or licence_of(folder)
    try:
        config = read_config(folder)
        text = config.get("text_config")
        described: Any = SimpleNamespace(**{**config, **(text if isinstance(text, dict) else {})})
        kinds = config.get("architectures")
        if isinstance(kinds, list) and kinds and not any(str(kind).endswith(_HEADS) for kind in kinds):
            return Entry(name, where, disk=disk, licence=licence,
                         problem="It is not a model that continues a text, so it cannot complete one.")
        refuse(described)
        found = contents(folder, rounded_as(config, folder))
        refuse_stored(found.rounded, folder)
        refuse_layers(config, found.names, folder)
        layers, row = int(described.num_hidden_layers), slot_numbers(described)
        if max(layers, row) > _MOST:
            raise ValueError("no model has so many")
    except ModelError as error:
        return Entry(name, where, disk=disk, licence=licence, problem=str(error))
    except (AttributeError, TypeError, ValueError, ArithmeticError, OSError):
        return Entry(name, where, disk=disk, licence=licence,
                     problem="Its config.json lacks what kvlsp needs. Fetch it again, or choose another.")
    return Entry(name, where, found.parameters, layers, row, disk, found.stored == "BF16", licence)


def licence_of(folder: Path) -> str:
    """As the model's card names it; empty where no card says so."""
    from huggingface_hub import metadata_load

    path = folder / CARD
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_CARD:
            return ""
        card = metadata_load(path)
    except Exception:  # whatever somebody wrote at the head of a text
        return ""
    return licence_in(card)


def licence_in(card: Any) -> str:
    """From the head of a card: ``license``, or where that is "other" its name."""
    if not isinstance(card, dict):
        return ""
    licence = card.get("license")
    named = card.get("license_name") if licence in (None, "other") else licence
    named = named or licence
    if isinstance(named, list):
        named = ", ".join(map(str, named))
    return str(named)[:60] if named else ""


def read_small(path: Path) -> Any:
    """A JSON file of some kilobytes; None where there is none that can be read."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_CARD:
            return None
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    except OSError:
        return 0
