"""Tiny random models as GGUF files behind the production classes of :mod:`kvlsp.gguf`."""

from __future__ import annotations

import atexit
import dataclasses
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch

from kvlsp.gguf.decoder import LlamaDecoder
from kvlsp.gguf.facts import facts
from kvlsp.gguf.metadata import read
from kvlsp.laboratory.training.to_gguf import write
from kvlsp.opening.model import Model
from tests.support.byte_tokenizer import byte_tokenizer_json
from tests.support.decoders import tiny_llama

F32, F16 = 0, 1
"""llama.cpp's numbers for the types of a cache."""


@cache
def _folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="kvlsp-gguf-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@cache
def tiny_file(layers: int = 2, kind: str = "f32", **changes: Any) -> Path:
    """:func:`tests.support.decoders.tiny_llama` with its byte tokenizer as a file."""
    model = tiny_llama(layers, dtype=torch.float32, **changes)
    target = _folder() / f"tiny-{layers}-{kind}{'-'.join(map(str, changes.values()))}.gguf"
    return write(model.state_dict(), model.config.to_dict(), byte_tokenizer_json(), target, kind, "gpt-2")


@cache
def tiny_llama_cpp(layers: int = 2, cache_type: int = F32) -> LlamaDecoder:
    """The production decoder over :func:`tiny_file`, its rows in float32 unless told otherwise."""
    from kvlsp.gguf.api import LlamaModel

    path = tiny_file(layers)
    found = facts(read(path), path)
    return LlamaDecoder(LlamaModel(path), found.name, found.context_length, found.numbers, lambda: 1,
                        cache_type=cache_type, cache_bytes={F32: 4, F16: 2}[cache_type])


def tiny_gguf_model(layers: int = 2, order: Any = "suffix_first", *, heals: bool = True) -> Model:
    """As :func:`tests.support.models.tiny_model`, run by llama.cpp."""
    from tests.support.models import tiny_model

    return dataclasses.replace(tiny_model(layers, order, heals=heals), decoder=tiny_llama_cpp(layers))


def with_metadata(source: Path, target: Path, changes: dict[str, Any]) -> Path:
    """``source`` with other values of some keys (texts, numbers, or None to leave a key out)."""
    import gguf

    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(target, str(changes.get("general.architecture") or "llama"))
    left = dict(changes)
    for key, one in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        value = left.pop(key) if key in left else one.contents()
        if value is not None:
            kind = one.types[0]
            inner = one.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(key, value, kind, sub_type=inner)
    for key, value in left.items():
        if key != "general.architecture" and value is not None:
            number = isinstance(value, int) and not isinstance(value, bool)
            kind = gguf.GGUFValueType.UINT32 if number else gguf.GGUFValueType.get_type(value)
            inner = gguf.GGUFValueType.get_type(value[0]) if isinstance(value, list) else None
            writer.add_key_value(key, value, kind, sub_type=inner)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


