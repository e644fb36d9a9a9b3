"""Which precision a model runs in where the user leaves that open, measured once per shape and machine.

Two starts must not differ because something else ran beside one of them: what was kept on disk is of one precision.
So the figures are remembered in the cache folder, by the shape of the model, the processor, the threads and PyTorch.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path

from kvlsp.model.quickest_precision import choose, costs

log = logging.getLogger(__name__)

_SHAPE = ("model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "num_key_value_heads", "head_dim", "vocab_size", "sliding_window")  # fmt: skip


def quickest(config: Any, folder: Path | None = None) -> torch.dtype | None:
    """The quickest precision for a text model's ``config`` on this processor; None where that is not known."""
    return choose(measured(config, folder))


def measured(config: Any, folder: Path | None = None) -> dict[str, float]:
    """Milliseconds by precision (:func:`kvlsp.model.quickest_precision.costs`), measured now if they never were."""
    named = [
        [str(getattr(config, name, None)) for name in _SHAPE],
        _processor(),
        torch.get_num_threads(),
        torch.__version__,
    ]
    name = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:24]
    file = (folder or user_cache_path("kvlsp", appauthor=False) / "measured") / f"precision-{name}.json"
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(known, dict) and all(isinstance(one, (int, float)) for one in known.values()):
            return known
    except (OSError, ValueError):
        pass
    found = costs(config)
    if found:
        log.info("An edit and a suggestion take two layers of this shape %s.", said(found))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(found), encoding="utf-8")
            fresh.replace(file)
        except OSError as error:
            log.info("What was measured is not kept: %s.", error.strerror)
    return found


def said(found: dict[str, float]) -> str:
    """Times in words."""
    return ", ".join(f"{took:,.1f} ms in {name}" for name, took in sorted(found.items(), key=lambda one: one[1]))


def _processor() -> str:
    """What this processor is called, where the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
