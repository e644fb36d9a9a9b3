"""Which precision a model runs in where the user leaves that open, and by which products int8 multiplies: measured
once per shape and machine.

Two starts must not differ because something else ran beside one of them: what was kept on disk is of one precision and
one way to compute. So what was found is remembered in the cache folder, by the model's shape or width, the processor,
the threads and PyTorch.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path

from kvlsp.model.memory import precision_for
from kvlsp.model.quickest_precision import choose, costs
from kvlsp.model.rounding import quicker_in_integers

log = logging.getLogger(__name__)

_SHAPE = ("model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
          "num_key_value_heads", "head_dim", "vocab_size", "sliding_window")  # fmt: skip


def quickest(config: Any, folder: Path | None = None) -> torch.dtype:
    """The quickest precision for a text model's ``config`` on this processor; that of any product where a model is too
    large or too special to be measured."""
    found = choose(measured(config, folder))
    if found is not None:
        return found
    asked = _once("product", [], lambda: {"bfloat16": precision_for(torch.device("cpu")) == torch.bfloat16}, folder)
    return torch.bfloat16 if asked.get("bfloat16") else torch.float32


def in_integers(width: int, folder: Path | None = None) -> bool:
    """Whether int8 rounds rows of ``width`` numbers too, because it is quicker here."""
    return bool(_once("integers", [width], lambda: {"integers": quicker_in_integers(width)}, folder).get("integers"))


def measured(config: Any, folder: Path | None = None) -> dict[str, float]:
    """Milliseconds by precision (:func:`kvlsp.model.quickest_precision.costs`), measured now if they never were."""
    shape = [str(getattr(config, name, None)) for name in _SHAPE]
    return _once("precision", shape, lambda: _measure(config), folder)


def _measure(config: Any) -> dict[str, float]:
    found = costs(config)
    if found:
        log.info("How long an edit and a suggestion take, over two layers of this shape: %s.", said(found))
    return found


def _once(kind: str, of: list[Any], measure: Callable[[], dict[str, float]], folder: Path | None) -> dict[str, float]:
    """What ``measure`` finds ``of`` something, by name: remembered from an earlier start, else measured now. An empty
    result is not remembered."""
    named = [of, processor(), torch.get_num_threads(), torch.__version__]
    name = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:24]
    file = (folder or user_cache_path("kvlsp", appauthor=False) / "measured") / f"{kind}-{name}.json"
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(known, dict) and all(isinstance(one, (int, float)) for one in known.values()):
            return known
    except (OSError, ValueError):
        pass
    found = measure()
    if found:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh = file.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(found), encoding="utf-8")
            fresh.replace(file)
        except OSError as error:
            log.info("What was measured could not be saved: %s.", error.strerror)
    return found


def said(found: dict[str, float]) -> str:
    """Times in words."""
    return ", ".join(f"{took:,.1f} ms in {name}" for name, took in sorted(found.items(), key=lambda one: one[1]))


def processor() -> str:
    """What this processor is called, where the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
