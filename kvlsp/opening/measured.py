"""What was measured about a model on this machine, kept in the cache folder: its repair budget and its gate.

One small JSON file per model, device and precision. What depends on the number of threads says so in its name
(:func:`by_threads`). A file that cannot be read is as good as none, one that cannot be written costs a measurement
next time.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path

from kvlsp import default_model
from kvlsp.config import Settings
from kvlsp.model.checkpoint import as_path
from kvlsp.opening.model import Model

log = logging.getLogger(__name__)


def recall(settings: Settings, model: Model, folder: Path | None = None) -> dict[str, Any]:
    """All that is known of the model that the settings name; {} when nothing is."""
    try:
        known = json.loads(_file(settings, model, folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def remember(settings: Settings, model: Model, facts: Mapping[str, Any], folder: Path | None = None) -> None:
    """Add ``facts`` to what is known."""
    file = _file(settings, model, folder)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps({**recall(settings, model, folder), **facts}), encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        log.info("What was measured could not be saved: %s.", error.strerror)


def by_threads(name: str) -> str:
    """The name of a fact that holds for the number of threads in use: times do, a verdict on quality does not."""
    return f"{name}, {torch.get_num_threads()} threads"


def _file(settings: Settings, model: Model, folder: Path | None) -> Path:
    decoder = model.decoder
    place = as_path(settings.model) if settings.model else default_model.folder()
    there = place if place is not None and place.exists() else None
    known = settings.model if there is None else str(there.resolve())
    weights = [] if there is None else [there] if there.is_file() else sorted(there.glob("*.safetensors"))
    stamps = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in weights]
    named = [known, stamps, decoder.name, str(decoder.device), str(decoder.dtype), model.description,
             model.template.order, torch.__version__]
    name = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:24]
    return (folder or user_cache_path("kvlsp", appauthor=False) / "measured") / f"{name}.json"
