"""A model of the hub: what it is, before it is fetched; and fetching it, which goes on where it broke off last time."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kvlsp.catalogue.entry import Entry, licence_in, look
from kvlsp.errors import ConfigurationError, ModelError
from kvlsp.model.checkpoint import FILES, HUB_ID, Progress, as_path, explain, locate


@dataclass(frozen=True, slots=True)
class Offer:
    """What the hub says of a model. ``size``: bytes of what would be fetched; ``gated``: its terms must be accepted."""

    name: str
    size: int
    licence: str
    gated: bool


def offer(name: str) -> Offer:
    """Ask the hub; no file is fetched. Raises :class:`ConfigurationError` for what is no hub id, else
    :class:`ModelError` with a sentence."""
    if as_path(name) is not None or not HUB_ID.fullmatch(name):
        raise ConfigurationError(f"{name} is not the name of a model on the hub. Write it as owner/name.")
    from huggingface_hub import HfApi

    try:
        found = HfApi().model_info(name, files_metadata=True)
    except Exception as error:
        # the hub's client wraps the errors of whichever network library it is built on
        raise explain(name, error) from error
    card: Any = found.card_data
    return Offer(
        name, _size(found.siblings or ()), licence_in(card.to_dict() if card is not None else None), bool(found.gated)
    )


def fetch(wanted: Offer, progress: Progress) -> Entry:
    """Fetch it into the hub's cache. What is there already stays; raises :class:`ModelError` with a sentence, also for
    a model that kvlsp cannot use."""
    from huggingface_hub import constants

    free = _free(Path(constants.HF_HUB_CACHE))
    if free is not None and wanted.size > free + _there(wanted.name):
        raise ModelError(
            f"{wanted.name} takes {wanted.size / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free under "
            f"{constants.HF_HUB_CACHE}. Free some space, or set HF_HOME to a folder on another disk."
        )
    entry = look(locate(wanted.name, progress), wanted.name, "hub cache", licence=wanted.licence)
    if entry.problem:
        raise ModelError(f"{wanted.name} was fetched, but cannot be used: {entry.problem}")
    return entry


def _size(files: Iterable[Any]) -> int:
    return sum(file.size or 0 for file in files if any(fnmatch(file.rfilename, pattern) for pattern in FILES))


def _there(name: str) -> int:
    """Bytes that are in the cache already, whole files and begun ones."""
    from huggingface_hub import constants

    blobs = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}" / "blobs"
    try:
        return sum(path.stat().st_size for path in blobs.iterdir())
    except OSError:
        return 0


def _free(place: Path) -> int | None:
    """Bytes on the disk that will hold ``place``; None where that cannot be told."""
    for folder in (place, *place.parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None
