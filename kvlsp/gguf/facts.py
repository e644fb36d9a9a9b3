"""What kvlsp asks of a file's metadata: how long texts may be, what a token's keys and values take, what is refused.

Sizes are read before anything is loaded; :mod:`kvlsp.model.memory` weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kvlsp.errors import ModelBroken
from kvlsp.gguf.metadata import Metadata

_CONTEXT = 4096
"""Tokens of a text where the file does not say."""


@dataclass(frozen=True, slots=True)
class Facts:
    """``numbers`` are keys' and values' per token of all layers; ``parameters`` 0 where the file does not say."""

    name: str
    architecture: str
    context_length: int
    numbers: int
    parameters: int


def facts(metadata: Metadata, path: Path, name: str = "") -> Facts:
    """Raises :class:`ModelBroken` where it is no language model's file."""
    kind = metadata.get("general.architecture")
    try:
        layers = int(metadata[f"{kind}.block_count"])
        heads = _per_layer(metadata[f"{kind}.attention.head_count"], layers)
        kv_heads = _per_layer(metadata.get(f"{kind}.attention.head_count_kv", heads), layers)
        width = int(metadata[f"{kind}.embedding_length"]) // max(1, *heads)
        both = sum(int(metadata.get(f"{kind}.attention.{part}_length", width)) for part in ("key", "value"))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelBroken(f"{path} holds no language model that can be run ({error} is not in it).") from error
    return Facts(
        name=name or path.stem,
        architecture=str(kind),
        context_length=int(metadata.get(f"{kind}.context_length", _CONTEXT)),
        numbers=sum(kv_heads) * both,
        parameters=int(metadata.get("general.parameter_count", 0)),
    )


def _per_layer(value: Any, layers: int) -> list[int]:
    return [int(one) for one in value] if isinstance(value, list) else [int(value)] * layers
