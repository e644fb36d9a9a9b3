"""What completing takes: a decoder, its tokenizer and its fill-in-the-middle template, loaded as one."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kvlsp import default_model
from kvlsp.cache.worth import NOTHING, Budget
from kvlsp.config import Settings
from kvlsp.default_model.knows import Knowledge
from kvlsp.default_model.remembers import weights
from kvlsp.errors import KvlspError, ModelBroken, OutOfMemory
from kvlsp.gguf.place import find, is_gguf, parts, short_name
from kvlsp.memory.mixture import Weights
from kvlsp.model.decoder import Decoder
from kvlsp.model.identity import identity, of_files
from kvlsp.model.limits import is_shortage
from kvlsp.model.loaded import Checkpoint, LoadedModel
from kvlsp.model.loaded import find as find_checkpoint
from kvlsp.opening import kept, threads
from kvlsp.opening.kept import Unkept
from kvlsp.opening.precision import in_integers, quickest
from kvlsp.prompt.edit_formats import EditFormat, of_model
from kvlsp.prompt.families import detect
from kvlsp.prompt.template import Template
from kvlsp.tokens.tokenizer import Tokenizer

log = logging.getLogger(__name__)

_LONGEST = 300
"""Characters of a name, or of what a library says, in a sentence for people."""

LoadProgress = Callable[[float | None, str], None]


@dataclass(frozen=True, slots=True)
class Model:
    """One loaded model. ``name`` is what a person calls it, ``description`` one line for status and doctor.

    ``repair_budget`` bounds the stale rows encoded along with every edit (:mod:`kvlsp.opening.repair_budget`);
    ``full_prefill`` says that its caches must not be repaired at all (:mod:`kvlsp.opening.ready`), ``offloads`` that
    rows of idle documents may wait in host memory (:mod:`kvlsp.opening.offload`).
    """

    name: str
    description: str
    decoder: Decoder
    tokenizer: Tokenizer
    template: Template
    repair_budget: Budget = NOTHING
    full_prefill: bool = False
    offloads: bool = False
    knowledge: Knowledge | None = None
    """Which programming languages it has learned; None: all."""
    identity: str = ""
    """What tells its files from those of other models; empty where that is not known."""
    edit_format: EditFormat | None = None
    """How it wants to be asked for the next edit; None: it was not made for that."""
    remembers: Mapping[str, Weights] = field(default_factory=dict)
    """By programming language, what counts over the workspace's files are worth beside it."""
    unkept: Unkept | None = None
    """Its weights, where they were rounded now and could be kept on disk."""
    mapped: int = 0
    """Bytes of its weights that lie in a mapped file, which a system counts as free."""


def open_model(settings: Settings, progress: LoadProgress = lambda fraction, text: None) -> Model:
    """Load the model that the settings name, or the default model.

    Raises :class:`kvlsp.errors.ModelError` or :class:`kvlsp.errors.TokenizerError` with a sentence for people, whatever
    somebody has written into the files.
    """
    try:
        return _open(settings, progress)
    except OutOfMemory:
        raise
    except Exception as error:
        if is_shortage(error):  # whatever was made of it on the way
            log.debug("Loading failed.", exc_info=True)
            fewer = "a smaller file of it (Q4_K_M, say)" if is_gguf(settings.model) else (
                "weights of fewer bits (dtype int8 or int4)")
            raise OutOfMemory(
                f"Memory ran out while {settings.model[:_LONGEST] or 'the default model'} was loaded. Choose a smaller "
                f"model, {fewer}, or close other programs."
            ) from error
        if isinstance(error, KvlspError):
            raise
        log.debug("Loading failed.", exc_info=True)
        first = next(iter(str(error).strip().splitlines()), "")[:_LONGEST]
        why = f"{type(error).__name__}: {first}" if first else type(error).__name__
        raise ModelBroken(
            f"The model {settings.model[:_LONGEST] or 'that comes with kvlsp'} cannot be loaded ({why}). Its files do "
            "not fit each other or this version of kvlsp: fetch it again, or choose another model."
        ) from error


def _open(settings: Settings, progress: LoadProgress) -> Model:
    place: str | Path = settings.model or default_model.folder()
    threads.use(settings.threads)
    if is_gguf(place):
        return of_file(settings, find(place, progress), progress)
    checkpoint = find_checkpoint(place, progress)
    loaded = kept.restore(checkpoint, settings)
    fresh = None
    if loaded is None:
        key = kept.key_of(checkpoint, settings)
        loaded = _load(checkpoint, settings, progress)
        fresh = kept.unkept(loaded, settings, key)
    tokenizer = Tokenizer.load(loaded.folder, loaded.decoder.vocabulary_size)
    order = None if settings.order == "auto" else settings.order
    template = detect(
        tokenizer.control,
        order,  # type: ignore[arg-type]
        _tokenizer_settings(loaded.folder),
        settings.model,
        begin=tokenizer.begin,
    )
    own = _identity(loaded)
    return Model(
        name=settings.model or "default model",
        description=loaded.description,
        decoder=loaded.decoder,
        tokenizer=tokenizer,
        template=template,
        knowledge=Knowledge(loaded.folder),
        identity=own,
        edit_format=of_model(tokenizer.control, settings.model),
        remembers=weights(own),
        unkept=fresh,
        mapped=loaded.mapped,
    )


def _load(checkpoint: Checkpoint, settings: Settings, progress: LoadProgress) -> LoadedModel:
    """From the checkpoint's own files."""
    from kvlsp.model.loading import load  # knows transformers, whose import takes a second

    return load(
        checkpoint,
        device=settings.device,
        dtype=settings.dtype,
        progress=progress,
        quickest_precision=quickest,
        in_integers=in_integers,
        called="" if settings.model else "the default model",
    )


def of_file(settings: Settings, path: Path, progress: LoadProgress) -> Model:
    """The model in a GGUF file; as :func:`open_model`."""
    from kvlsp.gguf.loading import load as load_file

    loaded = load_file(path, settings.device, settings.dtype, progress, short_name(settings.model, path))
    order = None if settings.order == "auto" else settings.order
    begin = {"add_bos_token": bool(loaded.begin), "bos_token": loaded.begin}
    return Model(
        name=settings.model,
        description=loaded.description,
        decoder=loaded.decoder,
        tokenizer=loaded.tokenizer,
        template=detect(
            loaded.tokenizer.control,
            order,  # type: ignore[arg-type]
            begin,
            f"{settings.model} {loaded.decoder.name}",
            fill=loaded.fill,
        ),
        knowledge=Knowledge(None, loaded.languages),
        identity=of_files(parts(path)),
    )


def _identity(loaded: LoadedModel) -> str:
    """Of the checkpoint, and of what was merged into it; empty where either is not known."""
    known = [identity(folder) for folder in loaded.checkpoint.folders]
    return "-".join(known) if all(known) else ""


def _tokenizer_settings(folder: Path) -> dict[str, Any]:
    """The tokenizer's ``tokenizer_config.json``; empty where there is none that can be read."""
    try:
        read = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
