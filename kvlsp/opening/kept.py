"""Rounded weights on disk, in the user's cache folder: where they lie, whose they are, and a model made of them.

A file is of one checkpoint's files as they are (their path, size and time), one precision, one version of kvlsp and of
PyTorch, one processor. What is made of it is, to the bit, what the checkpoint would be made to, in a fraction of the
time. Rounded weights may take half of what the setting ``diskMib`` allows; rows of documents get what they leave.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import logging
import os
import weakref
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from platformdirs import user_cache_path

import kvlsp
from kvlsp.bounded_folder import BoundedFolder, written
from kvlsp.config import MEBIBYTE, Settings
from kvlsp.model import kept_weights
from kvlsp.model.kept_weights import FORMAT, Abandoned, Damaged
from kvlsp.model.lean import LeanDecoder
from kvlsp.model.loaded import Checkpoint, LoadedModel
from kvlsp.model.memory import Size, plan
from kvlsp.model.rounding import BYTES
from kvlsp.opening.precision import in_integers, processor

log = logging.getLogger(__name__)

ENDING: Final = ".weights"
LEAST: Final = 16 << 20
"""Bytes: weights that take less are rounded before anybody waits for it."""
_FILES: Final = ("*.safetensors", "*.safetensors.index.json", "config.json", "adapter_config.json")
_ORDERS: Final = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
"""Variables that say which instructions are used."""


def weights_folder(disk_mib: int) -> BoundedFolder:
    """Where rounded weights are kept, bounded to half of ``disk_mib``."""
    return BoundedFolder(user_cache_path("kvlsp", appauthor=False) / "weights", disk_mib * MEBIBYTE // 2, ENDING)


@dataclass(frozen=True, slots=True)
class Unkept:
    """Weights that were rounded now and have no file yet. It keeps nobody's memory: the decoder may go."""

    key: str
    decoder: Callable[[], LeanDecoder | None]
    about: Mapping[str, Any]
    tried: torch.Tensor


@dataclass(frozen=True, slots=True)
class Shown:
    """Weights on disk: the model as people call it (empty: not known), the precision, bytes."""

    name: str
    dtype: str
    nbytes: int


def show(folder: BoundedFolder) -> list[Shown]:
    """What is kept."""
    found = []
    for path in folder.files():
        about = kept_weights.about(path) if path.suffix == ENDING else {}
        with contextlib.suppress(OSError):
            found.append(Shown(str(about.get("name", "")), str(about.get("dtype", "")), path.stat().st_size))
    return found


def restore(checkpoint: Checkpoint, settings: Settings) -> LoadedModel | None:
    """The model that was kept of a checkpoint for these settings; None where none was, or what was is no good. Raises
    :class:`~kvlsp.errors.OutOfMemory` or :class:`~kvlsp.errors.ConfigurationError`."""
    key, folder = key_of(checkpoint, settings), weights_folder(settings.disk_mib)
    if key is None:
        if settings.disk_mib:  # what nobody uses any more goes, also where no model is rounded now
            folder.sweep()
        return None
    path = _path(folder, key)
    try:
        kept = kept_weights.read(path, key)
        about = kept.about
        if about["integers"] != in_integers(kept.decoder.hidden):
            return None  # another number of threads, perhaps, by which others would be quicker
        size, description = Size(**about["size"]), str(about["description"])
        mapped = path.stat().st_size
    except FileNotFoundError:
        return None
    except OSError as error:
        log.info("Rounded weights on disk cannot be read: %s.", error.strerror)
        return None
    except (Damaged, KeyError, TypeError) as error:
        log.info("A file of rounded weights is deleted, and made again: %s.", error)
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    plan(size, settings.device, settings.dtype)
    folder.used(path)
    with contextlib.suppress(OSError):
        folder.sweep()  # which may take this one, too: it stays mapped
    return LoadedModel(kept.decoder, checkpoint, description, size, mapped=mapped)


def unkept(loaded: LoadedModel, settings: Settings, begun: str | None) -> Unkept | None:
    """What should be kept of a model that was loaded from its checkpoint; None where it should not. ``begun`` is the
    key before that: where a file was written again meanwhile, nobody knows of which its weights are."""
    decoder = loaded.decoder
    if loaded.tried is None or not isinstance(decoder, LeanDecoder) or not kept_weights.can_be_kept(decoder):
        return None
    key = key_of(loaded.checkpoint, settings)
    if key is None or key != begun:
        return None
    about = {"name": settings.model or loaded.checkpoint.name, "dtype": settings.dtype, "size": asdict(loaded.size),
             "description": loaded.description, "integers": in_integers(decoder.hidden)}
    return Unkept(key, weakref.ref(decoder), about, loaded.tried)


def keep(wanted: Unkept, disk_mib: int, go_on: Callable[[], bool]) -> bool:
    """Write them, piece by piece, for as long as ``go_on`` says so; whether they are there then. What went wrong is
    logged."""
    folder = weights_folder(disk_mib)
    path = _path(folder, wanted.key)
    decoder = wanted.decoder()
    if decoder is None:
        return False
    if kept_weights.about(path).get("integers") == wanted.about["integers"]:  # else no start would take it
        return True
    nbytes = kept_weights.nbytes(decoder)
    del decoder  # it may go while it is written
    if nbytes < LEAST:
        return False
    try:
        folder.prepare()
        folder.sweep()
        if not folder.takes(nbytes):
            log.info("Rounded weights are not kept on disk: their %d MB are more than half of diskMib, or than a "
                     "quarter of what is free. Each start rounds them again.", nbytes // 1_000_000)
            return False
        with written(path) as file:
            kept_weights.write(file, wanted.decoder, wanted.key, wanted.about, wanted.tried, go_on)
        folder.sweep()
    except Abandoned:
        return False
    except OSError as error:
        log.warning("Rounded weights could not be kept on disk (%s): the next start rounds them again.",
                    error.strerror)
        return False
    log.info("Rounded weights are kept on disk (%d MB): the next start takes them from there.", nbytes // 1_000_000)
    return True


def _path(folder: BoundedFolder, key: str) -> Path:
    return folder.path / f"{key[:40]}{ENDING}"


def key_of(checkpoint: Checkpoint, settings: Settings) -> str | None:
    """Equal for whom the same weights would be made; None where none are kept."""
    if settings.dtype not in BYTES or not settings.disk_mib:
        return None
    stamps = []
    try:
        for folder in checkpoint.folders:
            stamps.append(str(folder.resolve()))
            for path in sorted(one for pattern in _FILES for one in folder.glob(pattern)):
                stat = path.stat()
                stamps.append(f"{path.name} {stat.st_size} {stat.st_mtime_ns}")
    except OSError:
        return None
    parts = [FORMAT, stamps, settings.dtype, settings.model, checkpoint.name, kvlsp.__version__,
             torch.__version__, importlib.metadata.version("transformers"), processor(),
             torch.backends.cpu.get_cpu_capability(), [os.environ.get(name) for name in _ORDERS]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
