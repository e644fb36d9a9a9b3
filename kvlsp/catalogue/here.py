"""What is on this machine: the default model, the hub's cache, Ollama's store, folders that somebody names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from kvlsp import default_model
from kvlsp.catalogue import ollama
from kvlsp.catalogue.entry import Entry, checkpoint, look
from kvlsp.catalogue.gguf import of_file
from kvlsp.errors import ModelNotFound
from kvlsp.model.adapter import is_adapter
from kvlsp.model.checkpoint import as_path

_NO_MODEL: Final = re.compile(r"mmproj|-(?!00001)\d{5}-of-\d{5}\.gguf")
"""GGUF files that are none: for pictures, and the further parts of one in several."""


def here(folders: Iterable[str] = (), hub: Path | None = None, store: Path | None = None) -> list[Entry]:
    """All that can be found, each once; the default model, whose name is empty, first.

    ``hub`` and ``store`` are the hub's cache and Ollama's folder where they are not the usual ones. Raises
    :class:`ModelNotFound` where one of the ``folders`` is not there.
    """
    found = [checkpoint(default_model.folder(), "", "comes with kvlsp", licence="Apache-2.0")]
    for folder in folders:
        found += of_folder(folder)
    found += [*of_hub_cache(hub), *ollama.models(store)]
    return list({entry.name: entry for entry in reversed(found)}.values())[::-1]


def of_folder(named: str) -> list[Entry]:
    """The model that a folder is, or those that lie in it: checkpoints a folder deep, GGUF files, adapters."""
    folder = as_path(named) or Path(named)
    folder = folder.absolute()
    if not folder.is_dir():
        raise ModelNotFound(f"There is no folder {named} to look for models in. Name an existing one with --in.")
    if (folder / "config.json").is_file() or is_adapter(folder):
        return [_of(folder)]
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    models = [_of(path) for path in inner if (path / "config.json").is_file() or is_adapter(path)]
    files = [path for path in sorted(folder.glob("*.gguf")) if not _NO_MODEL.search(path.name.lower())]
    return models + [of_file(path, str(path), "folder") for path in files]


def of_hub_cache(place: Path | None = None) -> Iterator[Entry]:
    """The models that huggingface_hub has fetched, by their ids."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir(place).repos
    except (CacheNotFound, ValueError, OSError):
        return
    for repository in sorted(repositories, key=lambda one: one.repo_id):
        folder = _revision(repository)
        if repository.repo_type == "model" and folder is not None:
            yield _of(folder, repository.repo_id, "hub cache")


def _revision(repository: Any) -> Path | None:
    """What ``main`` points to, else what came last."""
    revisions = sorted(repository.revisions, key=lambda one: ("main" in one.refs, one.last_modified))
    return Path(revisions[-1].snapshot_path) if revisions else None


def _of(folder: Path, name: str | None = None, where: str = "folder") -> Entry:
    return look(folder, str(folder) if name is None else name, where)
