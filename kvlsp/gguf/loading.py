"""From a GGUF file to a decoder and a tokenizer: memory weighed, opened, refused or proven."""

from __future__ import annotations

import ctypes
import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from kvlsp.errors import ConfigurationError, OutOfMemory
from kvlsp.gguf import metadata as reading
from kvlsp.gguf.api import SMALLER, LlamaModel, llama
from kvlsp.gguf.cells import least_buffers
from kvlsp.gguf.decoder import LlamaDecoder
from kvlsp.gguf.facts import Facts, facts
from kvlsp.gguf.place import parts
from kvlsp.gguf.proof import check_entries, prove
from kvlsp.gguf.refusals import probe, refuse
from kvlsp.gguf.trial import survive
from kvlsp.gguf.vocabulary import definition, published
from kvlsp.model.checkpoint import Progress
from kvlsp.model.identity import of_files
from kvlsp.model.memory import GIB, RESIDENT, WORKSPACE, free_memory
from kvlsp.tokens.tokenizer import Tokenizer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """What an opened file has for a model. ``begin`` is the token before every text, ``fill`` the markers of filling in
    (prefix, suffix, middle) as the file names them, ``languages`` what a model of kvlsp's recipe says it has learned;
    each empty where it has none."""

    decoder: LlamaDecoder
    tokenizer: Tokenizer
    description: str
    begin: str
    fill: tuple[str, ...]
    languages: tuple[str, ...]


def load(path: Path, device: str, dtype: str, progress: Progress, name: str = "") -> LoadedFile:
    """``name`` is what a person calls the model, where that is not the file's own name.

    Raises :class:`~kvlsp.errors.ModelError`, :class:`~kvlsp.errors.TokenizerError` or
    :class:`~kvlsp.errors.ConfigurationError` with a sentence for people.
    """
    if dtype != "auto":
        raise ConfigurationError(
            f"The weights of a GGUF file were rounded when it was made, so dtype cannot be {dtype}. Set it to auto."
        )
    api = llama()
    on_gpu = bool(api.llama_supports_gpu_offload()) and device != "cpu"
    if device not in ("auto", "cpu") and not on_gpu:
        raise ConfigurationError(
            f"The installed llama.cpp was built without support for {device}. Set device to auto, or build "
            "llama-cpp-python for that device as its own page says."
        )
    said = reading.read(path)
    found = facts(said, path, name)
    weights = sum(one.stat().st_size for one in parts(path) if one.is_file())
    _fits(weights, found, on_gpu=on_gpu)
    progress(0.0, f"trying {found.name}")
    survive(path, of_files(parts(path)), weights, on_gpu=on_gpu)
    progress(0.1, f"loading {found.name} ({weights / 1e6:,.0f} MB)")
    model = LlamaModel(path, on_gpu=on_gpu)
    refuse(model, found.name)
    progress(0.5, f"proving the tokenizer of {found.name}")
    tokenizer = Tokenizer(definition(said), model.entries)
    if published(said):
        check_entries(tokenizer, model, said["tokenizer.ggml.tokens"])
    else:
        prove(tokenizer, model)
    progress(0.8, f"checking {found.name}")
    decoder = LlamaDecoder(model, found.name, found.context_length, found.numbers, on_gpu=on_gpu)
    probe(decoder)
    progress(1.0, f"{found.name} is loaded")
    languages = said.get("kvlsp.code_languages")
    description = _description(model, found, on_gpu=on_gpu)
    return LoadedFile(decoder, tokenizer, description, _begin(model), _fill(model),
                      tuple(map(str, languages)) if isinstance(languages, list) else ())


def _fits(weights: int, found: Facts, *, on_gpu: bool) -> None:
    """Raise :class:`OutOfMemory` where weights, the least useful cache and what llama.cpp computes in are more than is
    free."""
    needed = weights + RESIDENT * found.numbers * 2 + least_buffers(found.entries) + WORKSPACE
    free = free_memory(torch.device("cpu"))
    if needed > free and not on_gpu:  # what a GPU holds llama.cpp knows better
        raise OutOfMemory(
            f"{found.name} needs {needed / GIB:.1f} GiB, {max(needed - free, 1 << 20) / GIB:.1f} GiB more than is "
            f"free. {SMALLER}"
        )


def _description(model: LlamaModel, found: Facts, *, on_gpu: bool) -> str:
    room = ctypes.create_string_buffer(128)
    model.api.llama_model_desc(model.handle, room, len(room))
    parameters = model.api.llama_model_n_params(model.handle) / 1e6
    where = "with what the GPU takes" if on_gpu else "on the CPU"
    kind = room.value.decode("utf-8", "replace")
    return f"{found.name}: {parameters:,.1f}M parameters, {kind}, llama.cpp {where}"


def _begin(model: LlamaModel) -> str:
    api, vocabulary = model.api, model.vocabulary
    return model.piece(api.llama_vocab_bos(vocabulary)) if api.llama_vocab_get_add_bos(vocabulary) else ""


def _fill(model: LlamaModel) -> tuple[str, ...]:
    """What the file, or llama.cpp by the entries' names, takes for the markers."""
    api, vocabulary = model.api, model.vocabulary
    ids = [int(one(vocabulary)) for one in (api.llama_vocab_fim_pre, api.llama_vocab_fim_suf, api.llama_vocab_fim_mid)]
    names = tuple(model.piece(one) for one in ids)
    return names if all(names) else ()
