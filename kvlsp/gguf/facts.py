"""What kvlsp asks of a file's metadata: how long texts may be, what a token's keys and values take, what is refused.

Sizes are read before anything is loaded; :mod:`kvlsp.model.memory` weighs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kvlsp.errors import ModelBroken
from kvlsp.gguf.metadata import Metadata

_CONTEXT = 4096
"""Tokens of a text where the file does not say."""
_LONGEST: Final = 1 << 27
"""Tokens of a text at most: llama.cpp's cache moves rows by way of places behind these."""
_LAYERS: Final = 1 << 12
_WIDTH: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """``numbers`` are keys' and values' per token of all layers, ``entries`` the vocabulary's; ``parameters`` 0 where
    the file does not say."""

    name: str
    architecture: str
    context_length: int
    numbers: int
    parameters: int
    entries: int


def facts(metadata: Metadata, path: Path, name: str = "") -> Facts:
    """Raises :class:`ModelBroken` where it is no language model's file."""
    kind = metadata.get("general.architecture")
    try:
        layers = _within(metadata[f"{kind}.block_count"], _LAYERS, least=1)
        heads = _per_layer(metadata[f"{kind}.attention.head_count"], layers)
        kv_heads = _per_layer(metadata.get(f"{kind}.attention.head_count_kv", heads), layers)
        width = _within(metadata[f"{kind}.embedding_length"], _WIDTH, least=1) // max([1, *heads])
        both = sum(_within(metadata.get(f"{kind}.attention.{part}_length", width), _WIDTH) for part in ("key", "value"))
        longest = _within(metadata.get(f"{kind}.context_length", _CONTEXT), _LONGEST, least=1)
        parameters = _within(metadata.get("general.parameter_count", 0), 1 << 48)
    except KeyError as error:
        raise ModelBroken(f"{path} holds no language model that can be run ({error} is not in it).") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelBroken(
            f"{path} holds no language model that can be run (one of its sizes is {error}). Fetch it again or choose "
            "another model."
        ) from error
    entries = metadata.get("tokenizer.ggml.tokens")
    return Facts(
        name=name or path.stem,
        architecture=str(kind),
        context_length=longest,
        numbers=sum(kv_heads) * both,
        parameters=parameters,
        entries=len(entries) if isinstance(entries, list) else 0,
    )


def _per_layer(value: Any, layers: int) -> list[int]:
    found = value if isinstance(value, list) else [value] * layers
    return [_within(one, _WIDTH) for one in found]


def _within(value: Any, most: int, least: int = 0) -> int:
    """A number of the file, whatever it says: what follows from it must not take memory without end."""
    number = int(value)
    if not least <= number <= most:
        raise ValueError(f"{number:,} where at most {most:,} can be" if number > most else f"{number:,}")
    return number
