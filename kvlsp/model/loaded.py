"""Which checkpoint is meant by a name, and what is there when it has been loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from kvlsp.errors import ModelNotFound
from kvlsp.model.adapter import Adapter, is_adapter, read_adapter
from kvlsp.model.checkpoint import Progress, locate
from kvlsp.model.decoder import Decoder
from kvlsp.model.memory import Size


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Its ``folder``; ``name`` is the hub id, or the folder's name. ``adapter`` is to be merged into it."""

    folder: Path
    name: str
    adapter: Adapter | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """All that files are read from."""
        return (self.folder,) if self.adapter is None else (self.folder, self.adapter.folder)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A decoder ready for forwards, with the checkpoint that it (and its tokenizer) is of."""

    decoder: Decoder
    checkpoint: Checkpoint
    description: str
    size: Size
    tried: torch.Tensor | None = None
    """What it says of :func:`~kvlsp.model.agreement.rows_to_try`, where its weights were rounded."""
    mapped: int = 0
    """Bytes of its weights that lie in a mapped file, which a system counts as free."""

    @property
    def folder(self) -> Path:
        return self.checkpoint.folder


def silent(share: float | None, doing: str) -> None:
    """Progress that nobody watches."""


def find(name_or_path: str | Path, progress: Progress = silent) -> Checkpoint:
    """The checkpoint in a folder or on the hub, or that an adapter there was trained for; fetched first if need be.
    Raises :class:`~kvlsp.errors.ModelError`."""
    folder = locate(name_or_path, progress)
    name = folder.name if Path(name_or_path).expanduser() == folder else str(name_or_path)
    if not is_adapter(folder):
        return Checkpoint(folder, name)
    adapter = read_adapter(folder)
    return Checkpoint(_base(adapter, progress), name, adapter)


def _base(adapter: Adapter, progress: Progress) -> Path:
    """The folder of the model that an adapter was trained for; an error says that it was the adapter that named it."""
    try:
        return locate(adapter.base, progress)
    except ModelNotFound as error:
        raise ModelNotFound(
            f"{adapter.folder} holds an adapter for {adapter.base}, which is not to be had here. {error} Where the "
            "model lies elsewhere, name that place in adapter_config.json (base_model_name_or_path)."
        ) from error
