"""What was measured on this machine, kept in the cache folder: an editor that asks shall not wait for measurements."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import torch
from platformdirs import user_cache_path

from kvlsp.catalogue.fitting import Cost, Machine
from kvlsp.catalogue.pace import probe
from kvlsp.model.memory import free_memory

log = logging.getLogger(__name__)


def machine(device: str = "auto", *, fresh: bool = False, folder: Path | None = None) -> Machine:
    """As :func:`kvlsp.catalogue.pace.probe`, measured once for a device, a number of threads and a version of torch;
    ``fresh`` measures again. Memory is always the present one."""
    file = (folder or user_cache_path("kvlsp", appauthor=False) / "measured") / "pace.json"
    name = f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    known = _read(file)
    found = None if fresh else _machine(known.get(name))
    if found is None:
        found = probe(device)
        of_it = {"device": found.device, "token": [found.token.parameter, found.token.layer],
                 "key": [found.key.parameter, found.key.layer]}  # fmt: skip
        _write(file, {**known, name: of_it})
    return found


def _machine(known: object) -> Machine | None:
    """As it was remembered; None for anything else."""
    if not isinstance(known, dict):
        return None
    try:
        where = torch.device(known["device"])
        token, key = (Cost(*map(float, known[name])) for name in ("token", "key"))
        return Machine(where.type, free_memory(where), torch.get_num_threads(), token, key)
    except (KeyError, TypeError, ValueError, RuntimeError):
        return None


def _read(file: Path) -> dict[str, object]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(file: Path, facts: dict[str, object]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(".new")
        new.write_text(json.dumps(facts), encoding="utf-8")
        new.replace(file)
    except OSError as error:
        log.info("What was measured could not be saved: %s.", error.strerror)
